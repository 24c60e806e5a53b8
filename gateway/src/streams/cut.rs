//! The cut: how a running request, tunnel or connection learns that it must end, and why.

use std::sync::OnceLock;
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

use crate::reason::Reason;

/// Set once, by whoever takes access away or enforces a bound; polled by the one task that drives the stream.
#[derive(Debug)]
pub struct Cut<T = Reason> {
    reason: OnceLock<T>,
    waker: AtomicWaker,
}

impl<T> Default for Cut<T> {
    fn default() -> Self {
        Self { reason: OnceLock::new(), waker: AtomicWaker::new() }
    }
}

impl<T: Copy> Cut<T> {
    /// Ends the stream. The first reason stays; returns whether this was it.
    pub fn cut(&self, reason: T) -> bool {
        let first = self.reason.set(reason).is_ok();
        self.waker.wake();
        first
    }

    /// Why the stream must end, if it must.
    pub fn reason(&self) -> Option<T> {
        self.reason.get().copied()
    }

    /// Ready when the stream must end. Wakes the task that polled last.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<T> {
        if let Some(reason) = self.reason() {
            return Poll::Ready(reason);
        }
        self.waker.register(cx.waker());
        match self.reason() {
            Some(reason) => Poll::Ready(reason),
            None => Poll::Pending,
        }
    }
}
