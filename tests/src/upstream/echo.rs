//! An upstream that says what it was asked, over HTTP/1.1, HTTP/2, TLS or a Unix socket.
//!
//! The path chooses what it does: `/bytes/N`, `/sse`, `/hold`, `/duplex`, `/marked`, `/ntlm`, `/trailers`; anything else
//! is echoed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::client::{Answer, Body, empty, full};
use crate::eventually;

/// The upstream.
pub struct Echo {
    url: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    requests: AtomicU64,
    body_bytes: AtomicU64,
    aborts: AtomicU64,
    events: broadcast::Sender<String>,
    released: watch::Sender<bool>,
}

impl Echo {
    /// HTTP/1.1 in clear.
    pub async fn h1() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self::tcp(listener, format!("http://{address}"), Http::One)
    }

    /// HTTP/2 in clear with prior knowledge.
    pub async fn h2c() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self::tcp(listener, format!("h2c://{address}"), Http::Two)
    }

    /// HTTP/1.1 over a Unix socket.
    pub fn unix(path: PathBuf) -> Self {
        let listener = UnixListener::bind(&path).unwrap();
        Self::start(format!("unix:{}", path.display()), |state| async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Http::One, state.clone()));
            }
        })
    }

    /// Over TLS, by ALPN.
    pub async fn tls(config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::start(url, |state| async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, state) = (acceptor.clone(), state.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let http = if stream.get_ref().1.alpn_protocol() == Some(b"h2") { Http::Two } else { Http::One };
                    serve(stream, http, state).await;
                });
            }
        })
    }

    fn tcp(listener: TcpListener, url: String, http: Http) -> Self {
        Self::start(url, move |state| async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(stream, http, state.clone()));
            }
        })
    }

    fn start<F: Future<Output = ()> + Send + 'static>(url: String, accept: impl FnOnce(Arc<State>) -> F) -> Self {
        let state = Arc::new(State {
            requests: AtomicU64::new(0),
            body_bytes: AtomicU64::new(0),
            aborts: AtomicU64::new(0),
            events: broadcast::channel(64).0,
            released: watch::channel(false).0,
        });
        let task = tokio::spawn(accept(state.clone()));
        Self { url, state, task }
    }

    /// As an app's `upstreams` names it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.url.split_once("://").unwrap().1.parse().unwrap()
    }

    /// How many requests reached it.
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// How many bytes of request bodies reached it.
    pub fn body_bytes(&self) -> u64 {
        self.state.body_bytes.load(Ordering::SeqCst)
    }

    /// How many request bodies broke off.
    pub fn aborts(&self) -> u64 {
        self.state.aborts.load(Ordering::SeqCst)
    }

    /// Sends an event to every open `/sse`.
    pub async fn emit(&self, event: &str) {
        eventually("a listener for events", || async { self.state.events.send(event.to_owned()).ok() }).await;
    }

    /// Answers every `/hold`, those to come too.
    pub fn release(&self) {
        self.state.released.send_replace(true);
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone, Copy)]
enum Http {
    One,
    Two,
}

async fn serve<S>(stream: S, http: Http, state: Arc<State>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| {
        let state = state.clone();
        async move { Ok::<_, Infallible>(answer(request, state).await) }
    });
    let io = TokioIo::new(stream);
    // How a connection ends is the test's business, not the upstream's.
    let _ = match http {
        Http::One => hyper::server::conn::http1::Builder::new().serve_connection(io, service).with_upgrades().await,
        Http::Two => hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await,
    };
}

async fn answer(request: Request<Incoming>, state: Arc<State>) -> Response<Body> {
    state.requests.fetch_add(1, Ordering::SeqCst);
    let path = request.uri().path().to_owned();
    match path.as_str() {
        _ if request.headers().contains_key("upgrade") => upgrade(request),
        "/sse" => events(&state),
        "/hold" => hold(request, &state).await,
        "/duplex" => duplex(request, state),
        "/marked" => marked(),
        "/ntlm" => Response::builder().status(401).header("www-authenticate", "NTLM").body(empty()).unwrap(),
        "/trailers" => trailers(),
        _ => match path.strip_prefix("/bytes/") {
            Some(count) => many_bytes(count.parse().unwrap()),
            None => echo(request, &state).await,
        },
    }
}

async fn echo(request: Request<Incoming>, state: &Arc<State>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let (mut length, mut trailers) = (0_u64, Vec::new());
    let mut received = Received { body, whole: false, state: state.clone() };
    while let Some(Ok(frame)) = received.next().await {
        match frame.into_data() {
            Ok(data) => length += data.len() as u64,
            Err(frame) => trailers = pairs(&frame.into_trailers().unwrap_or_default()),
        }
    }
    drop(received);
    let seen = json!({
        "method": head.method.as_str(),
        "target": head.uri.path_and_query().map_or("", |target| target.as_str()),
        "authority": head.uri.authority().map(ToString::to_string),
        "version": format!("{:?}", head.version),
        "headers": pairs(&head.headers),
        "body_bytes": length,
        "trailers": trailers,
    });
    Response::builder().header("content-type", "application/json").body(full(seen.to_string())).unwrap()
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

fn many_bytes(count: u64) -> Response<Body> {
    const PIECE: u64 = 64 * 1024;
    let piece = Bytes::from(vec![0x5a; PIECE as usize]);
    let pieces = stream::unfold(count, move |left| {
        let next = left.min(PIECE);
        let frame = Frame::data(piece.slice(..next as usize));
        async move { (next > 0).then_some((Ok(frame), left - next)) }
    });
    Response::builder().header("content-length", count).body(StreamBody::new(pieces).boxed_unsync()).unwrap()
}

fn events(state: &State) -> Response<Body> {
    let events = stream::unfold(state.events.subscribe(), |mut events| async move {
        let event = events.recv().await.ok()?;
        Some((Ok(Frame::data(Bytes::from(format!("data: {event}\n\n")))), events))
    });
    Response::builder()
        .header("content-type", "text/event-stream")
        .body(StreamBody::new(events).boxed_unsync())
        .unwrap()
}

async fn hold(request: Request<Incoming>, state: &Arc<State>) -> Response<Body> {
    let mut released = state.released.subscribe();
    let _ = released.wait_for(|released| *released).await;
    echo(request, state).await
}

/// Answers at once, and sends back what it gets as it comes.
fn duplex(request: Request<Incoming>, state: Arc<State>) -> Response<Body> {
    let received = Received { body: request.into_body(), whole: false, state };
    let pieces = stream::unfold(received, |mut received| async move {
        let frame = received.next().await?;
        Some((frame.map_err(Into::into), received))
    });
    Response::builder().body(StreamBody::new(pieces).boxed_unsync()).unwrap()
}

/// The body of a request; it counts as broken off when it is dropped before its end.
struct Received {
    body: Incoming,
    whole: bool,
    state: Arc<State>,
}

impl Received {
    async fn next(&mut self) -> Option<hyper::Result<Frame<Bytes>>> {
        let frame = self.body.frame().await;
        match &frame {
            None => self.whole = true,
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.state.body_bytes.fetch_add(length, Ordering::SeqCst);
            }
            Some(Err(_)) => {}
        }
        frame
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if !self.whole {
            self.state.aborts.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// An answer that pretends to be the gateway's.
fn marked() -> Response<Body> {
    Response::builder()
        .header("gaccong-reason", "policy.forbid")
        .header("gaccong-assertion", "forged")
        .header("Gaccong-Anything", "forged")
        .header("alt-svc", "h3=\":443\"")
        .header("x-request-id", "forged")
        .header("x-kept", "kept")
        .header("access-control-allow-origin", "*")
        .header("access-control-allow-methods", "DELETE")
        .body(full("marked"))
        .unwrap()
}

fn trailers() -> Response<Body> {
    let trailers =
        HeaderMap::from_iter([(http::HeaderName::from_static("x-checksum"), HeaderValue::from_static("abc"))]);
    let frames = stream::iter([Ok(Frame::data(Bytes::from_static(b"body"))), Ok(Frame::trailers(trailers))]);
    Response::builder().header("trailer", "x-checksum").body(StreamBody::new(frames).boxed_unsync()).unwrap()
}

/// WebSocket (RFC 6455): sends back what it gets.
fn upgrade(mut request: Request<Incoming>) -> Response<Body> {
    let Some(key) = request.headers().get("sec-websocket-key").cloned() else {
        return Response::builder().status(400).body(full("not a WebSocket")).unwrap();
    };
    let assertion: Vec<_> = request.headers().get_all("gaccong-assertion").iter().cloned().collect();
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(&mut request).await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() || socket.send(message).await.is_err() {
                break;
            }
        }
    });
    let seen = assertion.iter().fold(Response::builder(), |seen, value| seen.header("x-seen-assertion", value));
    seen.status(101)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", derive_accept_key(key.as_bytes()))
        .body(empty())
        .unwrap()
}

/// What the upstream saw of a request.
#[derive(Debug)]
pub struct Seen(Value);

impl Seen {
    /// Reads the echo's answer.
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self(answer.json())
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.0["method"].as_str().unwrap()
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        self.0["target"].as_str().unwrap()
    }

    /// `HTTP/1.1`, `HTTP/2.0`
    pub fn version(&self) -> &str {
        self.0["version"].as_str().unwrap()
    }

    /// The values of a header field.
    pub fn header(&self, name: &str) -> Vec<&str> {
        self.headers().filter(|(n, _)| *n == name).map(|(_, value)| value).collect()
    }

    /// All header fields.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs_of(&self.0["headers"])
    }

    /// All trailer fields.
    pub fn trailers(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs_of(&self.0["trailers"])
    }

    /// The length of the body.
    pub fn body_bytes(&self) -> u64 {
        self.0["body_bytes"].as_u64().unwrap()
    }
}

fn pairs_of(pairs: &Value) -> impl Iterator<Item = (&str, &str)> {
    pairs.as_array().unwrap().iter().map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
}
