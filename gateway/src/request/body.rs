//! Bodies as they stream: the client's on its way to the upstream, the upstream's on its way to the client. Constant
//! memory, back-pressure from end to end, and every frame seen by the bounds and by the cut.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use parking_lot::Mutex;

use crate::audit::event::Outcome;
use crate::reason::Reason;
use crate::request::exchange::Exchange;
use crate::request::forward::headers;
use crate::streams::LiveRequest;

/// Why a body ended early. What it says to the peer is the protocol's own: a stream reset, or a connection closed
/// before its time.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The stream was cut: `CANCEL` on HTTP/2 (RFC 9113 §7).
    #[error("access was taken away")]
    Cut(#[source] h2::Error),
    /// A bound or the encoding was broken.
    #[error("{0}")]
    Refused(Reason),
    /// The peer failed.
    #[error(transparent)]
    Peer(#[from] hyper::Error),
}

impl BodyError {
    fn cut() -> Self {
        Self::Cut(h2::Reason::CANCEL.into())
    }
}

/// The client's body on its way to the upstream.
#[derive(Debug)]
pub struct RequestBody {
    source: Option<Arc<Source>>,
    body: Option<Incoming>,
    size_hint: SizeHint,
    left_bytes: u64,
}

/// Where a request's body waits until the upstream asks for it, so that another upstream can be tried while it has not.
#[derive(Debug)]
pub struct Source {
    body: Mutex<Option<Incoming>>,
    live: Arc<LiveRequest>,
    limit_bytes: Option<u64>,
}

impl Source {
    /// A body that waits.
    pub fn new(body: Incoming, live: Arc<LiveRequest>, limit_bytes: Option<u64>) -> Arc<Self> {
        if body.is_end_stream() {
            live.upload.done(live.now());
        }
        Arc::new(Self { body: Mutex::new(Some(body)), live, limit_bytes })
    }

    /// Whether no byte of it has been asked for.
    pub fn untouched(&self) -> bool {
        self.body.lock().is_some()
    }
}

impl RequestBody {
    /// A body that is taken from `source` when it is first asked for.
    pub fn from_source(source: &Arc<Source>) -> Self {
        let size_hint = source.body.lock().as_ref().map(Body::size_hint).unwrap_or_default();
        let left_bytes = source.limit_bytes.unwrap_or(u64::MAX);
        Self { source: Some(Arc::clone(source)), body: None, size_hint, left_bytes }
    }

    /// No body.
    pub fn empty() -> Self {
        Self { source: None, body: None, size_hint: SizeHint::with_exact(0), left_bytes: 0 }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let Some(source) = &this.source else { return Poll::Ready(None) };
        if this.body.is_none() {
            this.body = source.body.lock().take();
        }
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let live = &source.live;
        if live.cut.reason().is_some() {
            return Poll::Ready(Some(Err(BodyError::cut())));
        }
        let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) else {
            live.upload.waiting(live.now());
            return Poll::Pending;
        };
        let now = live.now();
        live.progressed(now);
        Poll::Ready(match frame {
            None => {
                live.upload.done(now);
                None
            }
            Some(Err(error)) => Some(Err(broken(live, error))),
            Some(Ok(mut frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                live.upload.received(length, now);
                if let Some(trailers) = frame.trailers_mut() {
                    headers::trailers_to_upstream(trailers, &live.asked.app.strip_headers);
                }
                match this.left_bytes.checked_sub(length) {
                    Some(left) => {
                        this.left_bytes = left;
                        if body.is_end_stream() {
                            live.upload.done(now);
                        }
                        Some(Ok(frame))
                    }
                    None => {
                        live.upload.end(Outcome::BodyRefused(Reason::RequestBodyTooLarge));
                        Some(Err(BodyError::Refused(Reason::RequestBodyTooLarge)))
                    }
                }
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        match (&self.body, &self.source) {
            (Some(body), _) => body.is_end_stream(),
            (None, Some(source)) => source.body.lock().as_ref().is_none_or(Body::is_end_stream),
            (None, None) => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| self.size_hint, Body::size_hint)
    }
}

/// A body that the client broke off or whose encoding is broken.
fn broken(live: &LiveRequest, error: hyper::Error) -> BodyError {
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>());
    let malformed = matches!(source.map(io::Error::kind), Some(ErrorKind::InvalidInput | ErrorKind::InvalidData));
    if malformed {
        live.upload.end(Outcome::BodyRefused(Reason::RequestBodyMalformed));
        return BodyError::Refused(Reason::RequestBodyMalformed);
    }
    live.upload.end(Outcome::ClientGone);
    BodyError::Peer(error)
}

/// The body of a response to the client.
#[derive(Debug)]
pub enum ResponseBody {
    /// Our own page.
    Own(Full<Bytes>),
    /// The upstream's, streaming.
    Upstream(Box<UpstreamBody>),
}

impl From<Bytes> for ResponseBody {
    fn from(bytes: Bytes) -> Self {
        Self::Own(Full::new(bytes))
    }
}

/// The upstream's body on its way to the client. It owns the exchange: when it is dropped, the exchange ends.
#[derive(Debug)]
pub struct UpstreamBody {
    body: Incoming,
    /// What is announced and has not come.
    left_bytes: Option<u64>,
    live: Arc<LiveRequest>,
    exchange: Exchange,
}

impl UpstreamBody {
    /// The body of an answered request.
    pub fn new(body: Incoming, live: Arc<LiveRequest>, exchange: Exchange) -> Self {
        Self { left_bytes: body.size_hint().exact(), body, live, exchange }
    }

    fn whole(&self) -> bool {
        self.left_bytes.map_or_else(|| self.body.is_end_stream(), |left| left == 0)
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(reason) = self.live.cut.poll(cx) {
            self.exchange.ended(Outcome::of(reason));
            return Poll::Ready(Some(Err(BodyError::cut())));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            self.live.awaits_upstream.store(true, Ordering::Relaxed);
            return Poll::Pending;
        };
        self.live.awaits_upstream.store(false, Ordering::Relaxed);
        self.live.progressed(self.live.now());
        Poll::Ready(match frame {
            None if self.left_bytes.is_some_and(|left| left > 0) => {
                self.exchange.ended(Outcome::UpstreamFailed(Reason::UpstreamProtocol));
                Some(Err(BodyError::Refused(Reason::UpstreamProtocol)))
            }
            None => {
                self.exchange.ended(Outcome::Completed);
                None
            }
            Some(Ok(mut frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.left_bytes = self.left_bytes.map(|left| left.saturating_sub(length));
                self.live.bytes_out.fetch_add(length, Ordering::Relaxed);
                if let Some(trailers) = frame.trailers_mut() {
                    headers::trailers_to_client(trailers);
                }
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                let failed = Outcome::UpstreamFailed(Reason::UpstreamProtocol);
                self.exchange.ended(self.live.upload.ended().unwrap_or(failed));
                Some(Err(BodyError::Peer(error)))
            }
        })
    }
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        // HTTP stops asking once the announced length has been read.
        if self.whole() {
            self.exchange.ended(Outcome::Completed);
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Own(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::Upstream(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_end_stream(),
            Self::Upstream(body) => body.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(body) => body.size_hint(),
            Self::Upstream(body) => body.body.size_hint(),
        }
    }
}
