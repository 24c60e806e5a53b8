//! What changes while the gateway runs, and is kept: revocations, lockdowns, posture, signals.
//!
//! Every change goes one way, whoever asks for it ([`State::change`]): it is committed to the store, put in force in
//! memory, the live streams of those whom it is about are decided again, and those now refused are cut. Then it is
//! acknowledged. One thread does all this ([`writer`]), so changes have one order; requests read [`Live`] without a lock.

pub mod change;
pub mod entry;
pub mod live;
pub mod posture;
mod record;
pub mod sessions;
pub mod subject;
#[cfg(test)]
mod tests;
pub mod writer;

use std::os::unix::net::UnixStream;
use std::time::Instant;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::{mpsc, oneshot};

pub use change::{Affected, Change, Outcome, Outcomes};
pub use entry::{
    Account, Alert, Enrolment, Entry, Hold, Lockdown, Reauthentication, Report, ReportedFact, Revocation, Risk, Scope,
    ScopeKind, Seen, Stream,
};
pub use live::{Kept, Live};
pub use subject::{Subject, SubjectKind, Subjects};
pub use writer::Writer;

use crate::audit::event::StateEvent;
use crate::config;
use crate::store::{Store, StoreError};

/// How many orders wait for the writer at most.
const QUEUE: usize = 1024;

/// How many changes one order may have: a revocation waits for the orders before it.
pub const MAX_CHANGES: usize = 2_000;

/// What is known, and the way to change it.
#[derive(Debug)]
pub struct State {
    live: Live,
    orders: mpsc::Sender<Order>,
    /// The serial of the store when it was read, where there is one.
    opened_at: Option<u64>,
}

/// What the writer is asked for.
#[derive(Debug)]
enum Order {
    /// To make changes.
    Change {
        changes: Vec<Change>,
        /// When the signal came in that asks for them.
        received: Instant,
        done: oneshot::Sender<Result<Applied, StoreError>>,
    },
    /// To judge what was reported by other settings.
    Settings(config::Posture),
    /// To close the store, which another process is to open.
    Release(oneshot::Sender<()>),
    /// To open it again, since that process did not serve.
    Reclaim,
    /// To tell the process that was taken over from of every change, while it still has streams.
    Tell(UnixStream),
    /// To put a change in force that another process has kept.
    Follow(Vec<Change>),
}

/// Changes that are kept and in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What became of each.
    pub outcomes: Outcomes,
    /// The serial of the store with them.
    pub serial: u64,
}

impl State {
    /// Reads everything that the store holds.
    ///
    /// # Errors
    /// The store cannot be read, or has an entry that cannot be understood: then it is not what it is taken for.
    pub fn load(settings: &config::Posture, store: Option<Box<dyn Store>>) -> Result<(Self, Writer), StoreError> {
        let live = Live::new(settings.clone());
        if let Some(store) = &store {
            writer::load(&live, &**store)?;
        }
        let (orders, queue) = mpsc::channel(QUEUE);
        let opened_at = store.as_ref().map(|store| store.serial());
        Ok((Self { live, orders, opened_at }, Writer::new(queue, store)))
    }

    /// What is known now.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// What the records say of the store that was read: how many commits it had. A process with an older one will be told.
    pub fn opened(&self) -> Option<StateEvent> {
        Some(record::opened(self.opened_at?))
    }

    /// Makes changes, all or none of them, at most [`MAX_CHANGES`], each of another entry. When this returns they are on the disk and in force,
    /// and what they forbid has been told to end. `received` is when the signal came in.
    ///
    /// # Errors
    /// They are not kept. Those that only take access away are in force all the same, until the process ends.
    pub async fn change(&self, changes: Vec<Change>, received: Instant) -> Result<Applied, StoreError> {
        let (done, outcome) = oneshot::channel();
        let order = Order::Change { changes, received, done };
        self.orders.try_send(order).map_err(|_| StoreError::Busy)?;
        outcome.await.map_err(|_| StoreError::Busy)?
    }

    /// Judges what was reported by other settings.
    pub fn set_posture_settings(&self, settings: &config::Posture) {
        // The writer ends only with the process.
        let _ = self.orders.blocking_send(Order::Settings(settings.clone()));
    }

    /// Closes the store, once everything that was asked for before is done. Until [`Self::reclaim`], changes are refused.
    pub async fn release(&self) {
        let (done, released) = oneshot::channel();
        if self.orders.send(Order::Release(done)).await.is_ok() {
            let _ = released.await;
        }
    }

    /// Tells the process at the other end of every change from now on, until it ends.
    pub async fn tell(&self, predecessor: UnixStream) {
        let _ = self.orders.send(Order::Tell(predecessor)).await;
    }

    /// Puts changes in force that the process at the other end has kept, until it ends: what they forbid must not go on
    /// here while this process drains.
    pub async fn follow(&self, successor: tokio::net::UnixStream) {
        let mut lines = BufReader::new(successor).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            match serde_json::from_str(&line) {
                Ok(changes) => drop(self.orders.send(Order::Follow(changes)).await),
                Err(error) => tracing::error!(%error, "the successor tells of a change that cannot be understood"),
            }
        }
    }

    /// Opens the store again.
    pub async fn reclaim(&self) {
        let _ = self.orders.send(Order::Reclaim).await;
    }
}
