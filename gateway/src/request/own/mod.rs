//! The gateway's own endpoints: `/.gaccong/` on every host, and everything on the host where people log in.
//!
//! They walk the path of every request as far as policy: the certificate must count, and each leaves its record. None is
//! ever forwarded.

mod access;
pub mod language;
pub mod logout;
pub mod portal;
pub mod session;
pub mod status;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use crate::clock;
use crate::config::Auth;
use crate::facts::snapshot::{Listener, Snapshot};
use crate::form;
use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::request::auth;
use crate::request::cross_site::{Initiator, Site};
use crate::request::decide::Refused;
use crate::request::exchange::Exchange;
use crate::request::forward::assertion;
use crate::request::forward::headers::{X_REQUEST_ID, request_id_value};
use crate::request::identify::Identity;
use crate::request::identify::credential::{self, Shown};
use crate::request::normalise::Normal;
use crate::request::refuse::Reader;
use crate::session::{Binding, backchannel};
use crate::streams::Connection;

/// What an endpoint answers, or why it does not.
pub type Answer = Result<Response<Bytes>, Box<Refused>>;

/// The largest form.
const FORM_MAX_BYTES: usize = 16 * 1024;

/// How long a form may take.
const FORM_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

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
    auth: Option<&'a Arc<Auth>>,
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

/// The keys of assertions, on the host of every app; the management listener has them for those without a certificate.
const KEY_SET: &str = "/.gaccong/jwks.json";

/// Whether a request is for the gateway itself.
pub fn is_own(snapshot: &Snapshot, listener: Listener, normal: &Normal) -> bool {
    let is_auth_host = || snapshot.config.auth.as_ref().is_some_and(|auth| auth.host.name == normal.host);
    let is_of_app = || normal.own_path && snapshot.routes.of_host(&normal.host).is_some();
    listener == Listener::Apps && (is_auth_host() || is_of_app())
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
    check(connection, snapshot, normal, parts, now_ms)?;
    if parts.method == Method::GET && *normal.path == *KEY_SET {
        return Ok(assertion::key_set(&connection.gateway.assertions, now_ms));
    }
    let gateway = &connection.gateway;
    let auth = snapshot.config.auth.as_ref();
    let binding = Binding::of(&connection.facts.identity).ok_or(Reason::DeviceAbsent)?;
    let visit = Visit { gateway, connection, snapshot, auth, normal, parts, reader, binding, now_ms };
    dispatch(&visit, body).await
}

/// The certificate counts, and so does whoever holds it; and no page of another site asks for a change, whatever an app
/// shares.
fn check(
    connection: &Connection,
    snapshot: &Snapshot,
    normal: &Normal,
    parts: &Parts,
    now_ms: i64,
) -> Result<(), Box<Refused>> {
    let initiator = Initiator::of(&parts.headers, &normal.authority);
    let is_navigation = parts.headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    // What these pages cost to make, no page of another site has made by an image.
    let is_made_elsewhere = initiator.site == Some(Site::CrossSite) && !is_navigation;
    if is_made_elsewhere || (!parts.method.is_safe() && initiator.is_foreign()) {
        return Err(Reason::RequestCrossSite.into());
    }
    let certificate = match &connection.facts.identity {
        Identity::Anonymous => return Err(Reason::CertificateAbsent.into()),
        Identity::Invalid { reason, .. } => return Err((*reason).into()),
        Identity::Proven { certificate, .. } => certificate,
    };
    let live = connection.gateway.state.live();
    live.standing(&connection.subjects, connection.authenticated_at_ms, now_ms)?;
    snapshot.trust.standing(certificate, now_ms)?;
    Ok(())
}

async fn dispatch(visit: &Visit<'_>, body: &mut Incoming) -> Answer {
    let on_auth_host = visit.auth.is_some_and(|auth| auth.host.name == visit.normal.host);
    match (&visit.parts.method, &*visit.normal.path) {
        (&Method::GET, "/.gaccong/session") => session::redeem(visit).await,
        (&Method::GET, "/.gaccong/logout") => logout::confirm(visit),
        (&Method::POST, "/.gaccong/logout") => logout::end(visit, &form(body).await?).await,
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
    let on_auth_host = snapshot.config.auth.as_ref().is_some_and(|auth| normal.host == auth.host.name);
    if !on_auth_host || parts.method != Method::POST || !backchannel::PATHS.contains(&&*normal.path) {
        return None;
    }
    Some(match form(body).await {
        Ok(form) => Ok(backchannel::answer(gateway, &form).await),
        Err(refused) => Err(refused),
    })
}

/// The whole of a small form.
async fn form(body: &mut Incoming) -> Result<Bytes, Box<Refused>> {
    match tokio::time::timeout(FORM_TIMEOUT, Limited::new(body, FORM_MAX_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(Reason::RequestBodyTooLarge.into()),
        Err(_) => Err(Reason::RequestBodyTooSlow.into()),
    }
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
            live.standing(&credential.subjects, credential.established_at_ms, self.now_ms)?;
        }
        Ok(shown)
    }

    /// A key of the query that is there exactly once, decoded.
    pub fn query(&self, key: &str) -> Option<String> {
        form::only(self.normal.path_and_query.query().unwrap_or_default(), key)
    }
}

/// Sends the browser elsewhere with a GET (RFC 9110 §15.4.4).
pub fn see_other(url: &str) -> Answer {
    let location = HeaderValue::try_from(url).map_err(|_| Refused::because(Reason::GatewayInternal, "unusable URL"))?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let fields = response.headers_mut();
    fields.insert(LOCATION, location);
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    Ok(response)
}

/// The longest path that a browser is sent back to.
const LOCAL_MAX_BYTES: usize = 1024;

/// Whether a browser would read it as a path of this host, and a query: neither `//host` nor `/\host`.
pub fn is_local(path: &str) -> bool {
    let mut bytes = path.bytes();
    path.len() <= LOCAL_MAX_BYTES
        && bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Adds the session's cookie anew, where it is time to.
fn with_renewed(response: Response<Bytes>, shown: Option<Shown>) -> Response<Bytes> {
    match shown.and_then(|shown| shown.renewed) {
        Some(cookie) => with_cookie(response, cookie),
        None => response,
    }
}

/// Adds a cookie to a response.
pub fn with_cookie(mut response: Response<Bytes>, cookie: HeaderValue) -> Response<Bytes> {
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}
