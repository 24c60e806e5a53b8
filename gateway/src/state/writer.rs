//! The one thread that changes what is kept: commit, put in force, decide again, acknowledge.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::change::{Affected, Change, Outcome, Outcomes};
use super::{Applied, Live, Order, record};
use crate::gateway::Gateway;
use crate::store::{Store, StoreError, Write};
use crate::streams::sweep;

/// How many orders share a commit.
const GROUP: usize = 64;

/// How long a process that was taken over from may take to hear of a change.
const TELL_TIMEOUT: Duration = Duration::from_millis(100);

/// Opens the store again after it was released.
type Reopen = Box<dyn Fn() -> Result<Box<dyn Store>, StoreError> + Send>;

/// Works off what is asked for, in the order in which it was.
pub struct Writer {
    queue: mpsc::Receiver<Order>,
    store: Kept,
    reopen: Option<Reopen>,
    /// The process that was taken over from, while it still has streams.
    predecessor: Option<UnixStream>,
}

/// Where changes are kept.
enum Kept {
    In(Box<dyn Store>),
    /// The configuration has no store.
    Nowhere,
    /// Another process has it.
    HandedOver,
}

/// An order for changes, once those that are outdated are out of it.
struct Pending {
    changes: Vec<Change>,
    outcomes: Outcomes,
    received: Instant,
    done: oneshot::Sender<Result<Applied, StoreError>>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Puts everything in force that the store holds.
pub(super) fn load(live: &Live, store: &dyn Store) -> Result<(), StoreError> {
    store.load(&mut |table, key, value| {
        let change = Change::stored(table, value).map_err(|error| {
            let table = table.name();
            StoreError::Io(format!("entry `{key}` of `{table}` cannot be understood: {error}; restore a backup"))
        })?;
        live.apply(change);
        Ok(())
    })
}

impl Writer {
    pub(super) fn new(queue: mpsc::Receiver<Order>, store: Option<Box<dyn Store>>) -> Self {
        Self { queue, store: store.map_or(Kept::Nowhere, Kept::In), reopen: None, predecessor: None }
    }

    /// What opens the store again after it was released to a successor that did not serve.
    #[must_use]
    pub fn reopening(mut self, reopen: impl Fn() -> Result<Box<dyn Store>, StoreError> + Send + 'static) -> Self {
        self.reopen = Some(Box::new(reopen));
        self
    }

    /// Works until nobody can ask any more.
    pub fn run(mut self, gateway: &Arc<Gateway>) {
        while let Some(first) = self.queue.blocking_recv() {
            let (mut group, mut entries) = (Vec::new(), HashSet::new());
            let mut next = Some(first);
            while let Some(order) = next {
                match order {
                    Order::Change { changes, received, done } => {
                        // What is outdated is found by what is in force: an order about the same entry must be so first.
                        let touched: Vec<_> = changes.iter().filter_map(|change| change.entry().ok()).collect();
                        if touched.iter().any(|entry| entries.contains(entry)) {
                            self.settle(gateway, std::mem::take(&mut group));
                            entries.clear();
                        }
                        entries.extend(touched);
                        group.push(prepare(gateway.state.live(), changes, received, done));
                    }
                    other => {
                        self.settle(gateway, std::mem::take(&mut group));
                        entries.clear();
                        self.control(gateway, other);
                    }
                }
                next = if group.len() < GROUP { self.queue.try_recv().ok() } else { None };
            }
            self.settle(gateway, group);
        }
    }

    fn control(&mut self, gateway: &Gateway, order: Order) {
        match order {
            Order::Settings(settings) => {
                gateway.state.live().set_posture_settings(&settings);
                sweep::decide_all_again(gateway);
            }
            Order::Release(done) => {
                if matches!(self.store, Kept::In(_)) {
                    self.store = Kept::HandedOver;
                }
                let _ = done.send(());
            }
            Order::Reclaim => {
                let Some(reopen) = self.reopen.as_ref().filter(|_| matches!(self.store, Kept::HandedOver)) else {
                    return;
                };
                match reopen() {
                    Ok(store) => self.store = Kept::In(store),
                    Err(error) => tracing::error!(%error, "cannot open the store again: changes are refused"),
                }
            }
            Order::Tell(predecessor) => {
                // One that does not read must not hold this process up.
                let bounded = predecessor.set_write_timeout(Some(TELL_TIMEOUT));
                self.predecessor = bounded.is_ok().then_some(predecessor);
            }
            Order::Follow(changes) => enforce(gateway, changes, Recorded::Elsewhere, Instant::now()),
            Order::Change { .. } => {}
        }
    }

    /// Commits a group of orders together. Where that fails each is tried alone: one that is too large for the disk must
    /// not take the others with it.
    fn settle(&mut self, gateway: &Gateway, group: Vec<Pending>) {
        if group.is_empty() {
            return;
        }
        match self.commit(group.iter().flat_map(|pending| &pending.changes)) {
            Ok(serial) => {
                group.iter().for_each(|pending| self.tell(&pending.changes));
                group.into_iter().for_each(|pending| put_in_force(gateway, pending, serial));
            }
            Err(_) if group.len() > 1 => group.into_iter().for_each(|pending| self.settle(gateway, vec![pending])),
            Err(error) => group.into_iter().for_each(|pending| refuse(gateway, pending, &error)),
        }
    }

    /// Tells the process that was taken over from, where it still runs.
    fn tell(&mut self, changes: &[Change]) {
        let Some(predecessor) = &mut self.predecessor else { return };
        let told = serde_json::to_vec(changes).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            predecessor.write_all(&line)
        });
        if told.is_err() {
            // It has ended, or hangs; then its drain ends it.
            self.predecessor = None;
        }
    }

    fn commit<'a>(&self, changes: impl Iterator<Item = &'a Change>) -> Result<u64, StoreError> {
        let store = match &self.store {
            Kept::In(store) => store,
            Kept::Nowhere => return Err(StoreError::Absent),
            Kept::HandedOver => return Err(StoreError::HandedOver),
        };
        let writes = changes.map(Change::write).collect::<Result<Vec<Write>, _>>()?;
        if writes.is_empty() { Ok(store.serial()) } else { store.commit(&writes) }
    }
}

/// Leaves out what is outdated, by what is in force now.
fn prepare(
    live: &Live,
    changes: Vec<Change>,
    received: Instant,
    done: oneshot::Sender<Result<Applied, StoreError>>,
) -> Pending {
    let (mut current, mut outcomes) = (Vec::with_capacity(changes.len()), Outcomes::new());
    for mut change in changes {
        let outcome = live.prepare(&mut change);
        outcomes.push(outcome);
        if outcome == Outcome::Applied {
            current.push(change);
        }
    }
    Pending { changes: current, outcomes, received, done }
}

fn put_in_force(gateway: &Gateway, pending: Pending, serial: u64) {
    let Pending { changes, outcomes, received, done } = pending;
    enforce(gateway, changes, Recorded::Kept(serial), received);
    // Whoever asked may be gone.
    let _ = done.send(Ok(Applied { outcomes, serial }));
}

/// Changes that cannot be kept. What only takes access away is taken away all the same.
fn refuse(gateway: &Gateway, pending: Pending, error: &StoreError) {
    let Pending { changes, received, done, .. } = pending;
    if !matches!(error, StoreError::Absent) {
        tracing::error!(%error, "a change is not kept");
        enforce(gateway, changes.into_iter().filter(Change::only_takes_away).collect(), Recorded::NotKept, received);
    }
    let _ = done.send(Err(error.clone()));
}

/// What the record of a change says of the store.
#[derive(Debug, Clone, Copy)]
enum Recorded {
    /// Its serial with the change.
    Kept(u64),
    /// The change will not survive the process.
    NotKept,
    /// The process that has the store records it.
    Elsewhere,
}

/// Puts changes in force, cuts what they forbid, and records them.
fn enforce(gateway: &Gateway, changes: Vec<Change>, recorded: Recorded, received: Instant) {
    let (mut subjects, mut everyone) = (HashSet::new(), false);
    let records: Vec<_> = match recorded {
        Recorded::Kept(serial) => changes.iter().filter_map(|change| record::of(change, Some(serial))).collect(),
        Recorded::NotKept => changes.iter().filter_map(|change| record::of(change, None)).collect(),
        Recorded::Elsewhere => Vec::new(),
    };
    for change in changes {
        match gateway.state.live().apply(change) {
            Affected::Nobody => {}
            Affected::Subject(subject) => drop(subjects.insert(subject)),
            Affected::Everyone => everyone = true,
        }
    }
    if everyone {
        sweep::decide_all_again(gateway);
    } else {
        subjects.iter().for_each(|subject| sweep::decide_subject_again(gateway, subject));
    }
    if everyone || !subjects.is_empty() {
        gateway.metrics.revoked(received.elapsed());
    }
    records.into_iter().for_each(|record| gateway.audit.put_blocking(record));
}
