//! How many connections there may be, in all and from one source, and how many requests one source may have running.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::reason::Reason;

const SHARDS: usize = 16;

/// The connections that are open, in all and by source.
#[derive(Debug, Default)]
pub struct Bounds {
    open: AtomicUsize,
    by_source: [Mutex<HashMap<IpAddr, Arc<Source>>>; SHARDS],
    hasher: RandomState,
}

/// What one source has open.
#[derive(Debug, Default)]
pub struct Source {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Source {
    /// Takes a place among the running requests of this source, of which there may be `limit`.
    pub fn begin_request(&self, limit: usize) -> Result<(), Reason> {
        if self.requests.fetch_add(1, Ordering::Relaxed) >= limit {
            self.end_request();
            return Err(Reason::RequestSourceLimit);
        }
        Ok(())
    }

    /// Gives the place back.
    pub fn end_request(&self) {
        self.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One open connection's place; given back when dropped.
#[derive(Debug)]
pub struct Place<'a> {
    bounds: &'a Bounds,
    source: Option<IpAddr>,
}

impl Bounds {
    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Takes a place among all connections, of which there may be `limit`.
    pub fn enter(&self, limit: usize) -> Result<Place<'_>, Reason> {
        let place = Place { bounds: self, source: None };
        if self.open.fetch_add(1, Ordering::Relaxed) >= limit {
            return Err(Reason::ConnectionLimit);
        }
        Ok(place)
    }

    fn shard(&self, source: &IpAddr) -> &Mutex<HashMap<IpAddr, Arc<Source>>> {
        let [first, ..] = &self.by_source;
        let index = usize::try_from(self.hasher.hash_one(source) % SHARDS as u64).unwrap_or_default();
        self.by_source.get(index).unwrap_or(first)
    }
}

impl Place<'_> {
    /// Takes a place among those of `source`, of which there may be `limit`. The source is known only after a PROXY header.
    pub fn from_source(&mut self, source: IpAddr, limit: usize) -> Result<Arc<Source>, Reason> {
        let source = source_key(source);
        let mut sources = self.bounds.shard(&source).lock();
        let counts = Arc::clone(sources.entry(source).or_default());
        if counts.connections.load(Ordering::Relaxed) >= limit {
            return Err(Reason::ConnectionSourceLimit);
        }
        counts.connections.fetch_add(1, Ordering::Relaxed);
        self.source = Some(source);
        Ok(counts)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.bounds.open.fetch_sub(1, Ordering::Relaxed);
        let Some(source) = self.source else { return };
        let mut sources = self.bounds.shard(&source).lock();
        let last = |counts: &Arc<Source>| counts.connections.fetch_sub(1, Ordering::Relaxed) == 1;
        if sources.get(&source).is_some_and(last) {
            sources.remove(&source);
        }
    }
}

/// What counts as one source: an IPv4 address, or the /64 that one IPv6 host can roam in.
fn source_key(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back() {
        let bounds = Bounds::default();
        let place = bounds.enter(1).unwrap();
        assert_eq!(bounds.enter(1).unwrap_err(), Reason::ConnectionLimit);
        drop(place);
        assert!(bounds.enter(1).is_ok());
        assert_eq!(bounds.open(), 0);
    }

    #[test]
    fn an_ipv6_source_is_its_prefix() {
        let bounds = Bounds::default();
        let mut first = bounds.enter(10).unwrap();
        first.from_source("2001:db8::1".parse().unwrap(), 1).unwrap();
        let mut sibling = bounds.enter(10).unwrap();
        let refused = sibling.from_source("2001:db8::2".parse().unwrap(), 1);
        assert_eq!(refused.unwrap_err(), Reason::ConnectionSourceLimit);
        let mut other = bounds.enter(10).unwrap();
        assert!(other.from_source("2001:db8:0:1::1".parse().unwrap(), 1).is_ok());
    }

    #[test]
    fn a_mapped_ipv4_address_is_the_same_source() {
        let bounds = Bounds::default();
        let mut first = bounds.enter(10).unwrap();
        first.from_source("192.0.2.1".parse().unwrap(), 1).unwrap();
        let mut mapped = bounds.enter(10).unwrap();
        assert!(mapped.from_source("::ffff:192.0.2.1".parse().unwrap(), 1).is_err());
    }
}
