//! The control API: what is asked of the gateway itself. Its calls come in by a listener of their own and walk the path of
//! every request: proven certificate, policy, one record. Only instead of being forwarded they are answered here.
//!
//! [`calls`] is the table of all calls, [`call`] what each of them is; each module has those of one path.

mod alert;
pub mod call;
pub mod calls;
mod explain;
mod lockdowns;
pub mod openapi;
pub mod posture;
mod problem;
mod reauthentications;
mod revocations;
mod sessions;
pub mod signals;

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_LANGUAGE, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::audit::event::Outcome;
use crate::control::call::{Call, Operation};
use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::request::ResponseBody;
use crate::request::body::{RequestBody, Source};
use crate::request::exchange::Exchange;
use crate::request::forward::headers::request_id_value;
use crate::request::forward::{self, Failure};
use crate::request::normalise::Normal;
use crate::request::refuse::Reader;
use crate::state::{Applied, Change, Scope, Subject};
use crate::streams::LiveRequest;

/// `application/json` (RFC 8259).
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// `application/problem+json` (RFC 9457).
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What a call is answered with.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    kind: HeaderValue,
    body: Vec<u8>,
    /// When to ask again (RFC 9110 §10.2.3).
    retry_after: Option<Duration>,
}

impl Answer {
    /// The result of a call.
    fn of(result: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, result)
    }

    /// A result with a status of its own.
    fn json(status: StatusCode, result: &impl Serialize) -> Self {
        match serde_json::to_vec(result) {
            Ok(body) => Self { status, kind: JSON, body, retry_after: None },
            Err(error) => Self::problem(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }

    /// A call that is done and has no result.
    fn done() -> Self {
        Self { status: StatusCode::NO_CONTENT, kind: JSON, body: Vec::new(), retry_after: None }
    }

    /// As it is sent.
    fn response(self, request_id: Uuid) -> Response<ResponseBody> {
        let Self { status, kind, body, retry_after } = self;
        let has_body = !body.is_empty();
        let mut response = Response::new(ResponseBody::from(Bytes::from(body)));
        *response.status_mut() = status;
        let fields = response.headers_mut();
        if has_body {
            fields.insert(CONTENT_TYPE, kind);
        }
        if status.is_client_error() {
            // RFC 8935 §2.3 asks for it, and what is said is English in every problem.
            fields.insert(CONTENT_LANGUAGE, HeaderValue::from_static("en"));
        }
        fields.insert("x-request-id", request_id_value(request_id));
        if let Some(wait) = retry_after {
            fields.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
        }
        response
    }
}

/// A permitted call, its body read.
#[derive(Debug)]
pub struct Asking<'a> {
    /// The process.
    pub gateway: &'a Arc<Gateway>,
    /// Which call.
    pub call: &'static Call,
    /// What policy was asked: who, about whom.
    pub live: &'a Arc<LiveRequest>,
    /// The variable segments of the path, decoded.
    pub parameters: Vec<Arc<str>>,
    /// The query.
    pub query: Option<&'a str>,
    /// The fields of its head.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// When its head was read.
    pub received: Instant,
}

impl Asking<'_> {
    /// The caller, for records: the id of the principal.
    fn by(&self) -> Arc<str> {
        Arc::clone(&self.live.asked.principal.id)
    }

    /// The subject that the call is about.
    fn subject(&self) -> Option<Subject> {
        let target = self.live.asked.target.as_ref()?;
        Subject::named(target.kind.parse().ok()?, &target.id)
    }

    /// The scope that the call is about.
    fn scope(&self) -> Option<Scope> {
        let target = self.live.asked.target.as_ref()?;
        Some(Scope { kind: target.kind.parse().ok()?, name: Arc::clone(&target.id) })
    }

    /// The name of whom or what the call is about.
    fn target(&self) -> Option<Arc<str>> {
        self.live.asked.target.as_ref().map(|target| Arc::clone(&target.id)).filter(|id| !id.is_empty())
    }

    /// The value of a key of the query that is there exactly once.
    fn only(&self, key: &str) -> Option<Arc<str>> {
        call::only(self.query, key)
    }

    /// The JSON body, or what is wrong with it.
    fn body<T: DeserializeOwned>(&self) -> Result<T, Answer> {
        let refused = |why: &dyn Display| {
            Answer::problem(StatusCode::BAD_REQUEST, format!("this is not what the call takes: {why}"))
        };
        // serde takes a list for the fields of a struct in their order.
        if self.body.trim_ascii_start().first() != Some(&b'{') {
            return Err(refused(&"an object is expected"));
        }
        serde_json::from_slice(&self.body).map_err(|error| refused(&error))
    }

    /// The same where the call can do without.
    fn optional_body<T: DeserializeOwned + Default>(&self) -> Result<T, Answer> {
        if self.body.is_empty() { Ok(T::default()) } else { self.body() }
    }

    /// Makes a change.
    async fn change(&self, change: Change) -> Result<Applied, Answer> {
        let changed = self.gateway.state.change(vec![change], self.received).await;
        changed.map_err(|error| Answer::not_kept(&error))
    }

    /// Makes a change that has no result.
    async fn changed(&self, change: Change) -> Answer {
        self.change(change).await.map_or_else(|answer| answer, |_| Answer::done())
    }
}

/// Answers a permitted call.
pub async fn answer(
    normal: Normal,
    headers: HeaderMap,
    live: Arc<LiveRequest>,
    mut exchange: Exchange,
    body: Incoming,
    reader: Reader,
) -> Response<ResponseBody> {
    let received = Instant::now();
    let gateway = Arc::clone(&exchange.connection.gateway);
    let answer = match calls::find(&live.asked.method, &normal.path) {
        None => Answer::problem(StatusCode::NOT_FOUND, "the control API has no such call"),
        Some(call) => match read(body, &live, call.body_max_bytes).await {
            Ok(body) => {
                let parameters = call.parameters(&normal.path);
                let query = normal.path_and_query.query();
                let asking = Asking {
                    gateway: &gateway,
                    call,
                    live: &live,
                    parameters,
                    query,
                    headers: &headers,
                    body,
                    received,
                };
                dispatch(&asking).await
            }
            Err(failure) => return forward::refuse(&failure, &live, exchange, reader),
        },
    };
    let id = exchange.id();
    exchange.answered(answer.status, None);
    exchange.own_bytes_out(answer.body.len() as u64);
    exchange.ended(Outcome::Completed);
    answer.response(id)
}

async fn dispatch(asking: &Asking<'_>) -> Answer {
    match asking.call.operation {
        Operation::Explain => explain::answer(&asking.gateway.snapshot.load(), &asking.body),
        Operation::ListRevocations => revocations::list(asking),
        Operation::Revoke => revocations::revoke(asking).await,
        Operation::Reinstate => revocations::reinstate(asking).await,
        Operation::Reauthenticate => reauthentications::ask(asking).await,
        Operation::ListSessions => sessions::list(asking),
        Operation::ListLockdowns => lockdowns::list(asking),
        Operation::Lock => lockdowns::lock(asking).await,
        Operation::Lift => lockdowns::lift(asking).await,
        Operation::GetAlert => alert::get(asking),
        Operation::SetAlert => alert::set(asking).await,
        Operation::ListDevices => posture::list(asking),
        Operation::ShowDevice => posture::show(asking),
        Operation::ReportDevice => posture::report(asking).await,
        Operation::ForgetDevice => posture::forget(asking).await,
        Operation::ReportDevices => posture::report_many(asking).await,
        Operation::ReleaseSource => posture::release(asking).await,
        Operation::OsqueryEnroll => posture::osquery::enroll(asking).await,
        Operation::OsqueryConfig => posture::osquery::config(asking),
        Operation::OsqueryLog => posture::osquery::log(asking).await,
        Operation::OsqueryDistributedRead => posture::osquery::distributed_read(asking),
        Operation::OsqueryDistributedWrite => posture::osquery::distributed_write(asking).await,
        Operation::Signal => signals::push(asking).await,
        Operation::OpenApi => openapi::answer(),
    }
}

/// The whole body of a call, within its bound and those of every request.
async fn read(body: Incoming, live: &Arc<LiveRequest>, max_bytes: u64) -> Result<Bytes, Failure> {
    let source = Source::new(body, Arc::clone(live), Some(max_bytes));
    match forward::until_cut(live, RequestBody::from_source(&source).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) => Err(Failure { reason: Reason::RequestBodyMalformed, detail: error.to_string() }),
        Err(reason) => Err(Failure { reason, detail: String::new() }),
    }
}
