//! The path of a request, in the order it is walked: accept, identify, begin, normalise, decide, count, register, forward
//! or refuse, record.

pub mod accept;
pub mod action;
pub mod auth;
pub mod body;
pub mod cors;
pub mod cross_site;
pub mod decide;
pub mod exchange;
pub mod forward;
pub mod head;
pub mod identify;
pub mod list;
pub mod login;
pub mod normalise;
pub mod own;
pub mod rate;
pub mod refuse;
pub mod shadow;

use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;

pub use body::ResponseBody;

use crate::audit::event::Outcome;
use crate::clock;
use crate::config::Limits;
use crate::control::{self, calls};
use crate::facts::snapshot::{Listener, Resource, Route, Snapshot};
use crate::reason::Reason;
use crate::request::cors::Sharing;
use crate::request::cross_site::Initiator;
use crate::request::decide::{Asked, Permitted, Refused, Wanted};
use crate::request::exchange::{Announcement, Exchange};
use crate::request::forward::headers::{X_REQUEST_ID, request_id_value};
use crate::request::head::Head;
use crate::request::identify::brought::Brought;
use crate::request::login::Way;
use crate::request::normalise::Normal;
use crate::request::rate::RateLimits;
use crate::request::refuse::{Reader, Refusal};
use crate::streams::{Connection, LiveRequest, sweep};

/// A request that may be forwarded.
#[derive(Debug)]
pub struct Admitted {
    permitted: Permitted,
    /// The way to the app; `None` for the control API, which is answered here.
    route: Option<Arc<Route>>,
    normal: Normal,
    policy_digest: Arc<str>,
    /// The session's cookie, where it is time to make it anew.
    renewed: Option<HeaderValue>,
}

/// Answers one request, with the app's response or with a refusal; either way it leaves one final record.
pub async fn answer(connection: &Arc<Connection>, request: Request<Incoming>) -> Response<ResponseBody> {
    let gateway = &connection.gateway;
    let (parts, body) = request.into_parts();
    let reader = Reader::of(&parts.method, &parts.headers);
    let http1 = parts.version < Version::HTTP_2;
    connection.head_complete();

    let mut response = match begin(connection, &parts) {
        Err(refusal) => {
            if !body.is_end_stream() {
                connection.leaves_body_unread();
            }
            refusal.response(reader, &gateway.snapshot.load().config.pages).map(ResponseBody::from)
        }
        Ok(exchange) => answer_begun(connection, exchange, parts, body, reader).await,
    };
    let closes = gateway.draining() || connection.close.reason().is_some();
    if http1 && closes && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Answers a request that has its place in the log.
async fn answer_begun(
    connection: &Arc<Connection>,
    mut exchange: Exchange,
    parts: Parts,
    mut body: Incoming,
    reader: Reader,
) -> Response<ResponseBody> {
    let normal = match normalised(connection, &mut exchange, &parts) {
        Ok(normal) => normal,
        Err(refused) => return refuse(connection, exchange, refused, &parts, &body, reader),
    };
    if let Some(stream) = control::signals::of_bearer(connection, &parts) {
        return control::signals::answer_bearer(&stream, &parts.headers, body, exchange).await;
    }
    let sharing = Sharing::of(&connection.gateway.snapshot.load(), connection.listener, &normal, &parts.headers);
    if let Some(sharing) = sharing.as_ref().filter(|sharing| sharing.is_preflight(&parts.method, &parts.headers)) {
        return answer_preflight(connection, exchange, sharing, &parts, &body, reader);
    }
    if own::is_own(&connection.gateway.snapshot.load(), connection.listener, &normal) {
        return match own::answer(exchange, &normal, &parts, &mut body, reader).await {
            Ok(response) => response.map(ResponseBody::from),
            Err((exchange, refused)) => refuse(connection, exchange, refused, &parts, &body, reader),
        };
    }
    let mut response = match admit(connection, &mut exchange, &parts, normal) {
        Ok((Admitted { route: Some(route), normal, renewed, .. }, live)) => {
            let mut response = forward::forward(route, normal, live, exchange, parts, body, reader).await;
            if let Some(cookie) = renewed {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Ok((Admitted { route: None, normal, .. }, live)) => {
            control::answer(normal, parts.headers, live, exchange, body, reader).await
        }
        Err(refused) => refuse(connection, exchange, refused, &parts, &body, reader),
    };
    if let Some(sharing) = sharing {
        sharing.apply(response.headers_mut());
    }
    response
}

/// Answers a preflight by the configuration: it bears nothing by which anyone could be known, and goes no further.
fn answer_preflight(
    connection: &Connection,
    mut exchange: Exchange,
    sharing: &Sharing,
    parts: &Parts,
    body: &Incoming,
    reader: Reader,
) -> Response<ResponseBody> {
    if let Some(head) = exchange.head_mut() {
        head.app = Some(Arc::clone(&sharing.app().name));
    }
    if !sharing.is_allowed() {
        return refuse(connection, exchange, Reason::RequestCrossSite.into(), parts, body, reader);
    }
    let mut response = sharing.preflight();
    response.headers_mut().insert(X_REQUEST_ID, request_id_value(exchange.id()));
    exchange.admitted(sharing.to_string(), response.status(), 0);
    response.map(ResponseBody::from)
}

/// Says why a request is refused, and what the person can mend.
fn refuse(
    connection: &Connection,
    exchange: Exchange,
    refused: Box<Refused>,
    parts: &Parts,
    body: &Incoming,
    reader: Reader,
) -> Response<ResponseBody> {
    if !body.is_end_stream() {
        connection.leaves_body_unread();
    }
    let snapshot = connection.gateway.snapshot.load();
    let refusal = Refusal::of(&refused, &snapshot, connection, exchange.head(), parts);
    let pages = &snapshot.config.pages;
    let response = match Way::of(connection, parts, &refused, reader) {
        Some(way) => way.show(refusal, reader, pages),
        None => refusal.response(reader, pages),
    };
    exchange.refused(refused, response.status(), response.body().len() as u64);
    response.map(ResponseBody::from)
}

/// Begins the exchange, within the bounds on running requests and on records.
fn begin(connection: &Arc<Connection>, parts: &Parts) -> Result<Exchange, Box<Refusal>> {
    let gateway = &connection.gateway;
    let (head, limit) = {
        let config = &gateway.snapshot.load().config;
        (Head::of(parts, config.audit.query_strings), config.limits.requests_per_source)
    };
    let id = head.id;
    Exchange::begin(connection, head, limit).map_err(|reason| {
        gateway.metrics.refused(reason);
        gateway.lane.count(&connection.facts, reason, clock::now_ms());
        Box::new(Refusal::new(reason, id))
    })
}

/// Weighs a request and registers it as live, so that what takes its permit away finds it.
fn admit(
    connection: &Arc<Connection>,
    exchange: &mut Exchange,
    parts: &Parts,
    normal: Normal,
) -> Result<(Admitted, Arc<LiveRequest>), Box<Refused>> {
    let gateway = &connection.gateway;
    let version = gateway.version();
    let snapshot = gateway.snapshot.load();
    let admitted = weigh(&snapshot, connection, exchange, parts, normal)?;

    let announcement = Announcement::of(&admitted.permitted, gateway)?;
    let facts = admitted.permitted.facts(&admitted.policy_digest);
    let Permitted { asked, holds_until_ms, decision_ns, .. } = &admitted.permitted;
    let live = exchange
        .live(|head| LiveRequest::new(head, Arc::clone(asked), facts, *decision_ns, *holds_until_ms, &gateway.ticker));
    let live = live.ok_or(Reason::GatewayInternal)?;
    announcement.send(&live, connection);
    // A change that came between decision and registration has not seen this request: it is decided again here.
    if gateway.version() != version {
        sweep::decide_again(connection, &live);
    }
    Ok((admitted, live))
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

/// The one reading of the request's host and path, of a head that is within its bounds.
fn normalised(connection: &Connection, exchange: &mut Exchange, parts: &Parts) -> Result<Normal, Box<Refused>> {
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

/// Where people log in with cards, a card opens no app, and a device's certificate does not log in.
fn is_of_the_other_certificate(connection: &Connection, host: &str) -> bool {
    let snapshot = connection.gateway.snapshot.load();
    let Some(auth) = snapshot.config.auth.as_ref().filter(|_| connection.listener == Listener::Apps) else {
        return false;
    };
    let sni = connection.facts.tls.as_ref().and_then(|tls| tls.sni.as_deref());
    auth.is_opened_with_cards(sni) != auth.is_opened_with_cards(Some(host))
}

fn weigh(
    snapshot: &Snapshot,
    connection: &Connection,
    exchange: &mut Exchange,
    parts: &Parts,
    normal: Normal,
) -> Result<Admitted, Box<Refused>> {
    let Resource { app, route, policies } =
        snapshot.resource(connection.listener, &normal.host).ok_or(Reason::RequestHostUnknown)?;
    let emergency = snapshot.emergency(connection.listener, &connection.facts.identity);
    let policies = emergency.map_or(policies, |break_glass| &break_glass.policies);
    let grants = emergency.map(|_| connection.gateway.grants.load());
    if let Some(head) = exchange.head_mut() {
        head.app = Some(Arc::clone(&app.name));
    }
    if normal.own_path {
        return Err(Reason::RequestOwnPath.into());
    }
    let target = match connection.listener {
        Listener::Apps => None,
        Listener::Control => calls::find(&parts.method, &normal.path).and_then(|call| {
            call.target(&normal.path, normal.path_and_query.query(), connection.facts.identity.device())
        }),
    };
    let initiator = Initiator::of(&parts.headers, &normal.authority);
    let now_ms = clock::now_ms();
    let mut brought = Brought::read(snapshot, connection, emergency.is_some(), &parts.headers, &normal.host, now_ms)?;
    let wanted = Wanted {
        identity: &connection.facts.identity,
        subjects: &connection.subjects,
        authenticated_at_ms: connection.authenticated_at_ms,
        credential: brought.credential.as_ref(),
        listener: connection.listener,
        app,
        policies,
        host: &normal.host,
        path: &normal.path,
        method: &parts.method,
        websocket: normal.websocket,
        initiator: &initiator,
        grants: grants.as_ref().map(|grants| &***grants),
        target: target.as_ref(),
        source_ip: connection.facts.source.ip(),
        now_ms,
    };
    let weighed = decide::weigh(snapshot, connection.gateway.state.live(), &wanted);
    let weighed = weighed.map_err(|refused| brought.explain(refused));
    let decision_ns = weighed.as_ref().map_or_else(|refused| refused.decision_ns, |permitted| permitted.decision_ns);
    if decision_ns > 0 {
        connection.gateway.metrics.decided(decision_ns);
    }
    connection.gateway.shadow.offer(exchange.id(), &snapshot.config.policy, policies, &weighed);
    let permitted = within_bounds(&connection.gateway.rate_limits, &parts.headers, weighed?)?;
    let policy_digest = Arc::clone(policies.digest());
    Ok(Admitted { permitted, route: route.cloned(), normal, policy_digest, renewed: brought.renewed })
}

/// What policy permits is bounded by the app: the length of a body, and how much one principal may ask for.
fn within_bounds(
    rate_limits: &RateLimits,
    headers: &HeaderMap,
    permitted: Permitted,
) -> Result<Permitted, Box<Refused>> {
    let Asked { app, principal, .. } = &*permitted.asked;
    let refused = if announced_bytes(headers) > app.body_limit_bytes.unwrap_or(u64::MAX) {
        Refused::of(Reason::RequestBodyTooLarge)
    } else {
        match rate_limits.count(principal, app) {
            Ok(()) => return Ok(permitted),
            Err(wait_s) => Refused { retry_after_s: Some(wait_s), ..Refused::of(Reason::RequestRateLimited) },
        }
    };
    Err(Box::new(Refused { asked: Some(permitted.asked), ..refused }))
}

fn announced_bytes(headers: &HeaderMap) -> u64 {
    headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// How an exchange ends that is ended by us for this reason.
fn outcome_of(reason: Reason) -> Outcome {
    match reason {
        Reason::RequestBodyTooLarge | Reason::RequestBodyTooSlow | Reason::RequestBodyMalformed => {
            Outcome::BodyRefused(reason)
        }
        Reason::UpstreamUnavailable
        | Reason::UpstreamConnect
        | Reason::UpstreamTimeout
        | Reason::UpstreamProtocol
        | Reason::UpstreamConnectionAuth
        | Reason::GatewayInternal => Outcome::UpstreamFailed(reason),
        _ => Outcome::Cut(reason),
    }
}
