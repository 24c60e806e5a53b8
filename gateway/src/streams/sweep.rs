//! The sweep: four times a second every connection is looked at, and what has broken a bound of time is ended.
//!
//! One place for every such bound means that a connection needs no timer of its own. The same pass ends the
//! connections of streams that were cut and cannot notice, because their clients take nothing; it writes the opening
//! records of requests older than a second and asks again for permits that have lapsed. [`decide_again`] is also what
//! a reload calls.

use std::sync::Arc;
use std::time::Duration;

use crate::audit::event::{Event, Phase};
use crate::clock::{self, Tick, Ticker};
use crate::facts::snapshot::{Resource, Snapshot};
use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::request::decide::{self, Wanted};
use crate::request::exchange::live_event;
use crate::state::Subject;
use crate::streams::{Connection, LiveRequest};

/// A request still open after this leaves an opening record.
const OPENING_AFTER: Duration = Duration::from_secs(1);

/// How long a cut stream or a closing connection may take to end by itself.
const CLOSING: Duration = Duration::from_secs(1);

/// How long a connection without a request stays open while the process drains, so that a request that is already on
/// its way is still answered.
const DRAIN_IDLE: Duration = Duration::from_secs(1);

/// How often what was counted of principals is looked through for what can be forgotten.
const FORGETTING: Duration = Duration::from_secs(10);

/// Sweeps until the process ends.
pub async fn run(gateway: Arc<Gateway>) {
    let mut interval = tokio::time::interval(Ticker::PERIOD);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut forgotten = gateway.ticker.now();
    loop {
        interval.tick().await;
        let now = gateway.ticker.advance();
        if clock::elapsed(forgotten, now, FORGETTING) {
            gateway.rate_limits.forget_full();
            gateway.code_rates.forget_idle();
            gateway.assertions.forget_lapsed(clock::now_ms());
            forgotten = now;
        }
        let snapshot = gateway.snapshot.load_full();
        gateway.streams.for_each(|connection| {
            bound_connection(&gateway, &snapshot, connection, now);
            if connection.running() > 0 {
                connection.live().iter().for_each(|request| bound_request(&snapshot, connection, request, now));
            }
        });
    }
}

fn bound_connection(gateway: &Gateway, snapshot: &Snapshot, connection: &Connection, now: Tick) {
    let limits = &snapshot.config.limits;
    if connection.head_since().is_some_and(|since| clock::elapsed(since, now, limits.header)) {
        connection.cut.cut(Reason::RequestHeadTimeout);
    }
    if gateway.draining() && connection.http2 {
        // GOAWAY: what runs goes on, nothing new begins.
        connection.close.cut(());
    }
    let (idle, since) = match gateway.draining_since() {
        Some(drain) => (DRAIN_IDLE, connection.idle_since().map(|since| since.max(drain))),
        None => (limits.idle, connection.idle_since()),
    };
    if since.is_some_and(|since| clock::elapsed(since, now, idle)) {
        connection.close.cut(());
    }
    // A client that does not answer the closing of its connection is not waited for.
    if since.is_some_and(|since| clock::elapsed(since, now, idle + CLOSING)) {
        connection.cut.cut(Reason::StreamIdle);
    }
}

fn bound_request(snapshot: &Snapshot, connection: &Connection, request: &LiveRequest, now: Tick) {
    if let Some((since, reason)) = request.cut_since(now) {
        // Its task is not asked for more while the client's window is closed: only the connection can end it.
        if clock::elapsed(since, now, CLOSING) {
            connection.cut.cut(reason);
        }
        return;
    }
    if let Some(reason) = request.overdue(now, snapshot.config.limits.min_body_bytes_per_s) {
        request.cut.cut(reason);
        return;
    }
    if request.lapsed(clock::now_ms()) {
        decide_again(connection, request);
    }
    if request.head.started.elapsed() > OPENING_AFTER {
        // Without a place in the queue the next sweep tries again; the place of the final record is reserved already.
        request.open_record(|| {
            let Some(slot) = connection.gateway.audit.reserve() else { return false };
            slot.send(Event::Request(Box::new(live_event(request, connection, Phase::Opening))));
            true
        });
    }
}

/// Decides every running request again and cuts those now refused.
pub fn decide_all_again(gateway: &Gateway) {
    gateway.streams.for_each(|connection| {
        for request in connection.live() {
            decide_again(connection, &request);
        }
    });
}

/// Decides the running requests of a subject again. Where the subject itself does not count any more, its connections
/// are closed once what runs on them has ended.
pub fn decide_subject_again(gateway: &Gateway, subject: &Subject) {
    for connection in gateway.streams.of_subject(subject) {
        let live = gateway.state.live();
        if live.standing(&connection.subjects, connection.authenticated_at_ms, clock::now_ms()).is_err() {
            connection.close.cut(());
        }
        connection.live().iter().for_each(|request| decide_again(&connection, request));
    }
}

/// Decides a running request again by what is in force now, and cuts it if it would be refused.
pub fn decide_again(connection: &Connection, request: &LiveRequest) {
    let gateway = &connection.gateway;
    loop {
        let version = gateway.version();
        match weigh_again(&gateway.snapshot.load(), connection, request) {
            Ok(holds_until_ms) => request.renewed(holds_until_ms),
            Err(reason) => {
                request.cut.cut(reason);
                return;
            }
        }
        // A change in between was decided by newer facts; its answer must not be the one that was just overwritten.
        if gateway.version() == version {
            return;
        }
    }
}

/// Until when the permit holds now, or why it would not be given.
fn weigh_again(snapshot: &Snapshot, connection: &Connection, request: &LiveRequest) -> Result<i64, Reason> {
    let asked = &request.asked;
    let resource = snapshot.resource(connection.listener, &asked.host);
    let Resource { app, policies, .. } =
        resource.filter(|resource| resource.app.name == asked.app.name).ok_or(Reason::RequestHostUnknown)?;
    let emergency = snapshot.emergency(connection.listener, &connection.facts.identity);
    let policies = emergency.map_or(policies, |break_glass| &break_glass.policies);
    let grants = emergency.map(|_| connection.gateway.grants.load());
    let credential = asked.credential.as_ref().map(|shown| shown.current(connection.gateway.state.live()));
    let wanted = Wanted {
        identity: &connection.facts.identity,
        subjects: &connection.subjects,
        authenticated_at_ms: connection.authenticated_at_ms,
        credential: credential.as_ref(),
        listener: connection.listener,
        app,
        policies,
        host: &asked.host,
        path: &asked.path,
        method: &asked.method,
        websocket: asked.websocket,
        initiator: &asked.initiator,
        grants: grants.as_ref().map(|grants| &***grants),
        target: asked.target.as_ref(),
        source_ip: asked.source_ip,
        now_ms: clock::now_ms(),
    };
    decide::weigh(snapshot, connection.gateway.state.live(), &wanted)
        .map(|permitted| permitted.holds_until_ms)
        .map_err(|refused| refused.reason)
}
