//! What a request brings beside its connection, and which of it says who asks.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::Identity;
use super::credential::{self, Credential};
use super::token::{self, Bearing};
use crate::facts::snapshot::{Listener, Snapshot};
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::streams::Connection;
use crate::tokens::Refusal;

/// A session or token, or neither.
#[derive(Debug, Default)]
pub struct Brought {
    /// Who asks by it.
    pub credential: Option<Arc<Credential>>,
    /// The session's cookie anew, where it is time for that.
    pub renewed: Option<HeaderValue>,
    /// Why its bearer token says nothing here, where it has one that is the app's own.
    foreign: Option<Refusal>,
}

impl Brought {
    /// What a request with these fields brings. A token comes before a session: nobody sends one by accident. Whoever breaks
    /// the glass needs neither, and the control API knows neither.
    ///
    /// # Errors
    /// It brings something that does not count.
    pub fn read(
        snapshot: &Snapshot,
        connection: &Connection,
        is_emergency: bool,
        headers: &HeaderMap,
        host: &str,
        now_ms: i64,
    ) -> Result<Self, Box<Refused>> {
        let Connection { gateway, facts, .. } = connection;
        let proven = matches!(facts.identity, Identity::Proven { .. });
        if connection.listener != Listener::Apps || !proven || is_emergency {
            return Ok(Self::default());
        }
        let bearing = token::read(&snapshot.tokens, &facts.identity, headers, now_ms);
        if let Some(result) = token::result(&bearing) {
            gateway.metrics.tokens().brought(result);
        }
        let foreign = match bearing? {
            Bearing::Token(credential) => return Ok(Self { credential: Some(credential), ..Self::default() }),
            Bearing::Foreign(refusal) => Some(refusal),
            Bearing::Nothing => None,
        };
        let shown = match &snapshot.config.auth {
            Some(auth) => credential::session(gateway.state.live(), auth, &facts.identity, headers, host, now_ms)?,
            None => None,
        };
        let (credential, renewed) = shown.map(|shown| (shown.credential, shown.renewed)).unzip();
        Ok(Self { credential, renewed: renewed.flatten(), foreign })
    }

    /// Where nobody is known, whoever sent a token learns why that did not help.
    pub fn explain(&mut self, refused: Box<Refused>) -> Box<Refused> {
        match refused.reason {
            Reason::SessionAbsent | Reason::PrincipalAbsent => self.foreign.take().map_or(refused, Into::into),
            _ => refused,
        }
    }
}
