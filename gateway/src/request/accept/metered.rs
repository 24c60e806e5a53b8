//! The bytes of a connection under HTTP, watched for what hyper does not: since when a head is incomplete, and floods
//! of frames.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::reason::Reason;
use crate::request::accept::frames::FrameMeter;
use crate::streams::Connection;

/// A stream whose bytes are watched.
#[derive(Debug)]
pub struct Metered<S> {
    stream: S,
    connection: Arc<Connection>,
    frames: Option<FrameMeter>,
}

impl<S> Metered<S> {
    /// Watches an HTTP/1.1 connection.
    pub fn http1(stream: S, connection: Arc<Connection>) -> Self {
        Self { stream, connection, frames: None }
    }

    /// Watches an HTTP/2 connection.
    pub fn http2(stream: S, connection: Arc<Connection>, control_frames_per_10s: u32) -> Self {
        let frames = FrameMeter::new(control_frames_per_10s, connection.gateway.ticker.now());
        connection.head_begun();
        Self { stream, connection, frames: Some(frames) }
    }

    fn received(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(frames) = &mut self.frames else {
            if !bytes.is_empty() && self.connection.running() == 0 {
                self.connection.received_idle();
            }
            return Ok(());
        };
        if frames.received(bytes, self.connection.gateway.ticker.now()).is_err() {
            self.connection.cut.cut(Reason::ConnectionFlood);
            return Err(io::Error::other("flood of HTTP/2 control frames"));
        }
        if frames.head_open() {
            self.connection.head_begun()
        } else {
            self.connection.head_ended()
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let bytes = buf.filled().get(before..).unwrap_or_default();
        Poll::Ready(self.received(bytes))
    }
}

impl<S: AsyncWrite + Unpin> Metered<S> {
    fn sent(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let (Poll::Ready(Ok(length)), Some(frames)) = (&written, &mut self.frames) {
            frames.sent(*length);
        }
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.sent(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.sent(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
