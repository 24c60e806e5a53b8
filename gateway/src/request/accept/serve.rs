//! HTTP on an established connection, until it closes, is told to close, or breaks a bound.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use http::Response;
use hyper::body::Incoming;
use hyper::server::conn::{http1 as h1, http2 as h2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::Limits;
use crate::reason::Reason;
use crate::request::accept::metered::Metered;
use crate::request::{self, ResponseBody, exchange};
use crate::streams::Connection;

/// hyper's smallest read buffer.
const SMALLEST_HEAD_BYTES: usize = 8192;

/// What an HTTP/2 stream may hold for a client that does not read, and what a client may send unread.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// A connection being served. The future is built once, in its box: an idle connection costs what it holds and no more.
pub type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves HTTP/1.1 (RFC 9112).
pub fn http1<S>(stream: S, connection: &Arc<Connection>, limits: &Limits) -> Serving
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(Metered::http1(stream, Arc::clone(connection)));
    let served = h1::Builder::new()
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes.max(SMALLEST_HEAD_BYTES))
        .serve_connection(io, service(connection))
        .with_upgrades();
    Box::pin(drive(Arc::clone(connection), Box::pin(served), |served| served.graceful_shutdown()))
}

/// Serves HTTP/2 (RFC 9113).
pub fn http2<S>(stream: S, connection: &Arc<Connection>, limits: &Limits) -> Serving
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(Metered::http2(stream, Arc::clone(connection), limits.control_frames_per_10s));
    let served = h2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(limits.streams)
        // Beyond this the h2 crate refuses without a word to us; between the limit and this we do, with a record.
        .max_header_list_size(u32::try_from(limits.header_bytes.saturating_mul(4)).unwrap_or(u32::MAX))
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .serve_connection(io, service(connection));
    Box::pin(drive(Arc::clone(connection), Box::pin(served), |served| served.graceful_shutdown()))
}

/// Answers the requests of a connection. hyper keeps room for the answer's future in every connection, idle ones too: a
/// box keeps that room small.
fn service(
    connection: &Arc<Connection>,
) -> impl HttpService<Incoming, ResBody = ResponseBody, Error = Infallible, Future = Answering> + use<> {
    let connection = Arc::clone(connection);
    service_fn(move |request| -> Answering {
        let connection = Arc::clone(&connection);
        Box::pin(async move { Ok(request::answer(&connection, request).await) })
    })
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Infallible>> + Send>>;

/// Polls a connection to its end, and records an end that was the client's fault.
async fn drive<C>(connection: Arc<Connection>, mut served: Pin<Box<C>>, graceful_shutdown: fn(Pin<&mut C>))
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut closing = false;
    let ended = poll_fn(|cx| {
        if let Poll::Ready(reason) = connection.cut.poll(cx) {
            return Poll::Ready(Some((reason, String::new())));
        }
        if !closing && connection.close.poll(cx).is_ready() {
            closing = true;
            graceful_shutdown(served.as_mut());
        }
        served.as_mut().poll(cx).map(|result| result.err().and_then(|error| fault(&error)))
    })
    .await;
    // A flood is reported by the stream below as an I/O error; the cut knows better.
    if let Some((reason, detail)) = connection.cut.reason().map(|reason| (reason, String::new())).or(ended) {
        match reason {
            Reason::ConnectionFlood => connection.refused(reason, detail),
            Reason::RequestHeadTimeout
            | Reason::RequestHeadTooLarge
            | Reason::RequestMalformed
            | Reason::RequestFraming => exchange::unparsed(&connection, reason, detail),
            // Ended with what ran on it, which has its own records.
            _ => {}
        }
    }
}

/// What the client did wrong, where the connection ended because of it.
fn fault(error: &hyper::Error) -> Option<(Reason, String)> {
    let words = error.to_string();
    let protocol = || {
        let h2 = std::error::Error::source(error)?.downcast_ref::<::h2::Error>()?;
        (h2.is_library() && !h2.is_io()).then_some(())
    };
    let reason = if error.is_parse_too_large() {
        Reason::RequestHeadTooLarge
    } else if error.is_parse() || protocol().is_some() {
        // hyper tells which field it was in words only.
        let framing = ["content-length", "transfer-encoding"].iter().any(|field| words.contains(field));
        if framing { Reason::RequestFraming } else { Reason::RequestMalformed }
    } else {
        return None;
    };
    Some((reason, words))
}
