//! Connections by the subjects that they prove.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::state::Subject;
use crate::streams::Connection;

const SHARDS: usize = 16;

type Shard = Mutex<HashMap<Subject, SmallVec<[Arc<Connection>; 1]>>>;

/// Touched when a connection comes or goes, when a session is first seen on it, and when a fact about one of its subjects
/// changes.
#[derive(Debug)]
pub(super) struct Index {
    shards: [Shard; SHARDS],
    hasher: RandomState,
}

impl Default for Index {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }
}

impl Index {
    pub(super) fn insert(&self, connection: &Arc<Connection>, subjects: &[Subject]) {
        for subject in subjects {
            let Some(shard) = self.shard(subject) else { continue };
            shard.lock().entry(subject.clone()).or_default().push(Arc::clone(connection));
        }
    }

    pub(super) fn remove(&self, connection: &Arc<Connection>, subjects: &[Subject]) {
        for subject in subjects {
            let Some(shard) = self.shard(subject) else { continue };
            let mut shard = shard.lock();
            let Some(connections) = shard.get_mut(subject) else { continue };
            if let Some(place) = connections.iter().position(|other| Arc::ptr_eq(other, connection)) {
                connections.swap_remove(place);
            }
            if connections.is_empty() {
                shard.remove(subject);
            }
        }
    }

    pub(super) fn of(&self, subject: &Subject) -> Vec<Arc<Connection>> {
        let Some(shard) = self.shard(subject) else { return Vec::new() };
        shard.lock().get(subject).map(|connections| connections.to_vec()).unwrap_or_default()
    }

    fn shard(&self, subject: &Subject) -> Option<&Shard> {
        let place = self.hasher.hash_one(subject) % SHARDS as u64;
        self.shards.get(usize::try_from(place).unwrap_or_default())
    }
}
