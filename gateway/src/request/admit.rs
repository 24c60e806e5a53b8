//! Admit: from what a request is for to a decision, and its place among what is live.

use std::sync::Arc;

use http::HeaderValue;
use http::header::{CONTENT_LENGTH, HeaderMap};
use http::request::Parts;

use crate::clock;
use crate::control::calls;
use crate::facts::snapshot::{Listener, Resource, Route, Snapshot};
use crate::reason::Reason;
use crate::request::cross_site::Initiator;
use crate::request::decide::{self, Asked, Permitted, Refused, Wanted};
use crate::request::exchange::{Announcement, Exchange};
use crate::request::identify::brought::Brought;
use crate::request::normalise::Normal;
use crate::request::rate::RateLimits;
use crate::streams::{Connection, LiveRequest, sweep};

/// A request that may be forwarded.
#[derive(Debug)]
pub(super) struct Admitted {
    permitted: Permitted,
    /// The way to the app; `None` for the control API, which is answered here.
    pub(super) route: Option<Arc<Route>>,
    pub(super) normal: Normal,
    policy_digest: Arc<str>,
    /// The session's cookie, where it is time to make it anew.
    pub(super) renewed: Option<HeaderValue>,
}

/// Weighs a request and registers it as live, so that what takes its permit away finds it.
pub(super) fn admit(
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

/// Asks for the decision on what the request is for, within the bounds of the app.
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
