//! The path of a request, in the order it is walked: accept, identify, begin, resolve, admit (decide, count, register), forward
//! or refuse, record.

pub mod accept;
pub mod action;
mod admit;
pub mod auth;
pub mod body;
pub mod cors;
pub mod cross_site;
pub mod decide;
pub mod exchange;
pub mod forward;
pub mod head;
pub mod identify;
pub mod list;
pub mod login;
pub mod normalise;
pub mod own;
pub mod rate;
pub mod refuse;
mod resolve;
pub mod shadow;

use std::sync::Arc;

use http::header::{CONNECTION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;

use self::admit::Admitted;
pub use self::body::ResponseBody;
use crate::clock;
use crate::control;
use crate::reason::Reason;
use crate::request::cors::Sharing;
use crate::request::decide::Refused;
use crate::request::exchange::Exchange;
use crate::request::forward::headers::{X_REQUEST_ID, request_id_value};
use crate::request::head::Head;
use crate::request::login::Way;
use crate::request::refuse::{Reader, Refusal};
use crate::streams::Connection;

/// Answers one request, with the app's response or with a refusal; either way it leaves one final record.
pub async fn answer(connection: &Arc<Connection>, request: Request<Incoming>) -> Response<ResponseBody> {
    let gateway = &connection.gateway;
    let (parts, body) = request.into_parts();
    let reader = Reader::of(&parts.method, &parts.headers);
    let http1 = parts.version < Version::HTTP_2;
    connection.head_complete();

    let mut response = match begin(connection, &parts) {
        Err(refusal) => {
            if !body.is_end_stream() {
                connection.leaves_body_unread();
            }
            refusal.response(reader, &gateway.snapshot.load().config.pages).map(ResponseBody::from)
        }
        Ok(exchange) => answer_begun(connection, exchange, parts, body, reader).await,
    };
    let closes = gateway.draining() || connection.close.reason().is_some();
    if http1 && closes && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Answers a request that has its place in the log.
async fn answer_begun(
    connection: &Arc<Connection>,
    mut exchange: Exchange,
    parts: Parts,
    mut body: Incoming,
    reader: Reader,
) -> Response<ResponseBody> {
    let normal = match resolve::resolve(connection, &mut exchange, &parts) {
        Ok(normal) => normal,
        Err(refused) => return refuse(connection, exchange, refused, &parts, &body, reader),
    };
    if let Some(stream) = control::signals::of_bearer(connection, &parts) {
        return control::signals::answer_bearer(&stream, &parts.headers, body, exchange).await;
    }
    let sharing = Sharing::of(&connection.gateway.snapshot.load(), connection.listener, &normal, &parts.headers);
    if let Some(sharing) = sharing.as_ref().filter(|sharing| sharing.is_preflight(&parts.method, &parts.headers)) {
        return answer_preflight(connection, exchange, sharing, &parts, &body, reader);
    }
    if own::is_own(&connection.gateway.snapshot.load(), connection.listener, &normal) {
        return match own::answer(exchange, &normal, &parts, &mut body, reader).await {
            Ok(response) => response.map(ResponseBody::from),
            Err((exchange, refused)) => refuse(connection, exchange, refused, &parts, &body, reader),
        };
    }
    let mut response = match admit::admit(connection, &mut exchange, &parts, normal) {
        Ok((Admitted { route: Some(route), normal, renewed, .. }, live)) => {
            let mut response = forward::forward(route, normal, live, exchange, parts, body, reader).await;
            if let Some(cookie) = renewed {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Ok((Admitted { route: None, normal, .. }, live)) => {
            control::answer(normal, parts.headers, live, exchange, body, reader).await
        }
        Err(refused) => refuse(connection, exchange, refused, &parts, &body, reader),
    };
    if let Some(sharing) = sharing {
        sharing.apply(response.headers_mut());
    }
    response
}

/// Answers a preflight by the configuration: it bears nothing by which anyone could be known, and goes no further.
fn answer_preflight(
    connection: &Connection,
    mut exchange: Exchange,
    sharing: &Sharing,
    parts: &Parts,
    body: &Incoming,
    reader: Reader,
) -> Response<ResponseBody> {
    if let Some(head) = exchange.head_mut() {
        head.app = Some(Arc::clone(&sharing.app().name));
    }
    if !sharing.is_allowed() {
        return refuse(connection, exchange, Reason::RequestCrossSite.into(), parts, body, reader);
    }
    let mut response = sharing.preflight();
    response.headers_mut().insert(X_REQUEST_ID, request_id_value(exchange.id()));
    exchange.admitted(sharing.to_string(), response.status(), 0);
    response.map(ResponseBody::from)
}

/// Says why a request is refused, and what the person can mend.
fn refuse(
    connection: &Connection,
    exchange: Exchange,
    refused: Box<Refused>,
    parts: &Parts,
    body: &Incoming,
    reader: Reader,
) -> Response<ResponseBody> {
    if !body.is_end_stream() {
        connection.leaves_body_unread();
    }
    let snapshot = connection.gateway.snapshot.load();
    let refusal = Refusal::of(&refused, &snapshot, connection, exchange.head(), parts);
    let pages = &snapshot.config.pages;
    let response = match Way::of(connection, parts, &refused, reader) {
        Some(way) => way.show(refusal, reader, pages),
        None => refusal.response(reader, pages),
    };
    exchange.refused(refused, response.status(), response.body().len() as u64);
    response.map(ResponseBody::from)
}

/// Begins the exchange, within the bounds on running requests and on records.
fn begin(connection: &Arc<Connection>, parts: &Parts) -> Result<Exchange, Box<Refusal>> {
    let gateway = &connection.gateway;
    let (head, limit) = {
        let config = &gateway.snapshot.load().config;
        (Head::of(parts, config.audit.query_strings), config.limits.requests_per_source)
    };
    let id = head.id;
    Exchange::begin(connection, head, limit).map_err(|reason| {
        gateway.metrics.refused(reason);
        gateway.lane.count(&connection.facts, reason, clock::now_ms());
        Box::new(Refusal::new(reason, id))
    })
}
