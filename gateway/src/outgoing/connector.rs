//! Connections of the gateway's own: TCP, with TLS for `https`.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::KeyRef;
use crate::config::diagnostic::Diagnostic;
use crate::request::accept::tls::{read_chain, read_key};
use crate::request::forward::connector::UpstreamStream;

/// Dials the authority of a URI.
#[derive(Clone)]
pub(super) struct Connector {
    /// `None` where no CA is believed.
    tls: Option<TlsConnector>,
}

impl Connector {
    /// `own` is the certificate that is shown to servers that ask for one, and its key.
    pub(super) fn new(ca: &[PathBuf], own: Option<(&Path, &KeyRef)>) -> Result<Self, Box<Diagnostic>> {
        Ok(Self { tls: if ca.is_empty() { None } else { Some(tls(ca, own)?) } })
    }
}

fn tls(ca: &[PathBuf], own: Option<(&Path, &KeyRef)>) -> Result<TlsConnector, Box<Diagnostic>> {
    let mut roots = RootCertStore::empty();
    for file in ca {
        let of_file = |message: String| Box::new(Diagnostic::of_file(file, message));
        let certificates = read_chain(file)?;
        if certificates.is_empty() {
            return Err(of_file("it has no `CERTIFICATE` section in PEM".to_owned()));
        }
        for certificate in certificates {
            roots.add(certificate).map_err(|error| of_file(format!("not a CA certificate: {error}")))?;
        }
    }
    let first = ca.first().cloned().unwrap_or_default();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Box::new(Diagnostic::of_file(&first, error.to_string())))?
        .with_root_certificates(roots);
    let mut config = match own {
        None => config.with_no_client_auth(),
        Some((chain, key)) => config
            .with_client_auth_cert(read_chain(chain)?, read_key(key)?)
            .map_err(|error| Box::new(Diagnostic::of_file(chain, format!("no certificate for its key: {error}"))))?,
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn dial(tls: Option<TlsConnector>, url: Uri) -> io::Result<UpstreamStream> {
    let secure = url.scheme_str() == Some("https");
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    stream.set_nodelay(true)?;
    if !secure {
        return Ok(UpstreamStream::Tcp(TokioIo::new(stream)));
    }
    let tls = tls.ok_or_else(|| io::Error::other("no CA is configured whose servers could be believed; set `ca`"))?;
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    Ok(UpstreamStream::Tls(Box::new(TokioIo::new(tls.connect(name, stream).await?))))
}

impl tower_service::Service<Uri> for Connector {
    type Response = UpstreamStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<UpstreamStream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        Box::pin(dial(self.tls.clone(), url))
    }
}
