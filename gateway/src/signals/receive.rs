//! A token on its way: validated, judged once, kept, in force, recorded. Only then may it be acknowledged.

use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::changes::Accepted;
use super::effect::{Effect, effect};
use super::error::{ErrorCode, SetError};
use super::event::{Event, EventType};
use super::set::{Expected, SecurityEvent, SignedSet};
use super::stream::Stream;
use crate::audit::signal::{Signal, SignalEvent};
use crate::clock;
use crate::control::posture::hold_stream;
use crate::gateway::Gateway;
use crate::state::{Change, Entry, Live, Outcome};
use crate::store::StoreError;

/// Why a token is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum NotReceived {
    /// It never will be.
    #[error(transparent)]
    Refused(#[from] SetError),
    /// Its key is not known, and cannot be asked for now: it may be good a little later.
    #[error("the key that the token names is not known, and its issuer cannot be asked now")]
    KeyUnknown,
    /// The stream would change too much of what it said of devices: a person must look first.
    #[error("the stream is held: {0}")]
    Held(Arc<str>),
    /// What it changes cannot be kept now.
    #[error(transparent)]
    NotKept(#[from] StoreError),
}

/// Takes in a token that the transmitter of `stream` has delivered at `received`. When this returns without an error,
/// what it changes is on the disk and in force. A token that was taken in before is acknowledged again and changes nothing
/// (RFC 8935 §2: transmitters may repeat themselves).
///
/// # Errors
/// It is not to be acknowledged.
pub async fn receive(gateway: &Gateway, stream: &Stream, token: &[u8], received: Instant) -> Result<(), NotReceived> {
    let now_ms = clock::now_ms();
    let taken = take(gateway, stream, token, received, now_ms).await;
    let (event_type, result) = match &taken {
        Ok((event, result)) => (event.event.as_ref().map(|(event_type, _)| *event_type), *result),
        Err(NotReceived::Refused(error)) => (None, error.err.as_str()),
        Err(NotReceived::KeyUnknown) => (None, "key_unknown"),
        Err(NotReceived::Held(_)) => (None, "held"),
        Err(NotReceived::NotKept(_)) => (None, "not_kept"),
    };
    gateway.metrics.signals().received(&stream.settings.name, event_type, result);
    match taken {
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::warn!(stream = %stream.settings.name, %error, "a signal is not taken in");
            Err(error)
        }
    }
}

/// The event of a token, and what became of it.
async fn take(
    gateway: &Gateway,
    stream: &Stream,
    token: &[u8],
    received: Instant,
    now_ms: i64,
) -> Result<(SecurityEvent, &'static str), NotReceived> {
    let settings = &stream.settings;
    let set = SignedSet::read(token, &stream.algorithms)?;
    let keys = stream.keys.naming(set.kid()?).await.map_err(|_| NotReceived::KeyUnknown)?;
    let expected =
        Expected { issuer: &settings.issuer, audience: &settings.audience, max_age: settings.max_age, now_ms };
    let event = set.verify(&keys, &expected)?;

    let _turn = stream.memory.turn.lock().await;
    stream.memory.heard(now_ms);
    let live = gateway.state.live();
    let accepted = Accepted { stream: settings, event: &event, now_ms };
    let effect = effect(&event, settings, now_ms);
    if live.seen.get(&accepted.seen().key()).is_some() {
        record(gateway, &accepted, &effect, "replayed");
        return Ok((event, "replayed"));
    }
    expect_state(&event, live, &settings.name)?;
    let result = keep(gateway, &accepted, &effect, received).await?;
    record(gateway, &accepted, &effect, result);
    Ok((event, result))
}

/// Puts what a token changes on the disk and in force. What is older than what is known is only noted as seen.
async fn keep(
    gateway: &Gateway,
    accepted: &Accepted<'_>,
    effect: &Effect,
    received: Instant,
) -> Result<&'static str, NotReceived> {
    let Some(changes) = accepted.changes(effect, gateway.state.live()) else {
        gateway.state.change(vec![Change::Seen(accepted.seen())], received).await?;
        return Ok("outdated");
    };
    let reports: Vec<_> = changes.iter().filter_map(Change::report).cloned().collect();
    if !reports.is_empty()
        && let Some(cause) = hold_stream(gateway, &accepted.stream.name, &reports, received).await?
    {
        return Err(NotReceived::Held(cause));
    }
    let applied = gateway.state.change(changes, received).await?;
    let outdated = applied.outcomes.first() == Some(&Outcome::Outdated);
    Ok(if outdated { "outdated" } else { effect.as_str() })
}

/// A verification that was asked for must bear the state that was sent with the question (Shared Signals Framework 1.0
/// §8.1.4).
fn expect_state(event: &SecurityEvent, live: &Live, stream: &Arc<str>) -> Result<(), SetError> {
    let Some((EventType::Verification, Event::Verification { state })) = &event.event else { return Ok(()) };
    let awaited = live.streams.get(stream).and_then(|known| known.awaited.clone());
    match awaited {
        Some(awaited) if state.as_deref() != Some(&*awaited) => {
            Err(SetError::new(ErrorCode::InvalidState, "the verification bears another state than was asked for"))
        }
        _ => Ok(()),
    }
}

fn record(gateway: &Gateway, accepted: &Accepted<'_>, effect: &Effect, result: &'static str) {
    let event = accepted.event;
    let circumstances = &event.circumstances;
    gateway.audit.put(SignalEvent {
        id: Uuid::now_v7(),
        time_ms: accepted.now_ms,
        stream: accepted.stream.name.clone(),
        signal: Some(Signal {
            jti: event.jti.shared(),
            event_type: event.event.as_ref().map(|(event_type, _)| *event_type),
            said_of: event.subject.to_string(),
            happened_at_ms: circumstances.happened_at.unwrap_or(event.issued_at).first_ms(),
            initiating_entity: circumstances.initiating_entity.clone(),
            reason: circumstances.reason_admin.clone(),
        }),
        effect: result,
        subject: effect.subject(),
    });
}
