//! Clients: HTTP/1.1 and HTTP/2 over TLS with a certificate or none, and raw bytes for what no honest client sends.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{WebSocketStream, tungstenite};

use crate::pki::{Ca, Certified, Pki};
use crate::within_patience;

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A body of any kind.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A WebSocket to the gateway.
pub type WebSocket = WebSocketStream<TlsStream<TcpStream>>;

/// No body.
pub fn empty() -> Body {
    Empty::new().map_err(Into::into).boxed_unsync()
}

/// A body in one piece.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(Into::into).boxed_unsync()
}

/// A request for `https://{host}{path}` with a `Host` header.
pub fn get(host: &str, path: &str) -> Request<Body> {
    request("GET", host, path).body(empty()).unwrap()
}

/// A call with a JSON body.
pub fn post_json(host: &str, path: &str, body: &Value) -> Request<Body> {
    request("POST", host, path).header("content-type", "application/json").body(full(body.to_string())).unwrap()
}

/// The beginning of a request for `{path}` of `{host}` over HTTP/1.1.
pub fn request(method: &str, host: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header("host", host)
}

/// Someone who can connect to the gateway.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    tls: ClientConfig,
}

impl Client {
    /// A client that trusts the test's server CA and presents a certificate, or none.
    pub fn new(address: SocketAddr, pki: &Pki, certified: Option<&Certified>) -> Self {
        Self::trusting(address, &pki.servers, certified)
    }

    /// A client of a server of another CA.
    pub fn trusting(address: SocketAddr, ca: &Ca, certified: Option<&Certified>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(ca.der()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let tls = match certified {
            Some(certified) => builder.with_client_cert_resolver(Arc::new(Always::new(certified))),
            None => builder.with_no_client_auth(),
        };
        Self { address, tls }
    }

    /// The same with another TLS configuration.
    pub fn with_tls(mut self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        change(&mut self.tls);
        self
    }

    /// The same over TLS 1.2.
    pub fn tls12(&self, pki: &Pki, certified: Option<&Certified>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(pki.servers.der()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(roots);
        let tls = match certified {
            Some(certified) => builder.with_client_cert_resolver(Arc::new(Always::new(certified))),
            None => builder.with_no_client_auth(),
        };
        Self { address: self.address, tls }
    }

    /// A TLS connection with these application protocols. With TLS 1.3 the gateway's opinion of the certificate comes
    /// only after this returned: read to see it.
    pub async fn connect(&self, sni: &str, alpn: &[&str]) -> io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(self.address).await?;
        self.handshake(tcp, sni, alpn).await
    }

    /// TLS over a connection that exists.
    pub async fn handshake(&self, tcp: TcpStream, sni: &str, alpn: &[&str]) -> io::Result<TlsStream<TcpStream>> {
        tcp.set_nodelay(true)?;
        let mut tls = self.tls.clone();
        tls.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(sni.to_owned()).unwrap();
        TlsConnector::from(Arc::new(tls)).connect(name, tcp).await
    }

    /// An HTTP/1.1 connection.
    pub async fn h1(&self, host: &str) -> Result<H1, BoxError> {
        let tls = self.connect(host, &["http/1.1"]).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
        let (over, is_over) = watch::channel(());
        let driver = tokio::spawn(async move {
            let ended = connection.with_upgrades().await;
            drop(over);
            ended
        });
        Ok(H1 { sender, driver, is_over })
    }

    /// An HTTP/2 connection.
    pub async fn h2(&self, host: &str) -> Result<H2, BoxError> {
        let tls = self.connect(host, &["h2"]).await?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await?;
        let driver = tokio::spawn(connection);
        Ok(H2 { host: host.to_owned(), sender, driver })
    }

    /// A WebSocket.
    pub async fn websocket(&self, host: &str, path: &str) -> Result<WebSocket, tungstenite::Error> {
        let tls = self.connect(host, &["http/1.1"]).await?;
        Ok(tokio_tungstenite::client_async(format!("wss://{host}{path}"), tls).await?.0)
    }

    /// One request on an HTTP/1.1 connection of its own.
    pub async fn send(&self, host: &str, request: Request<Body>) -> Result<Answer, BoxError> {
        self.h1(host).await?.send(request).await
    }

    /// `GET` on an HTTP/1.1 connection of its own.
    pub async fn get(&self, host: &str, path: &str) -> Answer {
        self.send(host, get(host, path)).await.unwrap()
    }

    /// The same while access is being taken away: `None` when the answer was on its way at that moment, and was cut.
    pub async fn get_unless_cut(&self, host: &str, path: &str) -> Option<Answer> {
        self.send(host, get(host, path)).await.ok()
    }

    /// Writes bytes over TLS as they are and reads one answer; `None` when the connection ends without one.
    pub async fn raw(&self, sni: &str, bytes: &[u8]) -> Option<Answer> {
        let mut tls = self.connect(sni, &["http/1.1"]).await.unwrap();
        // The gateway may answer and close before it has read everything.
        let _ = tls.write_all(bytes).await;
        let _ = tls.flush().await;
        read_answer(&mut tls).await
    }
}

/// Presents its certificate whatever the server asks for.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl Always {
    fn new(certified: &Certified) -> Self {
        let key = aws_lc_rs::sign::any_supported_type(&certified.key).unwrap();
        Self(Arc::new(CertifiedKey::new(certified.chain.clone(), key)))
    }
}

impl ResolvesClientCert for Always {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// An HTTP/1.1 connection.
pub struct H1 {
    sender: http1::SendRequest<Body>,
    driver: tokio::task::JoinHandle<hyper::Result<()>>,
    /// Its other half is dropped when the connection has ended.
    is_over: watch::Receiver<()>,
}

impl H1 {
    /// One request and its whole answer.
    pub async fn send(&mut self, request: Request<Body>) -> Result<Answer, BoxError> {
        Answer::read(self.begin(request).await?).await
    }

    /// One request, however long it takes, and its whole answer.
    pub async fn send_slowly(&mut self, request: Request<Body>) -> Result<Answer, BoxError> {
        Answer::read(self.sender.send_request(request).await?).await
    }

    /// One request and the head of its answer.
    pub async fn begin(&mut self, request: Request<Body>) -> Result<Response<Incoming>, BoxError> {
        within_patience("a request over HTTP/1.1", async {
            self.sender.ready().await?;
            tokio::select! {
                biased;
                answered = self.sender.send_request(request) => Ok(answered?),
                // What is sent in the very moment in which the connection ends would wait for ever.
                _ = self.is_over.changed() => Err("the connection has ended".into()),
            }
        })
        .await
    }

    /// Whether the connection takes another request.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Waits for the end of the connection.
    pub async fn closed(self) -> hyper::Result<()> {
        within_patience("the end of an HTTP/1.1 connection", self.driver).await.unwrap()
    }
}

/// An HTTP/2 connection.
#[derive(Debug)]
pub struct H2 {
    host: String,
    sender: http2::SendRequest<Body>,
    driver: tokio::task::JoinHandle<hyper::Result<()>>,
}

impl H2 {
    /// `GET` for the connection's host.
    pub async fn get(&self, path: &str) -> Result<Answer, BoxError> {
        self.send(self.request("GET", path).body(empty()).unwrap()).await
    }

    /// The beginning of a request for the connection's host.
    pub fn request(&self, method: &str, path: &str) -> http::request::Builder {
        let uri = format!("https://{}{path}", self.host);
        Request::builder().version(Version::HTTP_2).method(method).uri(uri)
    }

    /// One request and its whole answer.
    pub async fn send(&self, request: Request<Body>) -> Result<Answer, BoxError> {
        Answer::read(self.begin(request).await?).await
    }

    /// One request and the head of its answer.
    pub async fn begin(&self, request: Request<Body>) -> Result<Response<Incoming>, BoxError> {
        let mut sender = self.sender.clone();
        within_patience("a request over HTTP/2", async {
            sender.ready().await?;
            Ok(sender.send_request(request).await?)
        })
        .await
    }

    /// Whether the connection takes another request.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Waits for the end of the connection.
    pub async fn closed(self) -> hyper::Result<()> {
        within_patience("the end of an HTTP/2 connection", self.driver).await.unwrap()
    }
}

/// A whole response.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// Trailer fields.
    pub trailers: Option<HeaderMap>,
}

impl Answer {
    /// Reads a response to its end.
    pub async fn read(response: Response<Incoming>) -> Result<Self, BoxError> {
        let (head, body) = response.into_parts();
        let collected = within_patience("the body of a response", body.collect()).await?;
        let trailers = collected.trailers().cloned();
        Ok(Self { status: head.status, headers: head.headers, body: collected.to_bytes(), trailers })
    }

    /// A header field that occurs at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        assert!(values.next().is_none(), "{name} occurs more than once");
        Some(first.to_str().unwrap())
    }

    /// `Gaccong-Reason`
    pub fn reason(&self) -> Option<&str> {
        self.header("gaccong-reason")
    }

    /// `X-Request-Id`
    pub fn id(&self) -> &str {
        self.header("x-request-id").expect("every answer has an id")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Writes bytes and reads one HTTP/1.1 answer.
pub async fn exchange(stream: &mut TlsStream<TcpStream>, bytes: &[u8]) -> Option<Answer> {
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()?;
    read_answer(stream).await
}

/// Reads one HTTP/1.1 answer to the end of its body or of the connection.
pub async fn read_answer(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<Answer> {
    within_patience("an answer to raw bytes", async {
        let mut bytes = Vec::new();
        loop {
            if let Some(answer) = parse_answer(&bytes) {
                return Some(answer);
            }
            let mut piece = [0; 4096];
            match stream.read(&mut piece).await {
                Ok(read) if read > 0 => bytes.extend_from_slice(&piece[..read]),
                _ => return None,
            }
        }
    })
    .await
}

/// Only what the gateway's own answers and the echo's need: a length, or no body.
fn parse_answer(bytes: &[u8]) -> Option<Answer> {
    let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..head_end]).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        headers.append(name.parse::<http::HeaderName>().unwrap(), value.trim().parse().unwrap());
    }
    let length = headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    let body = bytes.get(head_end..head_end + length)?;
    Some(Answer { status, headers, body: Bytes::copy_from_slice(body), trailers: None })
}

/// `GET` in clear, on a connection of its own.
pub async fn plain_get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let answer = plain(address, get(&address.to_string(), path)).await.map_err(io::Error::other)?;
    Ok((answer.status.as_u16(), answer.text()))
}

/// A request in clear, on a connection of its own.
pub async fn plain(address: SocketAddr, request: Request<Body>) -> Result<Answer, BoxError> {
    let tcp = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(tcp)).await?;
    tokio::spawn(connection);
    Answer::read(sender.send_request(request).await?).await
}

/// `POST` of a form in clear, on a connection of its own.
pub async fn plain_post(address: SocketAddr, path: &str, form: &str) -> Result<Answer, BoxError> {
    let request = request("POST", "localhost", path).header("content-type", "application/x-www-form-urlencoded");
    plain(address, request.body(full(form.to_owned()))?).await
}
