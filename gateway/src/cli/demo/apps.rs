//! The demo's sample apps: what an internal service sees of a request that the gateway let through.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// How many connections a sample app serves at once; more wait.
const CONNECTIONS: usize = 256;

const EVENT_INTERVAL: Duration = Duration::from_secs(1);

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A sample app that has its socket.
#[derive(Debug)]
pub struct SampleApp {
    name: &'static str,
    listener: TcpListener,
}

impl SampleApp {
    pub(super) fn new(name: &'static str, listener: TcpListener) -> Self {
        Self { name, listener }
    }

    /// Serves until the future is dropped, or until the socket fails.
    pub async fn serve(self) -> io::Result<Infallible> {
        self.listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let place = Arc::clone(&free).acquire_owned().await.map_err(io::Error::other)?;
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            let service = service_fn(move |request| answer(self.name, request));
            let connection =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service);
            tokio::spawn(async move {
                // A client that goes away is no news to a sample.
                let _ = connection.await;
                drop(place);
            });
        }
    }
}

async fn answer(app: &'static str, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/events") => Ok(events()),
        (&Method::POST, "/upload") => upload(app, request).await,
        _ => Ok(echo(app, &request)),
    }
}

/// Who asks and with which headers, as the app sees it.
fn echo(app: &str, request: &Request<Incoming>) -> Response<Body> {
    let mut headers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in request.headers() {
        headers.entry(name.as_str()).or_default().push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    json_response(&json!({
        "app": app,
        "method": request.method().as_str(),
        "path": request.uri().path(),
        "headers": headers,
    }))
}

/// Counts what is uploaded and keeps none of it.
async fn upload(app: &str, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let mut body = request.into_body();
    let mut received_bytes = 0_u64;
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            received_bytes = received_bytes.saturating_add(data.len() as u64);
        }
    }
    Ok(json_response(&json!({ "app": app, "received_bytes": received_bytes })))
}

/// Server-sent events: one at once, then one a second, for as long as the client stays.
fn events() -> Response<Body> {
    let events = stream::unfold(0_u64, |number| async move {
        if number > 0 {
            tokio::time::sleep(EVENT_INTERVAL).await;
        }
        let event = Bytes::from(format!("id: {number}\ndata: {{\"tick\":{number}}}\n\n"));
        Some((Ok(Frame::data(event)), number.saturating_add(1)))
    });
    respond("text/event-stream", StreamBody::new(events).boxed_unsync())
}

fn json_response(value: &Value) -> Response<Body> {
    respond("application/json", Full::new(Bytes::from(format!("{value:#}\n"))).boxed_unsync())
}

fn respond(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
