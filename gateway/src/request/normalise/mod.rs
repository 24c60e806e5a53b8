//! One reading of a request's head: host, path and framing, made before the decision and used by everything after it.
//!
//! What policy decides on is what the upstream gets. A head that another server could read in a second way is refused,
//! not repaired. What hyper resolves before we see it (bare line feeds, a length beside chunks, a fragment in the
//! target) goes on in hyper's one reading.
//!
//! The normal form of a path is that of RFC 3986 §6.2.2. An escaped reserved character (`%40`) and the character itself
//! (`@`) are different paths there and here, though an upstream may treat them alike: policies that permit by path
//! hold, policies that forbid by a path with such a character would have to name both.

mod framing;
mod host;
mod path;
mod upgrade;

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method};

use crate::config::HostPattern;
use crate::reason::Reason;
use crate::request::forward::headers::names_connection_auth;

pub(crate) use path::normal as normal_path;

/// The first segment of the paths that are the gateway's own on every host.
const OWN_SEGMENT: &str = "/.gaccong";

/// The longest method that is forwarded; the longest registered one has 17 letters.
const METHOD_BYTES_MAX: usize = 32;

/// How much of a refused host and path is recorded.
const LEGIBLE_CHARS_MAX: usize = 1024;

/// The one reading of a request's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normal {
    /// The host, lower-case, without a port. IPv6 addresses are in brackets.
    pub host: Arc<str>,
    /// The port, where one is named that is not 443.
    pub port: Option<u16>,
    /// Host and port as the upstream gets them in `Host`.
    pub authority: HeaderValue,
    /// The path: decided on, forwarded, and recorded.
    pub path: Arc<str>,
    /// The same path with the client's query, untouched: the target for the upstream.
    pub path_and_query: PathAndQuery,
    /// Whether the path is of the gateway's own prefix, `/.gaccong/`, and never forwarded.
    pub own_path: bool,
    /// Whether this is a well-formed WebSocket handshake (RFC 6455 §4.1).
    pub websocket: bool,
}

/// Why a head has no normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Rejected {
    /// What the client is told.
    pub reason: Reason,
    /// What is wrong exactly, for the record.
    pub detail: &'static str,
}

impl Rejected {
    fn new(reason: Reason, detail: &'static str) -> Self {
        Self { reason, detail }
    }
}

/// Reads a request's head in the one way that everything after it shares.
pub fn normalise(head: &Parts) -> Result<Normal, Rejected> {
    check_method(&head.method)?;
    path::check_form(head)?;
    let host = host::of(head)?;
    let target = path::target(&head.uri)?;
    framing::check(head)?;
    let websocket = upgrade::is_websocket(head)?;
    if head.headers.get_all(AUTHORIZATION).iter().any(names_connection_auth) {
        return Err(Rejected::new(Reason::RequestConnectionAuth, "credentials of NTLM or Negotiate"));
    }
    Ok(Normal {
        authority: host.header_value()?,
        host: host.name,
        port: host.port,
        own_path: is_own(&target.path),
        path: target.path,
        path_and_query: target.path_and_query,
        websocket,
    })
}

/// Whether one of a server certificate's hosts is `host`. Where none is, the request came over a connection that was
/// opened for another host, and the answer is 421.
pub fn covers(certificate_hosts: &[HostPattern], host: &str) -> bool {
    certificate_hosts.iter().any(|pattern| pattern.matches(host))
}

/// What can be recorded of the host and path of a head that was refused: bounded, without control characters, and
/// nothing to decide by.
pub fn legible(head: &Parts) -> (Option<Arc<str>>, Arc<str>) {
    let authority = head.uri.authority().map(|authority| authority.as_str().as_bytes());
    let host = authority.or_else(|| head.headers.get(http::header::HOST).map(HeaderValue::as_bytes));
    (host.map(printable), printable(head.uri.path().as_bytes()))
}

fn printable(bytes: &[u8]) -> Arc<str> {
    let text = String::from_utf8_lossy(bytes.get(..4 * LEGIBLE_CHARS_MAX).unwrap_or(bytes));
    let text = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
    text.take(LEGIBLE_CHARS_MAX).collect::<String>().into()
}

/// Methods are case-sensitive, but not all servers know it: `get` has two readings.
fn check_method(method: &Method) -> Result<(), Rejected> {
    let name = method.as_str();
    let refused = matches!(name, "CONNECT" | "TRACE" | "TRACK")
        || name.len() > METHOD_BYTES_MAX
        || !name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if refused { Err(Rejected::new(Reason::RequestMethod, "a method that is not forwarded")) } else { Ok(()) }
}

/// Whether a path is of the gateway's own prefix.
pub fn is_own(path: &str) -> bool {
    path.strip_prefix(OWN_SEGMENT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
