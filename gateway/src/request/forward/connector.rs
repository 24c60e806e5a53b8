//! The connection to one upstream address: TCP or a Unix socket, in clear or over TLS.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::diagnostic::Diagnostic;
use crate::config::{App, Scheme, Target, Upstream};
use crate::request::accept::tls::{read_chain, read_key};

/// Dials one upstream, whatever the URI says: the URI's authority is the host that the client asked for.
#[derive(Clone)]
pub struct Connector(Arc<Dial>);

struct Dial {
    target: Target,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    timeout: Duration,
}

/// Which protocols are offered to an `https` upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// HTTP/2 and HTTP/1.1.
    Both,
    /// HTTP/1.1 only: what an upgrade needs.
    Http1,
}

impl Connector {
    /// A connector to `upstream` of `app`.
    pub fn new(app: &App, upstream: &Upstream, offer: Offer) -> Result<Self, Box<Diagnostic>> {
        let tls = match upstream.scheme {
            Scheme::Https => Some(tls(app, upstream, offer)?),
            Scheme::Http | Scheme::H2c => None,
        };
        Ok(Self(Arc::new(Dial { target: upstream.target.clone(), tls, timeout: app.connect_timeout })))
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connector").field(&self.0.target).finish()
    }
}

fn tls(app: &App, upstream: &Upstream, offer: Offer) -> Result<(TlsConnector, ServerName<'static>), Box<Diagnostic>> {
    let settings = &app.upstream_tls;
    let ca = settings.ca.as_deref().unwrap_or_else(|| std::path::Path::new(""));
    let of_ca = |message: String| Box::new(Diagnostic::of_file(ca, message));
    let mut roots = RootCertStore::empty();
    for certificate in read_chain(ca)? {
        roots.add(certificate).map_err(|error| of_ca(format!("not a CA certificate: {error}")))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| of_ca(error.to_string()))?
        .with_root_certificates(roots);
    let mut config = match &settings.client {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder
            .with_client_auth_cert(read_chain(chain)?, read_key(key)?)
            .map_err(|error| Box::new(Diagnostic::of_file(chain, format!("unusable client certificate: {error}"))))?,
    };
    config.alpn_protocols = match offer {
        Offer::Both => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Offer::Http1 => vec![b"http/1.1".to_vec()],
    };
    let host = match (&settings.server_name, &upstream.target) {
        (Some(name), _) => name.clone(),
        (None, Target::Tcp { host, .. }) => host.clone(),
        (None, Target::Unix(_)) => String::new(),
    };
    let name = ServerName::try_from(host.clone())
        .map_err(|_| of_ca(format!("`{host}` cannot be a certificate's name; set `server_name`")))?;
    Ok((TlsConnector::from(Arc::new(config)), name))
}

impl Dial {
    async fn dial(&self) -> io::Result<UpstreamStream> {
        let stream = match &self.target {
            Target::Unix(path) => return Ok(UpstreamStream::Unix(TokioIo::new(UnixStream::connect(path).await?))),
            Target::Tcp { host, port } => TcpStream::connect((host.as_str(), *port)).await?,
        };
        stream.set_nodelay(true)?;
        match &self.tls {
            None => Ok(UpstreamStream::Tcp(TokioIo::new(stream))),
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await?;
                Ok(UpstreamStream::Tls(Box::new(TokioIo::new(stream))))
            }
        }
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = UpstreamStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<UpstreamStream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let dial = Arc::clone(&self.0);
        Box::pin(async move { tokio::time::timeout(dial.timeout, dial.dial()).await? })
    }
}

/// A connection to an upstream.
#[derive(Debug)]
pub enum UpstreamStream {
    /// In clear.
    Tcp(TokioIo<TcpStream>),
    /// A Unix socket.
    Unix(TokioIo<UnixStream>),
    /// TLS.
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl Connection for UpstreamStream {
    fn connected(&self) -> Connected {
        match self {
            Self::Tls(stream) if stream.inner().get_ref().1.alpn_protocol() == Some(b"h2") => {
                Connected::new().negotiated_h2()
            }
            Self::Tcp(_) | Self::Unix(_) | Self::Tls(_) => Connected::new(),
        }
    }
}

macro_rules! either {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            UpstreamStream::Tcp($stream) => $call,
            UpstreamStream::Unix($stream) => $call,
            UpstreamStream::Tls($stream) => $call,
        }
    };
}

impl Read for UpstreamStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl Write for UpstreamStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }
}
