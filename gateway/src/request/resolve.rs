//! Resolve: which host and path a request means, on the connection that it came by.

use std::sync::Arc;

use http::Version;
use http::header::HeaderMap;
use http::request::Parts;

use crate::config::Limits;
use crate::facts::snapshot::Listener;
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::request::exchange::Exchange;
use crate::request::normalise::{self, Normal};
use crate::streams::Connection;

/// The one reading of the request's host and path, of a head that is within its bounds.
pub(super) fn resolve(connection: &Connection, exchange: &mut Exchange, parts: &Parts) -> Result<Normal, Box<Refused>> {
    if parts.version == Version::HTTP_2 {
        bound_head(&parts.headers, &connection.gateway.snapshot.load().config.limits)?;
    }
    match normalise::normalise(parts) {
        Err(rejected) => {
            if let Some(head) = exchange.head_mut() {
                (head.host, head.path) = normalise::legible(parts);
            }
            Err(Box::new(Refused::because(rejected.reason, rejected.detail)))
        }
        Ok(normal) => {
            if let Some(head) = exchange.head_mut() {
                head.host = Some(Arc::clone(&normal.host));
                head.path = Arc::clone(&normal.path);
            }
            if !normalise::covers(&connection.hosts, &normal.host)
                || is_of_the_other_certificate(connection, &normal.host)
            {
                return Err(Reason::RequestHostMisdirected.into());
            }
            Ok(normal)
        }
    }
}

/// hyper bounds heads of HTTP/1.1 as they are read; those of HTTP/2 arrive unpacked.
fn bound_head(headers: &HeaderMap, limits: &Limits) -> Result<(), Reason> {
    // A field costs its name, its value and 32 bytes (RFC 9113 §6.5.2).
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    if headers.len() > limits.headers || bytes > limits.header_bytes {
        return Err(Reason::RequestHeadTooLarge);
    }
    Ok(())
}

/// Where people log in with cards, a card opens no app, and a device's certificate does not log in.
fn is_of_the_other_certificate(connection: &Connection, host: &str) -> bool {
    let snapshot = connection.gateway.snapshot.load();
    let Some(auth) = snapshot.config.auth.as_ref().filter(|_| connection.listener == Listener::Apps) else {
        return false;
    };
    let sni = connection.facts.tls.as_ref().and_then(|tls| tls.sni.as_deref());
    auth.is_opened_with_cards(sni) != auth.is_opened_with_cards(Some(host))
}
