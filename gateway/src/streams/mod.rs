//! What is live: every connection and every request on it, so that access that is taken away is taken from running
//! streams too, and every bound on time is enforced in one place, the [`sweep`].
//!
//! A request registers with its own connection, behind a lock that no other connection touches; only connections
//! register with the process, and there also under each subject that they prove, so that a fact about one subject
//! touches nobody else's streams.

pub mod connection;
pub mod cut;
mod index;
pub mod live;
pub mod sweep;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use slab::Slab;

pub use connection::Connection;
pub use cut::Cut;
pub use live::LiveRequest;

use crate::state::Subject;
use index::Index;

const SHARDS: usize = 16;

/// Every connection of the process.
#[derive(Debug)]
pub struct Registry {
    shards: [Mutex<Slab<Arc<Connection>>>; SHARDS],
    next: AtomicUsize,
    subjects: Index,
}

/// A place in the registry, left when dropped.
#[derive(Debug)]
pub struct Registered<'a> {
    registry: &'a Registry,
    shard: usize,
    key: usize,
    connection: Arc<Connection>,
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Slab::new())),
            next: AtomicUsize::new(0),
            subjects: Index::default(),
        }
    }

    /// Adds a connection.
    pub fn register(&self, connection: Arc<Connection>) -> Registered<'_> {
        let shard = self.next.fetch_add(1, Ordering::Relaxed) % SHARDS;
        self.subjects.insert(&connection, &connection.subjects);
        let key = self.shards.get(shard).map_or(0, |slab| slab.lock().insert(Arc::clone(&connection)));
        Registered { registry: self, shard, key, connection }
    }

    /// Calls `visit` for each connection. The lock of a shard is not held meanwhile.
    pub fn for_each(&self, mut visit: impl FnMut(&Arc<Connection>)) {
        for shard in &self.shards {
            let connections: Vec<_> = shard.lock().iter().map(|(_, connection)| Arc::clone(connection)).collect();
            connections.iter().for_each(&mut visit);
        }
    }

    /// The connections of a subject, as of now.
    pub fn of_subject(&self, subject: &Subject) -> Vec<Arc<Connection>> {
        self.subjects.of(subject)
    }

    /// From now on a connection is found under these subjects too.
    fn also_of(&self, connection: &Arc<Connection>, subjects: &[Subject]) {
        self.subjects.insert(connection, subjects);
    }

    /// From now on it is not any more.
    fn no_more_of(&self, connection: &Arc<Connection>, subjects: &[Subject]) {
        self.subjects.remove(connection, subjects);
    }

    /// How many requests are running.
    pub fn running(&self) -> usize {
        let mut running = 0;
        self.for_each(|connection| running += connection.running());
        running
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        if let Some(slab) = self.registry.shards.get(self.shard) {
            slab.lock().try_remove(self.key);
        }
        self.registry.subjects.remove(&self.connection, &self.connection.subjects);
        self.registry.subjects.remove(&self.connection, &self.connection.take_shown());
    }
}
