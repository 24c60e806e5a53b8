//! A refusal that a login would mend: the way there, for a browser.
//!
//! The answer stays a 401 with its reason; the page leads on by itself. A redirect would lose the URL's fragment, and would
//! send scripts to a page that they cannot read.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{REFERER, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response};

use crate::clock;
use crate::config::{Auth, Pages};
use crate::facts::snapshot::Listener;
use crate::pages::login::{How, Login};
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::request::normalise::{self, Normal};
use crate::request::own;
use crate::request::refuse::{Format, Reader, Refusal};
use crate::session::tickets::{Demand, Flow, MAX_RETURN_BYTES, Ticket};
use crate::session::{Binding, Purpose, Remembered, remembered};
use crate::streams::Connection;

/// Where a browser can go on from a refusal.
#[derive(Debug)]
pub struct Way {
    url: String,
    flow: Arc<str>,
    cookie: HeaderValue,
    how: How,
}

impl Way {
    /// The way to a login, where one would mend the refusal and a browser shows the answer to a person.
    pub fn of(connection: &Connection, parts: &Parts, refused: &Refused, reader: Reader) -> Option<Self> {
        let snapshot = connection.gateway.snapshot.load();
        let auth = snapshot.config.auth.as_ref().filter(|_| connection.listener == Listener::Apps)?;
        let demand = demand(refused)?;
        if reader.format != Format::Page {
            return None;
        }
        let normal = normalise::normalise(parts).ok()?;
        // A code goes to the port that browsers know, whatever a client says.
        if normal.port != auth.host.port {
            return None;
        }
        begin(auth, connection, &normal, demand, returning(parts, &normal), how(parts, refused.reason))
    }

    /// Leads on from a refusal.
    pub fn show(self, refusal: Refusal, reader: Reader, pages: &Pages) -> Response<Bytes> {
        let login = Login { url: self.url.into(), flow: (*self.flow).to_owned().into(), how: self.how };
        let mut response = Refusal { login: Some(login), ..refusal }.response(reader, pages);
        response.headers_mut().append(SET_COOKIE, self.cookie);
        response
    }
}

/// What the login must be like; `None` where a login would change nothing.
fn demand(refused: &Refused) -> Option<Demand> {
    match refused.reason {
        Reason::SessionAbsent
        | Reason::SessionExpired
        | Reason::SessionIdle
        | Reason::SessionInvalid
        | Reason::SessionOtherDevice => Some(Demand::default()),
        Reason::SessionRevoked => Some(Demand { login_again: true, ..Demand::default() }),
        Reason::SessionStepUp => refused.demand.clone(),
        _ => None,
    }
}

/// A session of another device is not mended without a word, nor is what was sent lost without one.
fn how(parts: &Parts, reason: Reason) -> How {
    let is = |name: &str, values: &[&str]| {
        parts.headers.get(name).is_some_and(|value| values.iter().any(|known| value.as_bytes() == known.as_bytes()))
    };
    match reason {
        _ if !matches!(parts.method, Method::GET | Method::HEAD) => How::AfterForm,
        _ if is("sec-fetch-dest", &["iframe", "frame", "embed", "object"]) => How::Framed,
        // A page's script can spoil the cookie: what then led on by itself would never end.
        Reason::SessionOtherDevice | Reason::SessionInvalid => How::Asked,
        _ => How::Automatic,
    }
}

/// Where the person goes afterwards: back to the page that was asked for; of a form, to the page that it is on.
fn returning(parts: &Parts, normal: &Normal) -> String {
    let asked = || normal.path_and_query.as_str();
    let wanted = if parts.method == Method::GET { Some(asked()) } else { form_page(&parts.headers, normal) };
    wanted.filter(|path| path.len() <= MAX_RETURN_BYTES && is_page(path)).unwrap_or("/").to_owned()
}

/// The path of the page that sent the request, where it is of the same origin.
fn form_page<'h>(headers: &'h HeaderMap, normal: &Normal) -> Option<&'h str> {
    let referer = headers.get(REFERER)?.to_str().ok()?;
    referer.strip_prefix("https://")?.strip_prefix(normal.authority.to_str().ok()?).filter(|rest| rest.starts_with('/'))
}

/// Whether a person can come back to it: a page of this host, and of its app.
fn is_page(path: &str) -> bool {
    own::is_local(path) && !normalise::is_own(path)
}

fn begin(
    auth: &Auth,
    connection: &Connection,
    normal: &Normal,
    demand: Demand,
    return_to: String,
    how: How,
) -> Option<Way> {
    let now_ms = clock::now_ms();
    let binding = Binding::of(&connection.facts.identity)?;
    let id = remembered::new_id(connection.number_login()).ok()?;
    let ticket = Ticket {
        flow: Arc::clone(&id),
        host: normal.authority.to_str().ok()?.into(),
        binding: binding.clone(),
        demand,
        issued_at_ms: now_ms,
    };
    let flow = Flow { id: Arc::clone(&id), binding, return_to, begun_at_ms: now_ms };
    let sealer = connection.gateway.state.live().sessions.sealer();
    let ticket = sealer.seal(Purpose::Ticket, &auth.host.name, &ticket)?;
    Some(Way {
        url: format!("{}/login?ticket={ticket}", auth.host.origin()),
        flow: id,
        cookie: flow.remember(&normal.host, &sealer)?,
        how,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_comes_back_to_this_host_only() {
        for path in ["/", "/a?b=c", "/a//b", "/a\\b"] {
            assert!(is_page(path), "{path}");
        }
        for path in [
            "",
            "a",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a b",
            "/\u{e9}",
            "/.gaccong/logout",
        ] {
            assert!(!is_page(path), "{path}");
        }
    }
}
