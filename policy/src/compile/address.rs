//! Addresses and networks, compared as Cedar compares them.

use std::net::IpAddr;

use super::slot::ReadAddress;
use super::{Asked, Fault, If};

#[derive(Debug)]
pub(crate) enum Address {
    Constant(Network),
    Slot(ReadAddress),
    If(Box<If<Address>>),
}

/// An address with the length of its prefix; that of a single address is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// What can be asked of one address.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Property {
    V4,
    V6,
    Loopback,
    Multicast,
}

impl Address {
    pub(crate) fn read(&self, asked: &Asked<'_>) -> Result<Network, Fault> {
        match self {
            Self::Constant(network) => Ok(*network),
            Self::Slot(read) => read(asked.context()).map(Network::single).ok_or(Fault::Absent),
            Self::If(branches) => branches.branch(asked)?.read(asked),
        }
    }

    pub(crate) fn may_fail(&self) -> bool {
        !matches!(self, Self::Constant(_))
    }
}

impl Network {
    pub(crate) fn single(address: IpAddr) -> Self {
        Self { address, prefix_bits: full(address) }
    }

    /// Reads what stands in `ip("…")`. Only text that Cedar has found good comes here.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once('/') {
            None => Some(Self::single(text.parse().ok()?)),
            Some((address, prefix)) => {
                let network = Self { address: address.parse().ok()?, prefix_bits: prefix.parse().ok()? };
                (network.prefix_bits <= full(network.address)).then_some(network)
            }
        }
    }

    pub(crate) fn has(self, property: Property) -> bool {
        // A network is of a kind if all of it is.
        let is_v4 = self.address.is_ipv4();
        match property {
            Property::V4 => is_v4,
            Property::V6 => !is_v4,
            Property::Loopback => self.address.is_loopback() && self.prefix_bits >= if is_v4 { 8 } else { 128 },
            Property::Multicast => self.address.is_multicast() && self.prefix_bits >= if is_v4 { 4 } else { 8 },
        }
    }

    /// Whether all of this network is in the other. Neither kind of address is ever in a network of the other kind.
    pub(crate) fn is_within(self, other: Self) -> bool {
        let differing = match (self.address, other.address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => u128::from(a.to_bits() ^ b.to_bits()) << 96,
            (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() ^ b.to_bits(),
            _ => return false,
        };
        other.prefix_bits <= self.prefix_bits && differing.leading_zeros() >= u32::from(other.prefix_bits)
    }
}

/// The length in bits of an address.
fn full(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
