//! The management listener: `/metrics`, `/livez`, `/readyz`, `/jwks.json`, `/backchannel-logout`; over TLS where it is not
//! loopback. There, whoever shows no certificate gets what is public or proves itself, and nothing else. At a hand-over it
//! stops, so that scrapes and probes reach the successor only.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config::{CertificateMode, ManagementTls, OnInvalid};
use crate::facts::snapshot::Snapshot;
use crate::facts::trust::ClientVerifier;
use crate::gateway::Gateway;
use crate::request::forward::assertion;
use crate::session::backchannel;

/// How many connections may be open at once.
const CONNECTIONS: usize = 64;

/// How long a handshake or a request's head may take, and how long a whole connection may stay.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(300);

/// How long a connection without a certificate may stay: its place is wanted by those who watch the gateway.
const PUBLIC_CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the keys of assertions are.
const KEY_SETS: [&str; 2] = ["/jwks.json", "/.gaccong/jwks.json"];

/// Prometheus text format 0.0.4.
const METRICS_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Serves until the process ends, or `handed_over`: from then on scrapes and probes reach the successor.
pub async fn run(gateway: Arc<Gateway>, listener: TcpListener, handed_over: CancellationToken) {
    let accepting = accept(gateway, listener, handed_over.clone());
    handed_over.run_until_cancelled(accepting).await;
}

async fn accept(gateway: Arc<Gateway>, listener: TcpListener, handed_over: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (gateway, handed_over) = (Arc::clone(&gateway), handed_over.clone());
                tokio::spawn(async move {
                    // Whatever ends the connection, the next scrape makes a new one.
                    let served = connection(gateway, stream, handed_over);
                    let _ = tokio::time::timeout(CONNECTION_TIMEOUT, served).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a management connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(gateway: Arc<Gateway>, stream: TcpStream, handed_over: CancellationToken) {
    let snapshot = gateway.snapshot.load_full();
    match &snapshot.config.management.tls {
        None => serve(gateway, stream, Admitted::ToAll, handed_over).await,
        Some(settings) => match tokio::time::timeout(HEAD_TIMEOUT, handshake(&snapshot, settings, stream)).await {
            Ok(Ok((stream, admitted @ Admitted::ToAll))) => serve(gateway, stream, admitted, handed_over).await,
            Ok(Ok((stream, admitted @ Admitted::ToPublic))) => {
                let served = serve(gateway, stream, admitted, handed_over);
                let _ = tokio::time::timeout(PUBLIC_CONNECTION_TIMEOUT, served).await;
            }
            Ok(Err(error)) => tracing::warn!(%error, "management connection refused"),
            Err(_) => tracing::warn!("management handshake timed out"),
        },
    }
}

async fn handshake(
    snapshot: &Snapshot,
    settings: &ManagementTls,
    stream: TcpStream,
) -> std::io::Result<(tokio_rustls::server::TlsStream<TcpStream>, Admitted)> {
    let name = snapshot.management_tls.as_ref().and_then(|tls| Some((tls, tls.choose(None)?)));
    let (tls, name) = name.ok_or_else(|| std::io::Error::other("no certificate for the management listener"))?;
    // Neither services that fetch keys nor an identity provider have a certificate to show.
    let verifier =
        Arc::new(ClientVerifier::new(Arc::clone(&snapshot.trust), CertificateMode::Optional, OnInvalid::Alert));
    let config = tls.handshake(name, Arc::clone(&verifier) as _).map_err(std::io::Error::other)?;
    let stream = TlsAcceptor::from(config).accept(stream).await?;
    match verifier.outcome() {
        Some(Ok(presented)) if settings.trust.contains(&presented.certificate.trust_domain) => {
            Ok((stream, Admitted::ToAll))
        }
        None => Ok((stream, Admitted::ToPublic)),
        _ => Err(std::io::Error::other("the certificate's trust domain is not admitted")),
    }
}

/// What a connection may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admitted {
    /// Everything.
    ToAll,
    /// What needs no certificate: the keys of assertions, which are public, and logouts by the identity provider, which
    /// its signature proves.
    ToPublic,
}

async fn serve<S>(gateway: Arc<Gateway>, stream: S, admitted: Admitted, handed_over: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| {
        let (gateway, handed_over) = (Arc::clone(&gateway), handed_over.is_cancelled());
        async move {
            Ok::<_, Infallible>(match is_logout(&request) {
                true => log_out(&gateway, request.into_body()).await,
                false if admitted == Admitted::ToAll || is_for_key_set(&request) => {
                    answer(&gateway, &request, handed_over)
                }
                false => text(StatusCode::FORBIDDEN, "no certificate\n".into()),
            })
        }
    });
    let mut served = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = match handed_over.run_until_cancelled(served.as_mut()).await {
        Some(ended) => ended,
        None => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "management connection ended");
    }
}

fn is_logout(request: &Request<Incoming>) -> bool {
    request.method() == Method::POST && backchannel::PATHS.contains(&request.uri().path())
}

fn is_for_key_set(request: &Request<Incoming>) -> bool {
    request.method() == Method::GET && KEY_SETS.contains(&request.uri().path())
}

/// The identity provider says that a person has logged out.
async fn log_out(gateway: &Arc<Gateway>, body: Incoming) -> Response<Full<Bytes>> {
    let form = Limited::new(body, backchannel::MAX_FORM_BYTES).collect();
    match tokio::time::timeout(backchannel::FORM_TIMEOUT, form).await {
        Ok(Ok(form)) => backchannel::answer(gateway, &form.to_bytes()).await.map(Full::new),
        Ok(Err(_)) => text(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large\n".into()),
        Err(_) => text(StatusCode::REQUEST_TIMEOUT, "the form came too slowly\n".into()),
    }
}

fn answer(gateway: &Gateway, request: &Request<Incoming>, handed_over: bool) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".into());
    }
    match request.uri().path() {
        "/livez" => text(StatusCode::OK, "alive\n".into()),
        // After a hand-over the successor serves: a probe that had connected before must not take the node out.
        "/readyz" if gateway.draining() && !handed_over => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n".into()),
        "/readyz" => text(StatusCode::OK, "ready\n".into()),
        "/metrics" => match gateway.metrics.render(gateway) {
            Ok(metrics) => {
                let mut response = text(StatusCode::OK, metrics);
                response.headers_mut().insert(CONTENT_TYPE, METRICS_TYPE);
                response
            }
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("cannot render metrics: {error}\n")),
        },
        path if KEY_SETS.contains(&path) => key_set(gateway),
        _ => text(StatusCode::NOT_FOUND, "there is /metrics, /livez, /readyz and /jwks.json\n".into()),
    }
}

/// The keys of assertions: upstreams have no certificate of a client to fetch them with.
fn key_set(gateway: &Gateway) -> Response<Full<Bytes>> {
    let (head, body) = assertion::key_set(&gateway.assertions, clock::now_ms()).into_parts();
    Response::from_parts(head, Full::new(body))
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
