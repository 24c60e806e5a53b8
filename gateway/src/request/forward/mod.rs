//! Forward: a permitted request goes to an upstream, and what the upstream answers streams back.

pub mod assertion;
pub mod connector;
pub mod headers;
pub mod health;
pub mod pool;
pub mod tunnel;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, Scheme as UriScheme};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use crate::audit::event::Outcome;
use crate::clock;
use crate::config::{Assertion, Scheme};
use crate::facts::snapshot::Route;
use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::request::body::{RequestBody, ResponseBody, Source, UpstreamBody};
use crate::request::decide::Asked;
use crate::request::exchange::Exchange;
use crate::request::forward::assertion::GACCONG_ASSERTION;
use crate::request::forward::headers::Forwarding;
use crate::request::forward::pool::Peer;
use crate::request::normalise::Normal;
use crate::request::refuse::{Reader, Refusal};
use crate::streams::LiveRequest;

/// What the URI of a request over HTTP/1.1 names as host: only `Host` is sent, so one pool serves every host of an app.
const ANY_HOST: Authority = Authority::from_static("upstream");

/// Forwards a permitted request.
pub async fn forward(
    route: Arc<Route>,
    normal: Normal,
    live: Arc<LiveRequest>,
    mut exchange: Exchange,
    mut parts: Parts,
    body: Incoming,
    reader: Reader,
) -> Response<ResponseBody> {
    let request_id = headers::request_id_value(exchange.id());
    headers::to_upstream(
        &mut parts.headers,
        &Forwarding {
            client_ip: exchange.connection.facts.source.ip(),
            authority: &normal.authority,
            request_id: &request_id,
            websocket: normal.websocket,
            also_removed: &route.app.strip_headers,
        },
    );
    if live.asked.credential.as_ref().is_some_and(|credential| credential.is_token()) {
        // It was for us, and whoever had it could use it here in the client's place.
        parts.headers.remove(AUTHORIZATION);
    }
    if let Err(failure) = introduce(&mut parts.headers, &live.asked, &exchange.connection.gateway) {
        return refuse(&failure, &live, exchange, reader);
    }
    // The client's `100-continue` is answered by us when the upstream asks for the body.
    parts.headers.remove(EXPECT);
    let client_upgrade = parts.extensions.remove::<OnUpgrade>();
    if is_grpc(&parts.headers) {
        live.upload.is_conversation();
    }
    if !body.is_end_stream() && body.size_hint().exact().is_none() {
        // hyper sends a body of unknown length with a method that rarely has one (GET) only when told so.
        parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let source = Source::new(body, Arc::clone(&live), route.app.body_limit_bytes);

    let started = Instant::now();
    let sent = send(&route, &normal, &mut exchange, &parts.method, parts.headers, &source);
    let answered = match until_cut(&live, sent).await {
        Ok(answered) => answered,
        Err(reason) => Err(Failure { reason, detail: String::new() }),
    };
    let upstream_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let answered = answered.and_then(|response| acceptable(response, &normal));
    exchange.connection.gateway.metrics.upstream(&route.app.name, &answered, upstream_us);
    match answered {
        Ok(response) => {
            live.answered(live.now());
            exchange.answered(response.status(), Some(upstream_us));
            stream(response, client_upgrade, live, exchange, &request_id)
        }
        Err(failure) => refuse(&failure, &live, exchange, reader),
    }
}

/// Tells the upstream who asks, as the app wants to be told.
fn introduce(headers: &mut HeaderMap, asked: &Arc<Asked>, gateway: &Gateway) -> Result<(), Failure> {
    headers::identity::insert(headers, asked);
    let snapshot = gateway.snapshot.load();
    let Assertion { enabled, issuer } = &snapshot.config.assertion;
    if asked.app.assertion.unwrap_or(*enabled) {
        let assertion = gateway.assertions.of(issuer, asked, clock::now_ms());
        let unsigned = || Failure { reason: Reason::GatewayInternal, detail: "no assertion could be signed".into() };
        headers.insert(GACCONG_ASSERTION, assertion.ok_or_else(unsigned)?);
    }
    Ok(())
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// Why an upstream did not answer.
#[derive(Debug)]
pub struct Failure {
    /// The public reason.
    pub reason: Reason,
    /// What went wrong, for the log.
    pub detail: String,
}

/// Sends the request to the upstream whose turn it is. Another is tried only while nothing was sent.
async fn send(
    route: &Route,
    normal: &Normal,
    exchange: &mut Exchange,
    method: &Method,
    mut headers: HeaderMap,
    source: &Arc<Source>,
) -> Result<Response<Incoming>, Failure> {
    let pool = &route.pool;
    let several = pool.len() > 1;
    let mut failure = Failure { reason: Reason::UpstreamUnavailable, detail: "no upstream is healthy".into() };
    for peer in pool.in_turn() {
        exchange.upstream(Arc::clone(&peer.name));
        let headers = if several { headers.clone() } else { std::mem::take(&mut headers) };
        let request = request(peer, normal, method.clone(), headers, RequestBody::from_source(source))?;
        let client = if normal.websocket { &peer.upgrades } else { &peer.client };
        match client.request(request).await {
            Ok(response) => return Ok(response),
            Err(error) if error.is_connect() && source.untouched() => {
                failure = Failure { reason: Reason::UpstreamConnect, detail: chain(&error) };
                tracing::warn!(upstream = %peer.name, error = failure.detail, "cannot connect to an upstream");
            }
            Err(error) => return Err(Failure { reason: Reason::UpstreamProtocol, detail: chain(&error) }),
        }
    }
    Err(failure)
}

fn request(
    peer: &Peer,
    normal: &Normal,
    method: Method,
    mut headers: HeaderMap,
    body: RequestBody,
) -> Result<Request<RequestBody>, Failure> {
    let internal = |detail: String| Failure { reason: Reason::GatewayInternal, detail };
    let (scheme, version) = match peer.scheme {
        Scheme::Http => (UriScheme::HTTP, Version::HTTP_11),
        Scheme::Https => (UriScheme::HTTPS, Version::HTTP_11),
        Scheme::H2c => (UriScheme::HTTP, Version::HTTP_2),
    };
    let authority = match peer.scheme {
        Scheme::Http => ANY_HOST,
        Scheme::Https | Scheme::H2c => {
            // Connections are kept by authority, so it is ours alone: without the port, which is the client's to choose.
            let host = HeaderValue::try_from(&*normal.host).map_err(|error| internal(error.to_string()))?;
            headers.insert(HOST, host);
            Authority::try_from(&*normal.host).map_err(|error| internal(format!("unusable host: {error}")))?
        }
    };
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme);
    parts.authority = Some(authority);
    parts.path_and_query = Some(normal.path_and_query.clone());
    let mut request = Request::new(body);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|error| internal(error.to_string()))?;
    *request.method_mut() = method;
    *request.version_mut() = version;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Waits for `future`, or until the request is cut.
pub(crate) async fn until_cut<F: Future>(live: &LiveRequest, future: F) -> Result<F::Output, Reason> {
    let mut future = pin!(future);
    poll_fn(|cx| match live.cut.poll(cx) {
        Poll::Ready(reason) => Poll::Ready(Err(reason)),
        Poll::Pending => future.as_mut().poll(cx).map(Ok),
    })
    .await
}

/// Refuses answers that would break what the gateway promises.
fn acceptable(response: Response<Incoming>, normal: &Normal) -> Result<Response<Incoming>, Failure> {
    if headers::asks_connection_auth(response.headers()) {
        // Upstream connections are shared: the next person on it would be taken for this one.
        let detail = "the upstream authenticates connections (NTLM, Negotiate)".into();
        return Err(Failure { reason: Reason::UpstreamConnectionAuth, detail });
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS && !normal.websocket {
        let detail = "the upstream switched protocols unasked".into();
        return Err(Failure { reason: Reason::UpstreamProtocol, detail });
    }
    Ok(response)
}

fn stream(
    mut response: Response<Incoming>,
    client_upgrade: Option<OnUpgrade>,
    live: Arc<LiveRequest>,
    exchange: Exchange,
    request_id: &HeaderValue,
) -> Response<ResponseBody> {
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    headers::to_client(response.headers_mut(), request_id, switched);
    if !switched {
        return response.map(|body| ResponseBody::Upstream(Box::new(UpstreamBody::new(body, live, exchange))));
    }
    let upstream_upgrade = hyper::upgrade::on(&mut response);
    if let Some(client_upgrade) = client_upgrade {
        tokio::spawn(tunnel::run(client_upgrade, upstream_upgrade, live, exchange));
    }
    response.map(|_| ResponseBody::from(Bytes::new()))
}

/// Ends a permitted request that got no answer.
pub(crate) fn refuse(
    failure: &Failure,
    live: &LiveRequest,
    mut exchange: Exchange,
    reader: Reader,
) -> Response<ResponseBody> {
    // What the client's own body did comes before what the upstream made of it.
    let outcome = live.upload.ended().unwrap_or(Outcome::of(failure.reason));
    let reason = match outcome {
        Outcome::BodyRefused(reason) => reason,
        _ => failure.reason,
    };
    if !failure.detail.is_empty() {
        tracing::debug!(request = %exchange.id(), reason = reason.code(), detail = failure.detail, "not forwarded");
    }
    let pages = Arc::clone(&exchange.connection.gateway.snapshot.load().config.pages);
    let response = Refusal::new(reason, exchange.id()).response(reader, &pages);
    exchange.ended(outcome);
    exchange.answered(response.status(), None);
    exchange.own_bytes_out(response.body().len() as u64);
    response.map(ResponseBody::from)
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
