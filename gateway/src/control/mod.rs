//! The control API: what is asked of the gateway itself. Its calls come in by a listener of their own and walk the path of
//! every request: proven certificate, policy, one record. Only instead of being forwarded they are answered here.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Serialize;

use crate::audit::event::Outcome;
use crate::reason::Reason;
use crate::request::ResponseBody;
use crate::request::body::{RequestBody, Source};
use crate::request::exchange::Exchange;
use crate::request::forward::headers::request_id_value;
use crate::request::forward::{self, Failure};
use crate::request::refuse::Reader;
use crate::streams::LiveRequest;

mod explain;

/// `application/json` (RFC 8259).
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// `application/problem+json` (RFC 9457).
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What a call is answered with.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    kind: HeaderValue,
    body: Vec<u8>,
}

impl Answer {
    /// The result of a call.
    fn of(result: &impl Serialize) -> Self {
        match serde_json::to_vec(result) {
            Ok(body) => Self { status: StatusCode::OK, kind: JSON, body },
            Err(error) => Self::problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    /// A call that could not be answered, and why (RFC 9457).
    fn problem(status: StatusCode, detail: &str) -> Self {
        let body = serde_json::json!({ "status": status.as_u16(), "detail": detail });
        Self { status, kind: PROBLEM, body: body.to_string().into_bytes() }
    }
}

/// Answers a permitted call.
pub async fn answer(
    live: Arc<LiveRequest>,
    mut exchange: Exchange,
    body: Incoming,
    reader: Reader,
) -> Response<ResponseBody> {
    let request_id = request_id_value(exchange.id());
    let Answer { status, kind, body } = match &*live.asked.action {
        "control:explain" => match read(body, &live).await {
            Ok(body) => explain::answer(&exchange.connection.gateway.snapshot.load(), &body),
            Err(failure) => return forward::refuse(&failure, &live, exchange, reader),
        },
        _ => Answer::problem(StatusCode::NOT_FOUND, "the control API has no such call"),
    };
    exchange.answered(status, None);
    exchange.own_bytes_out(body.len() as u64);
    exchange.ended(Outcome::Completed);

    let mut response = Response::new(ResponseBody::from(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert("x-request-id", request_id);
    response
}

/// The whole body of a call, within the bounds of every request.
async fn read(body: Incoming, live: &Arc<LiveRequest>) -> Result<Bytes, Failure> {
    let source = Source::new(body, Arc::clone(live), live.asked.app.body_limit_bytes);
    match forward::until_cut(live, RequestBody::from_source(&source).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) => Err(Failure { reason: Reason::RequestBodyMalformed, detail: error.to_string() }),
        Err(reason) => Err(Failure { reason, detail: String::new() }),
    }
}
