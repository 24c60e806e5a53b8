//! An exchange: one request from its head to its end, and the promise that it leaves exactly one final record.
//!
//! The place in the audit queue is reserved before anything else is done; the record is written when the exchange is
//! dropped, whichever way that comes about: a whole response, a client that hangs up, a cut, a panic. A client that is
//! not authenticated and has used up its budget is counted in a sum instead.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{StatusCode, Version};
use uuid::Uuid;

use crate::audit::event::{DecisionFacts, Event, Outcome, Phase, RequestEvent};
use crate::audit::queue::Slot;
use crate::clock;
use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::request::decide::{Asked, Permitted, Refused};
use crate::request::head::Head;
use crate::request::identify::Identity;
use crate::streams::{Connection, LiveRequest};

/// One request from its head to its end.
#[derive(Debug)]
pub struct Exchange {
    /// The connection it runs on.
    pub connection: Arc<Connection>,
    place: Place,
    /// Whether it counts among the running requests of its source.
    counted: bool,
    id: Uuid,
    /// Until the request is live.
    head: Option<Head>,
    /// Once it is admitted without a question to policy.
    admitted: Option<DecisionFacts>,
    /// Once it is refused.
    refused: Option<Box<Refused>>,
    /// Once it is permitted and registered, with the key of its registration.
    live: Option<(Arc<LiveRequest>, usize)>,
    status: Option<StatusCode>,
    outcome: Option<Outcome>,
    upstream: Option<Arc<str>>,
    upstream_us: Option<u64>,
    own_bytes_out: u64,
}

/// The place of the final record.
#[derive(Debug)]
enum Place {
    /// Its own, reserved in the queue.
    Own(Slot),
    /// In a sum: the client is not authenticated and its prefix has used up its budget.
    Sum,
    /// Recorded elsewhere.
    None,
}

impl Place {
    fn reserve(connection: &Connection) -> Result<Self, Reason> {
        let gateway = &connection.gateway;
        let authenticated = matches!(connection.facts.identity, Identity::Proven { .. });
        if !authenticated && !gateway.lane.admits(connection.facts.source.ip()) {
            return Ok(Self::Sum);
        }
        gateway.audit.reserve().map(Self::Own).ok_or(Reason::AuditQueueFull)
    }
}

impl Exchange {
    /// Begins an exchange, where the source may run another request and its record can be queued.
    pub fn begin(connection: &Arc<Connection>, head: Head, requests_per_source: usize) -> Result<Self, Reason> {
        let mut exchange = Self {
            place: Place::reserve(connection)?,
            counted: false,
            connection: Arc::clone(connection),
            id: head.id,
            head: Some(head),
            admitted: None,
            refused: None,
            live: None,
            status: None,
            outcome: None,
            upstream: None,
            upstream_us: None,
            own_bytes_out: 0,
        };
        connection.begin();
        if let Err(reason) = connection.source.begin_request(requests_per_source) {
            exchange.place = Place::None;
            return Err(reason);
        }
        exchange.counted = true;
        Ok(exchange)
    }

    /// The request's id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The request's head, until it is live.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The same, to add to it.
    pub fn head_mut(&mut self) -> Option<&mut Head> {
        self.head.as_mut()
    }

    /// The request is refused before anything was forwarded: the exchange ends.
    pub fn refused(mut self, refused: Box<Refused>, status: StatusCode, bytes_out: u64) {
        self.status = Some(status);
        self.outcome = Some(Outcome::Completed);
        self.own_bytes_out = bytes_out;
        self.refused = Some(refused);
    }

    /// Whoever sends the request is known, though not by a certificate, and does not draw on the budget of those who are not.
    pub fn is_known(&mut self) {
        if matches!(self.place, Place::Sum)
            && let Some(slot) = self.connection.gateway.audit.reserve()
        {
            self.place = Place::Own(slot);
        }
    }

    /// The request was answered here without a question to policy, by the right of what `by` names: the exchange ends.
    pub fn admitted(mut self, by: String, status: StatusCode, bytes_out: u64) {
        self.status = Some(status);
        self.outcome = Some(Outcome::Completed);
        self.own_bytes_out = bytes_out;
        self.admitted = Some(DecisionFacts::admitted(by));
    }

    /// The request was permitted: from now on it can be cut.
    pub fn live(&mut self, make: impl FnOnce(Head) -> LiveRequest) -> Option<Arc<LiveRequest>> {
        let request = Arc::new(make(self.head.take()?));
        let key = self.connection.register(Arc::clone(&request));
        self.connection.gateway.metrics.live(&request.asked.app.name, 1);
        self.live = Some((Arc::clone(&request), key));
        Some(request)
    }

    /// The upstream that was chosen.
    pub fn upstream(&mut self, name: Arc<str>) {
        self.upstream = Some(name);
    }

    /// The head of the upstream's response, or of our own in its place.
    pub fn answered(&mut self, status: StatusCode, upstream_us: Option<u64>) {
        self.status = Some(status);
        self.upstream_us = upstream_us;
    }

    /// The end. Only the first counts.
    pub fn ended(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    /// Bytes of our own response in place of the upstream's.
    pub fn own_bytes_out(&mut self, bytes: u64) {
        self.own_bytes_out = bytes;
    }

    fn event(&mut self) -> Option<RequestEvent> {
        let connection = &self.connection;
        let mut event = match (&self.live, &self.head, &self.refused) {
            (Some((request, _)), ..) => live_event(request, connection, Phase::Final),
            (None, Some(head), Some(refused)) => {
                let mut event = event(head, connection, refused.asked.clone(), refused.facts());
                event.decision_ns = refused.decision_ns;
                event
            }
            (None, Some(head), None) => {
                let failed = || Refused::of(Reason::GatewayInternal).facts();
                event(head, connection, None, self.admitted.take().unwrap_or_else(failed))
            }
            (None, None, _) => return None,
        };
        event.outcome = self.outcome.unwrap_or_else(|| self.unfinished());
        event.status = self.status.map(|status| status.as_u16());
        event.bytes_out += self.own_bytes_out;
        event.upstream = self.upstream.take();
        event.upstream_us = self.upstream_us;
        Some(event)
    }

    /// How an exchange ended that was dropped before its end: with its stream, with its connection, or by the client.
    fn unfinished(&self) -> Outcome {
        let cut = self.live.as_ref().and_then(|(request, _)| request.cut.reason());
        match cut.or(self.connection.cut.reason()) {
            _ if std::thread::panicking() => Outcome::Panicked,
            Some(reason) => Outcome::of(reason),
            None => Outcome::ClientGone,
        }
    }

    fn record(&mut self, event: RequestEvent) {
        let gateway = &self.connection.gateway;
        match std::mem::replace(&mut self.place, Place::None) {
            Place::Own(slot) => {
                gateway.metrics.request(&event);
                slot.send(Event::Request(Box::new(event)));
            }
            Place::Sum => {
                gateway.metrics.request(&event);
                // What was answered all the same counts as what it is: a request without a certificate.
                let reason = event.decision.reason.unwrap_or(Reason::CertificateAbsent);
                gateway.lane.count(&self.connection.facts, reason, event.time_ms);
            }
            Place::None => {}
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let event = self.event();
        let gateway = &self.connection.gateway;
        if let Some((request, key)) = self.live.take() {
            request.last_record();
            self.connection.unregister(key);
            gateway.metrics.live(&request.asked.app.name, -1);
        }
        if self.counted {
            self.connection.source.end_request();
        }
        if let Some(event) = event {
            self.record(event);
        }
        self.connection.end();
    }
}

/// The place of the opening record that a policy asks for at once (`@record("twice")`), or a broken glass does. What cannot
/// be recorded is not done.
#[derive(Debug)]
#[must_use = "a record is asked for"]
pub struct Announcement(Option<Slot>);

impl Announcement {
    /// Reserves the place, where one is asked for.
    pub fn of(permitted: &Permitted, gateway: &Gateway) -> Result<Self, Reason> {
        match permitted.permit.recorded_twice() || permitted.asked.grant.is_some() {
            true => gateway.audit.reserve().map(|slot| Self(Some(slot))).ok_or(Reason::AuditQueueFull),
            false => Ok(Self(None)),
        }
    }

    /// Writes the record, before anything is forwarded, and says so in the log: who it was stands in the record only.
    pub fn send(self, request: &LiveRequest, connection: &Connection) {
        let Some(slot) = self.0 else { return };
        request.open_record(|| {
            slot.send(Event::Request(Box::new(live_event(request, connection, Phase::Opening))));
            true
        });
        let (id, app, policies) = (&request.head.id, &request.asked.app.name, &request.decision.policies);
        match &request.asked.grant {
            Some(signed) => {
                tracing::warn!(request_id = %id, %app, grant = %signed.grant.id, "break-glass: access by a grant");
            }
            None => tracing::warn!(request_id = %id, %app, ?policies, "access by a policy that is recorded twice"),
        }
    }
}

/// Records a request whose head never became one: malformed, too large, or not complete in time. hyper has answered it
/// with a bare status, where it has answered at all.
pub fn unparsed(connection: &Arc<Connection>, reason: Reason, detail: String) {
    let version = if connection.http2 { Version::HTTP_2 } else { Version::HTTP_11 };
    match Exchange::begin(connection, Head::unparsed(version), usize::MAX) {
        Ok(exchange) => exchange.refused(Box::new(Refused::because(reason, detail)), reason.status(), 0),
        Err(reason) => {
            connection.gateway.metrics.refused(reason);
            connection.gateway.lane.count(&connection.facts, reason, clock::now_ms());
        }
    }
}

/// The event of a request that was permitted, as it stands now.
pub fn live_event(request: &LiveRequest, connection: &Connection, phase: Phase) -> RequestEvent {
    let mut event = event(&request.head, connection, Some(Arc::clone(&request.asked)), request.decision.clone());
    event.phase = phase;
    event.outcome = Outcome::Running;
    event.bytes_in = request.upload.bytes.load(Ordering::Relaxed);
    event.bytes_out = request.bytes_out.load(Ordering::Relaxed);
    event.decision_ns = request.decision_ns;
    event
}

fn event(head: &Head, connection: &Connection, asked: Option<Arc<Asked>>, decision: DecisionFacts) -> RequestEvent {
    RequestEvent {
        phase: Phase::Final,
        id: head.id,
        time_ms: head.time_ms,
        connection: Arc::clone(&connection.facts),
        method: head.method.clone(),
        version: head.version,
        host: head.host.clone(),
        path: Arc::clone(&head.path),
        query: head.query.clone(),
        app: head.app.clone(),
        user_agent: head.user_agent.clone(),
        correlation: head.correlation.clone(),
        asked,
        decision,
        outcome: Outcome::Completed,
        status: None,
        bytes_in: 0,
        bytes_out: 0,
        duration_us: u64::try_from(head.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        decision_ns: 0,
        upstream_us: None,
        upstream: None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
