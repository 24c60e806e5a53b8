//! `POST /ssf/events`: transmitters of signals push their tokens (RFC 8935).
//!
//! A transmitter with a client certificate names its stream in the query, and policy decides. One without shows the
//! bearer that its stream was configured with, and that is all that it can do here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::{Answer, Asking};
use crate::config::CONTROL;
use crate::facts::snapshot::Listener;
use crate::gateway::Gateway;
use crate::request::ResponseBody;
use crate::request::exchange::Exchange;
use crate::request::identify::Identity;
use crate::signals::error::SetError;
use crate::signals::receive::{NotReceived, receive};
use crate::signals::set::MAX_SET_BYTES;
use crate::signals::stream::Stream;
use crate::streams::Connection;

/// Where tokens are pushed.
pub const PATH: &str = "/ssf/events";
/// The type of their bodies (RFC 8417 §7.2).
const SET: &str = "application/secevent+jwt";
/// How long a body may take that no certificate vouches for.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// What a transmitter is told to wait for a key or for the disk.
const RETRY_AFTER: Duration = Duration::from_secs(9);

/// A push that policy has permitted.
pub(super) async fn push(asking: &Asking<'_>) -> Answer {
    let snapshot = asking.gateway.snapshot.load();
    let target = asking.live.asked.target.as_ref();
    let stream = target.and_then(|target| snapshot.signals.of_name(&target.id)).cloned();
    drop(snapshot);
    match stream {
        Some(stream) => take(asking.gateway, &stream, asking.headers, &asking.body, asking.received).await,
        None => {
            Answer::problem(StatusCode::NOT_FOUND, "the query names no stream that is configured: `?kind=stream&id=…`")
        }
    }
}

/// The stream whose bearer a request without a certificate shows; `None` for any other request.
pub fn of_bearer(connection: &Connection, parts: &Parts) -> Option<Arc<Stream>> {
    let anonymous = matches!(connection.facts.identity, Identity::Anonymous);
    let push = parts.method == Method::POST && parts.uri.path() == PATH && parts.uri.query().is_none();
    if connection.listener != Listener::Control || !anonymous || !push {
        return None;
    }
    let mut shown = parts.headers.get_all(AUTHORIZATION).iter();
    let (Some(authorization), None) = (shown.next(), shown.next()) else { return None };
    connection.gateway.snapshot.load().signals.of_bearer(authorization).cloned()
}

/// Answers a request that shows the bearer of `stream`.
pub async fn answer_bearer(
    stream: &Stream,
    headers: &HeaderMap,
    body: Incoming,
    mut exchange: Exchange,
) -> Response<ResponseBody> {
    let received = Instant::now();
    let gateway = Arc::clone(&exchange.connection.gateway);
    if let Some(head) = exchange.head_mut() {
        head.app = Some(CONTROL.into());
    }
    let answer = match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_SET_BYTES).collect()).await {
        Ok(Ok(body)) => take(&gateway, stream, headers, &body.to_bytes(), received).await,
        Ok(Err(error)) => refused(&SetError::invalid_request(format!("the body: {error}"))),
        Err(_) => refused(&SetError::invalid_request("the body does not come to its end")),
    };
    let id = exchange.id();
    exchange.is_known();
    let by = format!("the bearer of the stream of signals `{}`", stream.settings.name);
    exchange.admitted(by, answer.status, answer.body.len() as u64);
    answer.response(id)
}

async fn take(gateway: &Gateway, stream: &Stream, headers: &HeaderMap, body: &Bytes, received: Instant) -> Answer {
    if !headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().eq_ignore_ascii_case(SET.as_bytes())) {
        return refused(&SetError::invalid_request(format!("the body is not of the type `{SET}`")));
    }
    match receive(gateway, stream, body, received).await {
        Ok(()) => Answer { status: StatusCode::ACCEPTED, ..Answer::done() },
        Err(NotReceived::Refused(error)) => refused(&error),
        Err(error @ (NotReceived::KeyUnknown | NotReceived::Held(_) | NotReceived::NotKept(_))) => {
            Answer::problem(StatusCode::SERVICE_UNAVAILABLE, error.to_string()).retry_after(RETRY_AFTER)
        }
    }
}

/// A token that is not accepted (RFC 8935 §2.3).
fn refused(error: &SetError) -> Answer {
    Answer::json(StatusCode::BAD_REQUEST, error)
}
