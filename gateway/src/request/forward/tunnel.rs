//! A WebSocket between client and upstream (RFC 6455): bytes both ways, until either side ends it or it is cut.
//!
//! A tunnel that is cut ends as the protocol wants it: after the frame that is on its way, with a close frame of code
//! 1008 (policy violation), or 1001 (going away) where only the process ends or nothing has moved for too long.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::audit::event::Outcome;
use crate::reason::Reason;
use crate::request::exchange::Exchange;
use crate::streams::LiveRequest;

/// The room of each direction.
const BUFFER_BYTES: usize = 8192;

/// How long a tunnel that is cut may take to finish its frame and say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// What may still pass of a frame that is on its way; a longer one is broken off.
const GOODBYE_BYTES: usize = 16 * 1024;

/// Close codes (RFC 6455 §7.4.1).
const GOING_AWAY: u16 = 1001;
const POLICY_VIOLATION: u16 = 1008;

/// Carries bytes between client and upstream until one side ends.
pub async fn run(client: OnUpgrade, upstream: OnUpgrade, live: Arc<LiveRequest>, mut exchange: Exchange) {
    let (Ok(client), Ok(upstream)) = tokio::join!(client, upstream) else {
        return exchange.ended(Outcome::ClientGone);
    };
    let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
    live.awaits_upstream.store(false, Ordering::Relaxed);
    let (mut up, mut down) = (Direction::default(), Direction::default());
    let mut frames = Frames::default();
    let carried = poll_fn(|cx| {
        if let Poll::Ready(reason) = live.cut.poll(cx) {
            return Poll::Ready(Carried::Cut(reason));
        }
        let sent = up.carry(cx, &mut client, &mut upstream, |bytes| {
            live.upload.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            live.progressed(live.now());
        });
        let received = down.carry(cx, &mut upstream, &mut client, |bytes| {
            frames.passed(bytes);
            live.bytes_out.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            live.progressed(live.now());
        });
        match (sent, received) {
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => Poll::Ready(Carried::Broken),
            // A WebSocket has no half: when one side ends, the close frames have been exchanged or never will be.
            (Poll::Ready(Ok(())), _) | (_, Poll::Ready(Ok(()))) => Poll::Ready(Carried::Ended),
            _ => Poll::Pending,
        }
    })
    .await;
    match carried {
        Carried::Ended => exchange.ended(Outcome::Completed),
        Carried::Broken => exchange.ended(Outcome::ClientGone),
        Carried::Cut(reason) => {
            exchange.ended(Outcome::of(reason));
            let goodbye = say_goodbye(&mut client, &mut upstream, &mut down, &mut frames, reason);
            // The client may be gone or not reading: the tunnel ends all the same.
            let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        }
    }
}

enum Carried {
    Ended,
    Broken,
    Cut(Reason),
}

/// One direction of a tunnel: what was read and not yet written.
#[derive(Debug)]
struct Direction {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Open,
    ShuttingDown,
    Closed,
}

impl Default for Direction {
    fn default() -> Self {
        Self { buffer: vec![0; BUFFER_BYTES].into(), start: 0, end: 0, state: State::Open }
    }
}

impl Direction {
    /// Carries what can be carried now; ready when the reader has ended and the writer was told.
    fn carry<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        mut passed: impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        loop {
            match self.state {
                State::Closed => return Poll::Ready(Ok(())),
                State::ShuttingDown => {
                    ready!(Pin::new(&mut *writer).poll_shutdown(cx))?;
                    self.state = State::Closed;
                }
                State::Open if self.start < self.end => {
                    let pending = self.buffer.get(self.start..self.end).unwrap_or_default();
                    let written = ready!(Pin::new(&mut *writer).poll_write(cx, pending))?;
                    if written == 0 {
                        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                    }
                    passed(pending.get(..written).unwrap_or_default());
                    self.start += written;
                }
                State::Open => {
                    let mut buf = ReadBuf::new(&mut self.buffer);
                    if Pin::new(&mut *reader).poll_read(cx, &mut buf)?.is_pending() {
                        ready!(Pin::new(&mut *writer).poll_flush(cx))?;
                        return Poll::Pending;
                    }
                    (self.start, self.end) = (0, buf.filled().len());
                    if self.end == 0 {
                        self.state = State::ShuttingDown;
                    }
                }
            }
        }
    }

    /// Takes at most `wanted` bytes of what was read and not yet written.
    fn take(&mut self, wanted: usize) -> &[u8] {
        let end = self.start.saturating_add(wanted).min(self.end);
        let taken = self.buffer.get(self.start..end).unwrap_or_default();
        self.start = end;
        taken
    }
}

async fn say_goodbye(
    client: &mut TokioIo<Upgraded>,
    upstream: &mut TokioIo<Upgraded>,
    down: &mut Direction,
    frames: &mut Frames,
    reason: Reason,
) -> io::Result<()> {
    let mut chunk = [0; 1024];
    if frames.wanted().is_some_and(|wanted| wanted > GOODBYE_BYTES) {
        return client.shutdown().await;
    }
    while let Some(wanted) = frames.wanted() {
        let mut bytes = down.take(wanted);
        if bytes.is_empty() {
            let room = chunk.get_mut(..wanted.min(1024)).unwrap_or_default();
            let read = upstream.read(room).await?;
            bytes = room.get(..read).unwrap_or_default();
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        client.write_all(bytes).await?;
        frames.passed(bytes);
    }
    client.write_all(&close_frame(reason)).await?;
    client.shutdown().await
}

/// A close frame from a server: final, unmasked, with code and reason (RFC 6455 §5.5.1).
fn close_frame(reason: Reason) -> Vec<u8> {
    let code =
        if matches!(reason, Reason::GatewayDraining | Reason::StreamIdle) { GOING_AWAY } else { POLICY_VIOLATION };
    let text = reason.code().as_bytes();
    // Reasons are far shorter than the 123 bytes that a control frame has room for.
    let length = u8::try_from(2 + text.len()).unwrap_or(2);
    let mut frame = vec![0x88, length];
    frame.extend_from_slice(&code.to_be_bytes());
    frame.extend_from_slice(text.get(..usize::from(length) - 2).unwrap_or_default());
    frame
}

/// Where in its frames a stream from server to client is (RFC 6455 §5.2).
#[derive(Debug, Default)]
struct Frames {
    header: [u8; 14],
    filled: usize,
    payload_left: u64,
}

impl Frames {
    /// These bytes have passed.
    fn passed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = usize::try_from(self.payload_left).unwrap_or(usize::MAX).min(bytes.len());
            if skipped > 0 {
                self.payload_left -= skipped as u64;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            let Some((&byte, rest)) = bytes.split_first() else { return };
            bytes = rest;
            if let Some(room) = self.header.get_mut(self.filled) {
                *room = byte;
                self.filled += 1;
            }
            if self.filled >= 2 && self.filled == self.header_bytes() {
                self.payload_left = self.payload_bytes();
                self.filled = 0;
            }
        }
    }

    /// How many more bytes lead towards the end of the present frame; `None` between two frames.
    fn wanted(&self) -> Option<usize> {
        if self.filled > 0 {
            return Some(self.header_bytes().saturating_sub(self.filled).max(1));
        }
        (self.payload_left > 0).then(|| usize::try_from(self.payload_left).unwrap_or(usize::MAX))
    }

    fn header_bytes(&self) -> usize {
        let [_, length, ..] = self.header;
        let extended = match length & 0x7f {
            _ if self.filled < 2 => 0,
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + extended + if self.filled >= 2 && length & 0x80 != 0 { 4 } else { 0 }
    }

    fn payload_bytes(&self) -> u64 {
        let [_, length, a, b, c, d, e, f, g, h, ..] = self.header;
        match length & 0x7f {
            126 => u64::from(u16::from_be_bytes([a, b])),
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            short => u64::from(short),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: usize) -> Vec<u8> {
        let mut frame = vec![0x82];
        match payload {
            0..=125 => frame.push(payload as u8),
            126..=0xffff => {
                frame.push(126);
                frame.extend_from_slice(&(payload as u16).to_be_bytes());
            }
            _ => {
                frame.push(127);
                frame.extend_from_slice(&(payload as u64).to_be_bytes());
            }
        }
        frame.resize(frame.len() + payload, 0x5a);
        frame
    }

    #[test]
    fn the_boundary_is_found_however_the_bytes_are_sliced() {
        for payload in [0, 1, 125, 126, 300, 0xffff, 0x1_0000] {
            let bytes = frame(payload);
            for slice in [1, 3, bytes.len()] {
                let mut frames = Frames::default();
                let mut passed = 0;
                for chunk in bytes.chunks(slice) {
                    assert_eq!(frames.wanted().is_none(), passed == 0, "payload {payload} after {passed}");
                    frames.passed(chunk);
                    passed += chunk.len();
                }
                assert_eq!(frames.wanted(), None, "payload {payload}, slices of {slice}");
            }
        }
    }

    #[test]
    fn what_is_wanted_never_leads_beyond_the_frame() {
        for payload in [0, 5, 126, 70_000] {
            let bytes = frame(payload);
            let mut frames = Frames::default();
            frames.passed(&bytes[..1]);
            let mut at = 1;
            while let Some(wanted) = frames.wanted() {
                frames.passed(&bytes[at..at + wanted]);
                at += wanted;
            }
            assert_eq!(at, bytes.len());
        }
    }

    #[test]
    fn the_close_frame_says_policy_violation() {
        let frame = close_frame(Reason::CertificateRevoked);
        assert_eq!(frame[0], 0x88);
        assert_eq!(usize::from(frame[1]), frame.len() - 2);
        assert_eq!(u16::from_be_bytes([frame[2], frame[3]]), 1008);
        assert_eq!(&frame[4..], b"certificate.revoked");
    }
}
