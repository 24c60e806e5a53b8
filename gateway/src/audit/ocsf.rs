//! An event as one line of JSON after the Open Cybersecurity Schema Framework, version 1.8.
//!
//! A request is an HTTP Activity (4002), a refused connection attempt a Network Activity (4001, Refuse), both with the
//! `security_control` profile. A login or the end of a session is an Authentication (3002). A load of policies is an Entity Management (3004, Activate), as are signals and changes of
//! grants for emergencies and of what is kept (3004); a decision that Cedar would have made otherwise a Detection
//! Finding (2004). What OCSF has no place for stands under `unmapped.gaccong`, which has its own version.
//!
//! A line is never longer than [`LINE_LIMIT`]: every text is cut at a bound and says so. The bounds are generous at
//! first; the rare line that is still too long is written again under tight ones, whose sum fits.

mod authentication;
mod detection_finding;
mod entity_management;
mod grant;
mod http_activity;
mod network_activity;
mod objects;
mod signal;
mod state_change;
mod text;
mod unmapped;

use serde::{Serialize, Serializer};

use self::authentication::Authentication;
use self::detection_finding::DetectionFinding;
use self::entity_management::EntityManagement;
use self::http_activity::HttpActivity;
use self::network_activity::NetworkActivity;
use self::signal::SignalRecord;
use self::state_change::StateChange;
use self::text::{Bounds, OneLine};
pub use self::unmapped::VERSION as UNMAPPED_VERSION;
use super::event::Event;

/// The longest line, in bytes, its newline included.
pub const LINE_LIMIT: usize = 60 * 1024;

/// The version of the schema that lines follow.
pub const SCHEMA_VERSION: &str = "1.8.0";

/// Appends `event` to `out` as one line. On an error `out` is as it was.
pub fn write_line(event: &Event, out: &mut Vec<u8>) -> Result<(), LineError> {
    let start = out.len();
    for bounds in [&Bounds::GENEROUS, &Bounds::TIGHT] {
        let written = write_bounded(event, bounds, out);
        if written.is_ok() && out.len() - start < LINE_LIMIT {
            out.push(b'\n');
            return Ok(());
        }
        out.truncate(start);
        written?;
    }
    Err(LineError::TooLong)
}

/// Why an event did not become a line. Neither is known to happen; the writer counts it all the same.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It does not fit even when cut.
    #[error("an audit record is longer than {LINE_LIMIT} bytes although every field was cut")]
    TooLong,
    /// It cannot be serialized.
    #[error("an audit record cannot be serialized: {0}")]
    Json(#[from] serde_json::Error),
}

fn write_bounded(event: &Event, bounds: &'static Bounds, out: &mut Vec<u8>) -> Result<(), LineError> {
    let start = out.len();
    serialize(event, bounds, &mut serde_json::Serializer::new(&mut *out))?;
    // Nearly every line is plain already: one scan of the whole is cheaper than one of each key and value.
    if text::may_need_escapes(out.get(start..).unwrap_or_default()) {
        out.truncate(start);
        serialize(event, bounds, &mut serde_json::Serializer::with_formatter(out, OneLine))?;
    }
    Ok(())
}

fn serialize<S: Serializer>(event: &Event, bounds: &'static Bounds, serializer: S) -> Result<S::Ok, S::Error> {
    match event {
        Event::Request(request) => HttpActivity::of(request, bounds).serialize(serializer),
        Event::Connection(attempt) => NetworkActivity::of(attempt, bounds).serialize(serializer),
        Event::Authentication(login) => Authentication::of(login, bounds).serialize(serializer),
        Event::ShadowMismatch(mismatch) => DetectionFinding::of(mismatch, bounds).serialize(serializer),
        Event::Signal(signal) => SignalRecord::of(signal, bounds).serialize(serializer),
        Event::State(change) => StateChange::of(change, bounds).serialize(serializer),
        Event::Policies(load) => EntityManagement::of(load, bounds).serialize(serializer),
        Event::Grant(change) => EntityManagement::of_grant(change, bounds).serialize(serializer),
    }
}

#[cfg(test)]
mod tests;
