//! Requests that the gateway makes of its own accord: for revocation lists, OCSP answers, streams of signals.
//!
//! The addresses come from the configuration only, never from a certificate or a message. Redirects are not followed.
//! An answer has a bound of bytes and one of time, from the look-up of the name to the last byte.

pub mod backoff;
mod connector;
#[cfg(test)]
mod tests;
mod url;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};

use crate::config::KeyRef;
use crate::config::diagnostic::Diagnostic;
use connector::Connector;
pub use url::{NotUrl, Url};

/// Kept connections to one host, and for how long.
const IDLE_CONNECTIONS: usize = 4;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How much one answer may be and take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of the body.
    pub max_bytes: u64,
    /// From the beginning to the last byte.
    pub timeout: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// It could not be reached, its certificate is not good, or its answer is not HTTP.
    #[error("{0}")]
    Exchange(String),
    /// It took too long.
    #[error("no whole answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// It is too long.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(u64),
}

/// A client for one purpose: the servers that it believes are the same for all its requests.
#[derive(Clone)]
pub struct Client(legacy::Client<Connector, Full<Bytes>>);

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Response {
    /// The status; whatever it is.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct Streaming {
    /// The status; whatever it is.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    body: Incoming,
    bounds: Bounds,
    deadline: Instant,
    read_bytes: u64,
}

impl Client {
    /// A client that believes `https` servers whose certificates lead to the CAs in these PEM files. Without a file it
    /// believes none, and speaks `http` only.
    ///
    /// # Errors
    /// A file that cannot be read or holds no CA.
    pub fn new(ca: &[PathBuf]) -> Result<Self, Box<Diagnostic>> {
        Ok(Self::dialling(Connector::new(ca, None)?))
    }

    /// The same, and it shows servers that ask for one a certificate: a chain in PEM, leaf first, and its key.
    ///
    /// # Errors
    /// A file that cannot be read, holds no CA, or a key that is not the certificate's.
    pub fn with_certificate(ca: &[PathBuf], chain: &Path, key: &KeyRef) -> Result<Self, Box<Diagnostic>> {
        Ok(Self::dialling(Connector::new(ca, Some((chain, key)))?))
    }

    fn dialling(connector: Connector) -> Self {
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(connector);
        Self(client)
    }

    /// GET.
    ///
    /// # Errors
    /// There is no whole answer within `bounds`.
    pub async fn get(&self, url: &Url, headers: HeaderMap, bounds: Bounds) -> Result<Response, OutgoingError> {
        self.stream(Method::GET, url, headers, Bytes::new(), bounds).await?.collect().await
    }

    /// POST.
    ///
    /// # Errors
    /// There is no whole answer within `bounds`.
    pub async fn post(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        bounds: Bounds,
    ) -> Result<Response, OutgoingError> {
        self.send(Method::POST, url, headers, body, bounds).await
    }

    /// A request of any method.
    ///
    /// # Errors
    /// There is no whole answer within `bounds`.
    pub async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        bounds: Bounds,
    ) -> Result<Response, OutgoingError> {
        self.stream(method, url, headers, body, bounds).await?.collect().await
    }

    /// A request whose answer may be too long to be held in memory.
    ///
    /// # Errors
    /// There is no head of an answer within `bounds`, or it announces a longer body.
    pub async fn stream(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        bounds: Bounds,
    ) -> Result<Streaming, OutgoingError> {
        let deadline = Instant::now() + bounds.timeout;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = url.uri().clone();
        *request.headers_mut() = headers;
        let agent = HeaderValue::from_static(concat!("gaccong/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().entry(USER_AGENT).or_insert(agent);

        let answered = timeout_at(deadline, self.0.request(request)).await;
        let answered = answered.map_err(|_| OutgoingError::Timeout(bounds.timeout))?;
        let (head, body) = answered.map_err(|error| OutgoingError::Exchange(causes(&error)))?.into_parts();
        if announced_bytes(&head.headers).is_some_and(|bytes| bytes > bounds.max_bytes) {
            return Err(OutgoingError::TooLarge(bounds.max_bytes));
        }
        Ok(Streaming { status: head.status, headers: head.headers, body, bounds, deadline, read_bytes: 0 })
    }
}

impl Streaming {
    /// The next piece of the body; `None` at its end. Trailers are passed over.
    ///
    /// # Errors
    /// The body breaks off or a bound.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, OutgoingError> {
        loop {
            let frame = timeout_at(self.deadline, pin!(self.body.frame())).await;
            let frame = frame.map_err(|_| OutgoingError::Timeout(self.bounds.timeout))?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| OutgoingError::Exchange(causes(&error)))?;
            let Ok(bytes) = frame.into_data() else { continue };
            self.read_bytes = self.read_bytes.saturating_add(bytes.len() as u64);
            if self.read_bytes > self.bounds.max_bytes {
                return Err(OutgoingError::TooLarge(self.bounds.max_bytes));
            }
            return Ok(Some(bytes));
        }
    }

    async fn collect(mut self) -> Result<Response, OutgoingError> {
        let mut body = BytesMut::new();
        while let Some(bytes) = self.chunk().await? {
            body.extend_from_slice(&bytes);
        }
        Ok(Response { status: self.status, headers: self.headers, body: body.freeze() })
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// An error with what caused it: the outer one often says only that there was one.
fn causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        source = cause.source();
    }
    words
}
