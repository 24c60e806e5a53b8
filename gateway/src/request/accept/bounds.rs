//! How many connections there may be, in all and from one source.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::config::Limits;
use crate::reason::Reason;

const SHARDS: usize = 16;

/// The connections that are open, in all and by source.
#[derive(Debug, Default)]
pub struct Bounds {
    open: AtomicUsize,
    by_source: [Mutex<HashMap<IpAddr, usize>>; SHARDS],
    hasher: RandomState,
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

    /// Takes a place among all connections.
    pub fn enter(&self, limits: &Limits) -> Result<Place<'_>, Reason> {
        let place = Place { bounds: self, source: None };
        if self.open.fetch_add(1, Ordering::Relaxed) >= limits.connections {
            return Err(Reason::ConnectionLimit);
        }
        Ok(place)
    }

    fn shard(&self, source: &IpAddr) -> &Mutex<HashMap<IpAddr, usize>> {
        let [first, ..] = &self.by_source;
        let index = usize::try_from(self.hasher.hash_one(source) % SHARDS as u64).unwrap_or_default();
        self.by_source.get(index).unwrap_or(first)
    }
}

impl Place<'_> {
    /// Takes a place among those of `source`, which is known only after a PROXY header.
    pub fn from_source(&mut self, source: IpAddr, limits: &Limits) -> Result<(), Reason> {
        let source = source_key(source);
        let mut counts = self.bounds.shard(&source).lock();
        let count = counts.entry(source).or_insert(0);
        if *count >= limits.connections_per_source {
            return Err(Reason::ConnectionSourceLimit);
        }
        *count += 1;
        self.source = Some(source);
        Ok(())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.bounds.open.fetch_sub(1, Ordering::Relaxed);
        let Some(source) = self.source else { return };
        let mut counts = self.bounds.shard(&source).lock();
        if let Some(count) = counts.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&source);
            }
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

    fn limits(connections: usize, connections_per_source: usize) -> Limits {
        Limits { connections, connections_per_source, ..Limits::default() }
    }

    #[test]
    fn a_place_is_given_back() {
        let bounds = Bounds::default();
        let limits = limits(1, 1);
        let place = bounds.enter(&limits).unwrap();
        assert_eq!(bounds.enter(&limits).unwrap_err(), Reason::ConnectionLimit);
        drop(place);
        assert!(bounds.enter(&limits).is_ok());
        assert_eq!(bounds.open(), 0);
    }

    #[test]
    fn an_ipv6_source_is_its_prefix() {
        let bounds = Bounds::default();
        let limits = limits(10, 1);
        let mut first = bounds.enter(&limits).unwrap();
        first.from_source("2001:db8::1".parse().unwrap(), &limits).unwrap();
        let mut sibling = bounds.enter(&limits).unwrap();
        let refused = sibling.from_source("2001:db8::2".parse().unwrap(), &limits);
        assert_eq!(refused, Err(Reason::ConnectionSourceLimit));
        let mut other = bounds.enter(&limits).unwrap();
        assert_eq!(other.from_source("2001:db8:0:1::1".parse().unwrap(), &limits), Ok(()));
    }

    #[test]
    fn a_mapped_ipv4_address_is_the_same_source() {
        let bounds = Bounds::default();
        let limits = limits(10, 1);
        let mut first = bounds.enter(&limits).unwrap();
        first.from_source("192.0.2.1".parse().unwrap(), &limits).unwrap();
        let mut mapped = bounds.enter(&limits).unwrap();
        assert!(mapped.from_source("::ffff:192.0.2.1".parse().unwrap(), &limits).is_err());
    }
}
