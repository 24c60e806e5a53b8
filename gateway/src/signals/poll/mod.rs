//! Streams that are polled (RFC 8936): one task each asks for tokens, takes them in, and acknowledges with the next question
//! what is kept.
//!
//! The server is asked to wait until it has something. One that answers at once with nothing is asked again after
//! `every_s`; one that fails, after a pause that doubles.

pub mod exchange;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, StatusCode};
use tokio::time::{Instant, sleep, sleep_until};

use self::exchange::{PollAnswer, PollRequest};
use super::receive::{NotReceived, receive};
use super::set::MAX_SET_BYTES;
use super::stream::{Source, Stream};
use crate::clock;
use crate::config::Delivery;
use crate::gateway::Gateway;
use crate::outgoing::Bounds;

/// How many tokens an answer may have, besides those that were put off and come again.
const MAX_EVENTS: usize = 32;
/// How many in all.
const MOST_EVENTS: usize = 256;
/// How long a server may wait for something to answer, and how much it may answer.
const BOUNDS: Bounds =
    Bounds { max_bytes: (MOST_EVENTS * (MAX_SET_BYTES + 1024)) as u64, timeout: Duration::from_secs(120) };
/// The least time between two questions, whatever the server answers.
const MIN_INTERVAL: Duration = Duration::from_millis(50);
/// The pause after a first failure, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Polls a stream until the task is ended.
pub async fn run(gateway: Arc<Gateway>, stream: Arc<Stream>) {
    let (Some(source), Delivery::Poll { every, .. }) = (&stream.source, &stream.settings.delivery) else { return };
    let mut request = next_request();
    let mut failures = 0;
    loop {
        let asked = Instant::now();
        let turn = match ask(source, &request).await {
            Ok(answer) => {
                stream.memory.heard(clock::now_ms());
                Ok(take_in(&gateway, &stream, answer).await)
            }
            Err(error) => Err(error),
        };
        match turn {
            Ok(Turn { next, put_off: 0, more }) => {
                failures = 0;
                let busy = more || next != next_request();
                request = next;
                sleep_until(asked + if busy { MIN_INTERVAL } else { *every }.min(*every)).await;
            }
            Ok(Turn { next, put_off, .. }) => {
                request = next;
                failures += 1;
                tracing::warn!(stream = %stream.settings.name, put_off, "signals cannot be taken in now");
                sleep(pause(failures).min(*every)).await;
            }
            // What was to be acknowledged is told again.
            Err(error) => {
                failures += 1;
                tracing::warn!(stream = %stream.settings.name, error, "a stream of signals cannot be polled");
                sleep(pause(failures)).await;
            }
        }
    }
}

/// What became of an answer.
struct Turn {
    /// The next question, with what is acknowledged and refused.
    next: PollRequest,
    /// How many tokens can be taken in only later.
    put_off: usize,
    /// Whether the server has others.
    more: bool,
}

fn next_request() -> PollRequest {
    PollRequest { max_events: MAX_EVENTS, ..PollRequest::default() }
}

async fn ask(source: &Source, request: &PollRequest) -> Result<PollAnswer, String> {
    let body = serde_json::to_vec(request).map_err(|error| error.to_string())?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.extend(source.authorization.clone().map(|value| (AUTHORIZATION, value)));
    let answered = source.client.post(&source.url, headers, Bytes::from(body), BOUNDS).await;
    let answer = answered.map_err(|error| error.to_string())?;
    if answer.status != StatusCode::OK {
        return Err(format!("the server answers {}", answer.status));
    }
    serde_json::from_slice(&answer.body).map_err(|error| format!("the answer: {error}"))
}

/// Takes in the tokens of an answer, each before the next: a transmitter lists them in no order.
async fn take_in(gateway: &Gateway, stream: &Stream, answer: PollAnswer) -> Turn {
    let mut turn = Turn { next: next_request(), put_off: 0, more: answer.more_available };
    for (id, token) in answer.sets.into_iter().take(MOST_EVENTS) {
        match receive(gateway, stream, token.as_bytes(), std::time::Instant::now()).await {
            Ok(()) => turn.next.ack.push(id),
            Err(NotReceived::Refused(error)) => drop(turn.next.set_errs.insert(id, error)),
            Err(NotReceived::KeyUnknown | NotReceived::Held(_) | NotReceived::NotKept(_)) => turn.put_off += 1,
        }
    }
    // What is put off comes again, and must not keep other tokens from coming.
    turn.next.max_events = (MAX_EVENTS + turn.put_off).min(MOST_EVENTS);
    turn
}

/// A pause that doubles with each failure, half of it by chance: those who lost a server together must not come back
/// together.
fn pause(failures: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
    let mut chance = [0];
    // Without chance, the whole pause.
    let share = if SystemRandom::new().fill(&mut chance).is_ok() {
        chance.first().copied().unwrap_or(u8::MAX)
    } else {
        u8::MAX
    };
    whole / 2 + whole.mul_f64(f64::from(share) / f64::from(u8::MAX)) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        for (failures, whole) in [(1, FIRST_PAUSE), (2, FIRST_PAUSE * 2), (5, FIRST_PAUSE * 16), (40, LONGEST_PAUSE)] {
            for _ in 0..20 {
                let pause = pause(failures);
                assert!(pause >= whole / 2 && pause <= whole, "{failures}: {pause:?}");
            }
        }
    }
}
