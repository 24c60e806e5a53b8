//! The client that walks the tour: hyper over rustls, with a connection of its own for each request.

use std::error::Error;
use std::fmt::Display;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::StepRequest;

/// Why a request got no response.
#[derive(Debug, Error)]
pub(super) enum ClientError {
    /// The gateway ended the connection before it answered.
    #[error("{0}")]
    Refused(String),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// Sends one request and returns the head of its response and the first piece of its body.
pub(super) async fn send(step: &StepRequest) -> Result<(Response<()>, Bytes), ClientError> {
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, step.port))
        .await
        .map_err(|error| ClientError::Failed(format!("cannot connect to 127.0.0.1:{}: {error}", step.port)))?;
    if step.scheme == "http" {
        return exchange(socket, step).await;
    }
    let name = ServerName::try_from(step.host).map_err(unusable)?;
    let connector = TlsConnector::from(Arc::new(tls_config(step)?));
    let stream = connector.connect(name, socket).await.map_err(|error| ended(&error))?;
    exchange(stream, step).await
}

/// One request on its own connection, which ends with it: an event stream would stay open for ever.
async fn exchange<S>(stream: S, step: &StepRequest) -> Result<(Response<()>, Bytes), ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| ended(&error))?;
    let mut connection = tokio::spawn(connection);
    let request = request(step)?;
    let answered = tokio::select! {
        biased;
        answered = sender.send_request(request) => answered.map_err(|error| ended(&error)),
        // What is sent in the very moment in which the connection ends would wait for ever.
        over = &mut connection => Err(match over {
            Ok(Err(error)) => ended(&error),
            _ => ClientError::Refused("the connection was closed".to_owned()),
        }),
    };
    let received = match answered {
        Ok(response) => Ok(first_piece(response).await),
        Err(error) => Err(error),
    };
    connection.abort();
    received
}

async fn first_piece(response: Response<Incoming>) -> (Response<()>, Bytes) {
    let (parts, mut body) = response.into_parts();
    let first = body.frame().await.and_then(Result::ok).and_then(|frame| frame.into_data().ok());
    (Response::from_parts(parts, ()), first.unwrap_or_default())
}

fn request(step: &StepRequest) -> Result<Request<Full<Bytes>>, ClientError> {
    let mut request = Request::builder()
        .method(step.method.clone())
        .uri(step.path)
        .header(header::HOST, format!("{}:{}", step.host, step.port));
    for (name, value) in &step.headers {
        request = request.header(*name, *value);
    }
    request.body(Full::from(step.body.unwrap_or_default())).map_err(unusable)
}

fn tls_config(step: &StepRequest) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&step.ca).map_err(unusable)?).map_err(unusable)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots);
    let Some(client) = &step.client else { return Ok(builder.with_no_client_auth()) };
    let chain = CertificateDer::pem_file_iter(&client.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unusable)?;
    let key = PrivateKeyDer::from_pem_file(&client.key).map_err(unusable)?;
    builder.with_client_auth_cert(chain, key).map_err(unusable)
}

fn unusable(error: impl Display) -> ClientError {
    ClientError::Failed(format!("this step cannot be sent: {error}"))
}

/// Tells a refusal by the gateway (an alert, or the connection closed) from everything else. In TLS 1.3 the client's side
/// of the handshake is complete before the server has seen the certificate, so a refusal may come after it.
fn ended(error: &(dyn Error + 'static)) -> ClientError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::AlertReceived(alert)) = error.downcast_ref() {
            return ClientError::Refused(format!("TLS alert {alert:?}"));
        }
        if is_closed(error) {
            return ClientError::Refused("the connection was closed".to_owned());
        }
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    ClientError::Failed(error.to_string())
}

fn is_closed(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let by_system = error.downcast_ref::<io::Error>().map(io::Error::kind);
    let by_hyper = error.downcast_ref::<hyper::Error>();
    matches!(by_system, Some(BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
        || by_hyper.is_some_and(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed())
}
