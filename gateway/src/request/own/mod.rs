//! The gateway's own endpoints: `/.gaccong/` on every host, and everything on the host where people log in.
//!
//! They walk the path of every request as far as policy: the certificate must count, and each leaves its record. None is
//! ever forwarded.

mod access;
mod body;
mod guard;
pub mod language;
pub mod logout;
pub mod once;
pub mod portal;
mod respond;
pub mod session;
pub mod status;
mod visit;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response};
use hyper::body::Incoming;

use crate::clock;
use crate::facts::snapshot::{Listener, Snapshot};
use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::request::auth;
use crate::request::decide::Refused;
use crate::request::exchange::Exchange;
use crate::request::forward::assertion;
use crate::request::forward::headers::{X_REQUEST_ID, request_id_value};
use crate::request::normalise::Normal;
use crate::request::refuse::Reader;
use crate::session::{Binding, backchannel};
use crate::streams::Connection;
use respond::with_renewed;
pub use respond::{is_local, see_other, with_cookie};
pub use visit::{Answer, Visit};

/// The keys of assertions, on the host of every app; the management listener has them for those without a certificate.
const KEY_SET: &str = "/.gaccong/jwks.json";

/// Whether a request is for the gateway itself.
pub fn is_own(snapshot: &Snapshot, listener: Listener, normal: &Normal) -> bool {
    has_pages(snapshot, listener, &normal.host) && (normal.own_path || is_auth_host(snapshot, &normal.host))
}

/// Whether a host has the gateway's own pages: that of every app, and the one where people log in.
pub fn has_pages(snapshot: &Snapshot, listener: Listener, host: &str) -> bool {
    listener == Listener::Apps && (is_auth_host(snapshot, host) || snapshot.routes.of_host(host).is_some())
}

fn is_auth_host(snapshot: &Snapshot, host: &str) -> bool {
    snapshot.config.auth.as_ref().is_some_and(|auth| *auth.host.name == *host)
}

/// Answers a request for one of the gateway's own endpoints; on a refusal, gives the exchange back to be ended by it.
pub async fn answer(
    mut exchange: Exchange,
    normal: &Normal,
    parts: &Parts,
    body: &mut Incoming,
    reader: Reader,
) -> Result<Response<Bytes>, (Exchange, Box<Refused>)> {
    let connection = Arc::clone(&exchange.connection);
    let gateway = Arc::clone(&connection.gateway);
    let snapshot = gateway.snapshot.load_full();
    let app = snapshot.routes.of_host(&normal.host).map(|route| Arc::clone(&route.app.name));
    if let Some(head) = exchange.head_mut() {
        head.app = app;
        // Tickets and codes stand in queries.
        head.query = None;
    }
    let answered = match backchannel_logout(&gateway, &snapshot, normal, parts, body).await {
        Some(answered) => answered,
        None => answer_holder(&connection, &snapshot, normal, parts, body, reader).await,
    };
    match answered {
        Ok(mut response) => {
            let id = request_id_value(exchange.id());
            response.headers_mut().insert(X_REQUEST_ID, id);
            let by = format!("`{}`, the gateway's own", normal.path);
            exchange.admitted(by, response.status(), response.body().len() as u64);
            Ok(response)
        }
        Err(refused) => Err((exchange, refused)),
    }
}

/// Answers whoever holds a certificate that counts.
async fn answer_holder(
    connection: &Arc<Connection>,
    snapshot: &Arc<Snapshot>,
    normal: &Normal,
    parts: &Parts,
    body: &mut Incoming,
    reader: Reader,
) -> Answer {
    let now_ms = clock::now_ms();
    guard::check(connection, snapshot, normal, parts, now_ms)?;
    if parts.method == Method::GET && *normal.path == *KEY_SET {
        return Ok(assertion::key_set(&connection.gateway.assertions, now_ms));
    }
    let gateway = &connection.gateway;
    let auth = snapshot.config.auth.as_ref();
    let binding = Binding::of(&connection.facts.identity).ok_or(Reason::DeviceAbsent)?;
    let visit = Visit { gateway, connection, snapshot, auth, normal, parts, reader, binding, now_ms };
    dispatch(&visit, body).await
}

async fn dispatch(visit: &Visit<'_>, body: &mut Incoming) -> Answer {
    let on_auth_host = is_auth_host(visit.snapshot, &visit.normal.host);
    match (&visit.parts.method, &*visit.normal.path) {
        (&Method::GET, "/.gaccong/session") => session::redeem(visit).await,
        (&Method::GET, "/.gaccong/logout") => logout::confirm(visit),
        (&Method::POST, "/.gaccong/logout") => logout::end(visit, &body::form(body).await?).await,
        (&Method::GET, "/.gaccong/status") => status::show(visit),
        (&Method::GET, "/.gaccong/language") => language::choose(visit),
        (&Method::GET, "/") if on_auth_host => portal::show(visit),
        (&Method::GET, "/login") if on_auth_host => recorded(visit, auth::login::begin(visit).await),
        (&Method::GET, "/callback") if on_auth_host => recorded(visit, auth::callback::finish(visit).await),
        (&Method::GET, "/logout") if on_auth_host => logout::confirm(visit),
        (&Method::GET, "/logged-out") if on_auth_host => logout::ended(visit),
        _ => Err(Reason::RequestOwnPath.into()),
    }
}

/// A login that comes to nothing has a record of its own, as has one that does not.
fn recorded(visit: &Visit<'_>, answer: Answer) -> Answer {
    answer.inspect_err(|refused| auth::establish::note_failure(visit, refused))
}

/// Answers the identity provider, which shows no certificate: the token that it sends is its proof.
async fn backchannel_logout(
    gateway: &Arc<Gateway>,
    snapshot: &Snapshot,
    normal: &Normal,
    parts: &Parts,
    body: &mut Incoming,
) -> Option<Answer> {
    if !is_auth_host(snapshot, &normal.host)
        || parts.method != Method::POST
        || !backchannel::PATHS.contains(&&*normal.path)
    {
        return None;
    }
    Some(match body::form(body).await {
        Ok(form) => Ok(backchannel::answer(gateway, &form).await),
        Err(refused) => Err(refused),
    })
}
