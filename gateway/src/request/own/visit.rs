//! A request for one of the gateway's own endpoints.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::request::Parts;

use crate::config::Auth;
use crate::facts::snapshot::Snapshot;
use crate::form;
use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::request::decide::{self, Refused};
use crate::request::identify::credential::{self, Shown};
use crate::request::normalise::Normal;
use crate::request::refuse::Reader;
use crate::session::{Binding, Remembered};
use crate::streams::Connection;

/// What an endpoint answers, or why it does not.
pub type Answer = Result<Response<Bytes>, Box<Refused>>;

/// A request for one of the gateway's own endpoints, its certificate in order.
#[derive(Debug)]
pub struct Visit<'a> {
    /// The process.
    pub gateway: &'a Arc<Gateway>,
    /// The connection.
    pub connection: &'a Arc<Connection>,
    /// What it is answered by.
    pub snapshot: &'a Arc<Snapshot>,
    /// `[auth]`, where people log in.
    pub(super) auth: Option<&'a Arc<Auth>>,
    /// Host and path.
    pub normal: &'a Normal,
    /// The head.
    pub parts: &'a Parts,
    /// For whom the answer is written.
    pub reader: Reader,
    /// Whose connection it is.
    pub binding: Binding,
    /// Now, milliseconds since the Unix epoch.
    pub now_ms: i64,
}

impl<'a> Visit<'a> {
    /// `[auth]`
    ///
    /// # Errors
    /// Nobody logs in here.
    pub fn auth(&self) -> Result<&'a Arc<Auth>, Box<Refused>> {
        self.auth.ok_or_else(|| Reason::RequestOwnPath.into())
    }

    /// The session of the visitor, where there is one that counts.
    pub fn session(&self) -> Result<Option<Shown>, Box<Refused>> {
        let Some(auth) = self.auth else { return Ok(None) };
        let live = self.gateway.state.live();
        let identity = &self.connection.facts.identity;
        let shown = credential::session(live, auth, identity, &self.parts.headers, &self.normal.host, self.now_ms)?;
        if let Some(Shown { credential, .. }) = &shown {
            decide::stands(self.snapshot, live, credential, self.now_ms)?;
        }
        Ok(shown)
    }

    /// A key of the query that is there exactly once, decoded.
    pub fn query(&self, key: &str) -> Option<String> {
        form::only(self.normal.path_and_query.query().unwrap_or_default(), key)
    }

    /// What the visitor's browser remembers of the login that this request goes on with.
    ///
    /// # Errors
    /// The visitor has not begun it, for a reason that is for the record.
    pub fn recall<R: Remembered>(&self) -> Result<R, String> {
        let state = self.query("state").ok_or_else(|| "no `state`".to_owned())?;
        let sealer = self.gateway.state.live().sessions.sealer();
        R::recall(&self.parts.headers, &self.normal.host, &sealer, &state, self.now_ms)
    }
}
