//! One client connection: TLS pinned so that every peer negotiates the same, and HTTP on top.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind, NamedGroup, ProtocolVersion, RootCertStore};
use serde::Serialize;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificates::{Certificates, HOST};
use crate::peers::credential::Field;

/// The body of every request.
pub(crate) type Body = BoxBody<Bytes, std::convert::Infallible>;

/// The HTTP versions that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Http {
    /// HTTP/1.1
    One,
    /// HTTP/2
    Two,
}

/// What a handshake ended in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Negotiated {
    version: String,
    cipher: String,
    group: String,
    /// Session tickets that the peer sent although nobody will use them.
    pub(crate) tickets: u32,
}

impl std::fmt::Display for Negotiated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { version, cipher, group, tickets } = self;
        write!(f, "{version}, {cipher}, {group}, full handshake, {tickets} session tickets")
    }
}

/// Opens connections to one address.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    /// What every request has beside the usual.
    field: Option<Field>,
    one: TlsConnector,
    two: TlsConnector,
}

impl Client {
    /// A client with the certificate of the run. Offers one cipher suite and one group, and never resumes.
    pub(crate) fn new(address: SocketAddr, certificates: &Certificates, field: Option<Field>) -> Result<Self> {
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites = vec![cipher_suite::TLS13_AES_128_GCM_SHA256];
        provider.kx_groups = vec![kx_group::X25519];

        let mut roots = RootCertStore::empty();
        roots.add(certificates.server_ca.clone())?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificates.client.clone()], certificates.client_key.clone_key())?;
        config.resumption = rustls::client::Resumption::disabled();

        let connector = |protocol: &[u8]| {
            let mut config = config.clone();
            config.alpn_protocols = vec![protocol.to_vec()];
            TlsConnector::from(Arc::new(config))
        };
        Ok(Self { address, field, one: connector(b"http/1.1"), two: connector(b"h2") })
    }

    /// Completes a handshake and makes sure that it is the one that was asked for.
    ///
    /// Each connection comes from a source address of its own in 127.0.0.0/8 (`source` is its number), so that
    /// thousands of them do not look like one client that must be slowed down.
    pub(crate) async fn handshake(&self, http: Http, source: u32) -> Result<TlsStream<TcpStream>> {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((source_address(source), 0)))?;
        let tcp = socket.connect(self.address).await.context("connecting")?;
        tcp.set_nodelay(true)?;
        let (connector, protocol) = match http {
            Http::One => (&self.one, b"http/1.1".as_slice()),
            Http::Two => (&self.two, b"h2".as_slice()),
        };
        let stream = connector.connect(ServerName::try_from(HOST)?, tcp).await.context("TLS handshake")?;
        let (_, tls) = stream.get_ref();
        ensure!(tls.alpn_protocol() == Some(protocol), "the peer chose another HTTP version");
        ensure!(tls.handshake_kind() == Some(HandshakeKind::Full), "the handshake was not a full one");
        ensure!(tls.protocol_version() == Some(ProtocolVersion::TLSv1_3), "the peer chose another TLS version");
        ensure!(
            tls.negotiated_key_exchange_group().map(|group| group.name()) == Some(NamedGroup::X25519),
            "the peer chose another group"
        );
        Ok(stream)
    }

    /// Makes one request on a connection of its own and tells what was negotiated.
    pub(crate) async fn probe(&self) -> Result<Negotiated> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = self.handshake(Http::One, 0).await?;
        let field = self.field.iter().map(|(name, value)| Ok(format!("{name}: {}\r\n", value.to_str()?)));
        let field = field.collect::<Result<String>>()?;
        let head = format!("GET /kb HTTP/1.1\r\nHost: {HOST}\r\n{field}Connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let status = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
        ensure!(status.starts_with("HTTP/1.1 200"), "expected status 200, got `{status}`");

        let (_, tls) = stream.get_ref();
        Ok(Negotiated {
            version: format!("{:?}", tls.protocol_version().context("no TLS version")?),
            cipher: format!("{:?}", tls.negotiated_cipher_suite().context("no cipher suite")?.suite()),
            group: format!("{:?}", tls.negotiated_key_exchange_group().context("no group")?.name()),
            tickets: tls.tls13_tickets_received(),
        })
    }

    /// A connection ready for requests.
    pub(crate) async fn connect(&self, http: Http, source: u32) -> Result<Sender> {
        let stream = TokioIo::new(self.handshake(http, source).await?);
        let field = self.field.clone();
        match http {
            Http::One => {
                let (sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                Ok(Sender { field, way: Way::One(sender) })
            }
            Http::Two => {
                let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                    .initial_stream_window_size(1 << 20)
                    .initial_connection_window_size(16 << 20)
                    .handshake(stream)
                    .await?;
                tokio::spawn(connection);
                Ok(Sender { field, way: Way::Two(sender) })
            }
        }
    }
}

/// The sending half of a connection.
pub(crate) struct Sender {
    field: Option<Field>,
    way: Way,
}

enum Way {
    /// HTTP/1.1: one request at a time.
    One(http1::SendRequest<Body>),
    /// HTTP/2: as many as there are clones.
    Two(http2::SendRequest<Body>),
}

impl Sender {
    /// As many lanes as requests may run on the connection at once, at most `streams`.
    pub(crate) fn lanes(self, streams: u32) -> Vec<Self> {
        match &self.way {
            Way::One(_) => vec![self],
            Way::Two(sender) => {
                (0..streams).map(|_| Self { field: self.field.clone(), way: Way::Two(sender.clone()) }).collect()
            }
        }
    }

    /// Sends `GET path`; returns the number of bytes of the response's body. Any status but 200 is an error.
    pub(crate) async fn get(&mut self, path: &str) -> Result<u64> {
        let (mut length, mut body) = (0, self.send("GET", path, Empty::new().boxed()).await?);
        while let Some(frame) = body.frame().await {
            length += frame?.data_ref().map_or(0, |data| data.len() as u64);
        }
        Ok(length)
    }

    /// Sends `PUT path` with a body; returns the response's body. Any status but 200 is an error.
    pub(crate) async fn put(&mut self, path: &str, body: Body) -> Result<Bytes> {
        Ok(self.send("PUT", path, body).await?.collect().await?.to_bytes())
    }

    /// Whether the peer has closed the connection.
    pub(crate) fn is_closed(&self) -> bool {
        match &self.way {
            Way::One(sender) => sender.is_closed(),
            Way::Two(sender) => sender.is_closed(),
        }
    }

    async fn send(&mut self, method: &str, path: &str, body: Body) -> Result<Incoming> {
        let mut request = Request::builder().method(method).header("user-agent", "gaccong-bench");
        if let Some((name, value)) = &self.field {
            request = request.header(name, value);
        }
        let response = match &mut self.way {
            Way::One(sender) => {
                sender.ready().await?;
                sender.send_request(request.uri(path).header("host", HOST).body(body)?).await?
            }
            Way::Two(sender) => {
                sender.ready().await?;
                sender.send_request(request.uri(format!("https://{HOST}{path}")).body(body)?).await?
            }
        };
        if response.status() != StatusCode::OK {
            let reason = response.headers().get("gaccong-reason").cloned();
            bail!("expected status 200 for `{method} {path}`, got {}, reason {reason:?}", response.status());
        }
        Ok(response.into_body())
    }
}

/// 250 sources in 127.1.0.0/16, never an address that ends in 0 or 255.
fn source_address(source: u32) -> Ipv4Addr {
    let last = u8::try_from(source % 250).unwrap_or_default();
    Ipv4Addr::new(127, 1, 0, last + 1)
}
