//! The certificates on a list.

use std::hash::{BuildHasher, RandomState};

/// The serial numbers of a list, as hashes of 64 bits: millions of them take eight bytes each.
///
/// The key of the hash is made at random for each list, so nobody can look for a number that collides with another. A
/// certificate that is on no list is taken for revoked with a chance of the list's length in 2⁶⁴; the reverse cannot be.
#[derive(Debug)]
pub(super) struct Revoked {
    key: RandomState,
    /// Sorted.
    hashes: Box<[u64]>,
}

/// A list's certificates as they are read.
#[derive(Default)]
pub(super) struct Collector {
    key: RandomState,
    hashes: Vec<u64>,
}

impl Revoked {
    /// Whether a serial number is among them.
    pub(super) fn contains(&self, serial: &[u8]) -> bool {
        self.hashes.binary_search(&self.key.hash_one(strip_zeros(serial))).is_ok()
    }

    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }
}

impl Collector {
    pub(super) fn add(&mut self, serial: &[u8]) {
        self.hashes.push(self.key.hash_one(strip_zeros(serial)));
    }

    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    pub(super) fn finish(self) -> Revoked {
        let mut hashes = self.hashes;
        hashes.sort_unstable();
        hashes.dedup();
        Revoked { key: self.key, hashes: hashes.into_boxed_slice() }
    }
}

/// A big-endian number without leading zero bytes.
pub(in crate::facts::trust) fn strip_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}
