//! The sweep: four times a second every connection is looked at, and what has broken a bound of time is ended.
//!
//! One place for every such bound means that a connection needs no timer of its own. The same pass writes the opening
//! records of requests older than a second and asks again for permits that have lapsed; [`decide_again`] is also what a
//! reload calls.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::audit::event::{Event, Phase};
use crate::clock::{self, Tick, Ticker};
use crate::facts::snapshot::Snapshot;
use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::request::decide::{self, Wanted};
use crate::request::exchange::live_event;
use crate::streams::{Connection, LiveRequest};

/// A request still open after this leaves an opening record.
const OPENING_AFTER: Duration = Duration::from_secs(1);

/// How long a connection without a request stays open while the process drains, so that a request that is already on
/// its way is still answered.
const DRAIN_IDLE: Duration = Duration::from_secs(1);

/// Sweeps until the process ends.
pub async fn run(gateway: Arc<Gateway>) {
    let mut interval = tokio::time::interval(Ticker::PERIOD);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let now = gateway.ticker.advance();
        let snapshot = gateway.snapshot.load_full();
        gateway.streams.for_each(|connection| {
            bound_connection(&gateway, &snapshot, connection, now);
            for request in connection.live() {
                bound_request(&snapshot, connection, &request, now);
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
    let idle = if gateway.draining() { DRAIN_IDLE } else { limits.idle };
    if connection.idle_since().is_some_and(|since| clock::elapsed(since, now, idle)) {
        connection.close.cut(());
    }
}

fn bound_request(snapshot: &Snapshot, connection: &Connection, request: &LiveRequest, now: Tick) {
    if let Some(reason) = request.overdue(now, snapshot.config.limits.min_body_bytes_per_s) {
        request.cut.cut(reason);
        return;
    }
    if request.lapsed(clock::now_ms()) {
        decide_again(snapshot, connection, request);
    }
    if request.head.started.elapsed() > OPENING_AFTER && !request.opened.load(Ordering::Relaxed) {
        // Without a place in the queue the next sweep tries again; the place of the final record is reserved already.
        if let Some(slot) = connection.gateway.audit.reserve() {
            request.opened.store(true, Ordering::Relaxed);
            slot.send(Event::Request(Box::new(live_event(request, connection, Phase::Opening))));
        }
    }
}

/// Decides every running request again under `snapshot` and cuts those now refused.
pub fn decide_all_again(gateway: &Gateway, snapshot: &Snapshot) {
    gateway.streams.for_each(|connection| {
        for request in connection.live() {
            decide_again(snapshot, connection, &request);
        }
    });
}

/// Decides a running request again under `snapshot`, and cuts it if it would be refused now.
pub fn decide_again(snapshot: &Snapshot, connection: &Connection, request: &LiveRequest) {
    let asked = &request.asked;
    let answer = match snapshot.routes.of_app(&asked.app.name) {
        None => Err(Reason::RequestHostUnknown),
        Some(route) => decide::weigh(
            snapshot,
            &Wanted {
                identity: &connection.facts.identity,
                app: &route.app,
                host: &asked.host,
                path: &asked.path,
                method: &asked.method,
                action: &asked.action,
                source_ip: asked.source_ip,
                now_ms: clock::now_ms(),
            },
        )
        .map_err(|refused| refused.reason),
    };
    match answer {
        Ok(permitted) => request.renewed(permitted.holds_until_ms),
        Err(reason) => {
            request.cut.cut(reason);
        }
    }
}
