//! What is recorded of signals: each event that a stream delivered, and each time that a stream is lost or heard again.

use std::sync::Arc;

use uuid::Uuid;

use super::event::Event;
use crate::clock;
use crate::signals::event::EventType;
use crate::state::Subject;

/// A signal, or a change of its stream.
#[derive(Debug, Clone)]
pub struct SignalEvent {
    /// The record's id.
    pub id: Uuid,
    /// When it came in, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The stream.
    pub stream: Arc<str>,
    /// What it says; `None` for a change that the gateway itself noticed.
    pub signal: Option<Signal>,
    /// What it changed, or why nothing: `reauthenticate`, `unmapped`, `replayed`, `lost` …
    pub effect: &'static str,
    /// Whom it changed it for, by the name known here.
    pub subject: Option<Subject>,
}

/// What a signal says.
#[derive(Debug, Clone)]
pub struct Signal {
    /// The id of its token.
    pub jti: Arc<str>,
    /// Its type, where it is understood.
    pub event_type: Option<EventType>,
    /// Whom it is about, in the words of the transmitter.
    pub said_of: String,
    /// When it happened, milliseconds since the Unix epoch.
    pub happened_at_ms: i64,
    /// `admin`, `user`, `policy`, `system`
    pub initiating_entity: Option<String>,
    /// Why, in the words of the transmitter.
    pub reason: Option<String>,
}

impl SignalEvent {
    /// A stream was lost, or is heard again.
    pub fn of_stream(stream: &Arc<str>, effect: &'static str) -> Self {
        let (id, time_ms) = (Uuid::now_v7(), clock::now_ms());
        Self { id, time_ms, stream: Arc::clone(stream), signal: None, effect, subject: None }
    }
}

impl From<SignalEvent> for Event {
    fn from(event: SignalEvent) -> Self {
        Self::Signal(Box::new(event))
    }
}
