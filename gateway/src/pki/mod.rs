//! A small certificate authority for tests and demonstrations. **Not for production**: its key lies in a file, it knows
//! no approval, no rate and no audit.
//!
//! An [`Authority`] is a folder: `ca.pem`, `ca.key` (mode 0600), `crl.pem` and `index.jsonl`, one line a certificate.
//! It is a root that signs leaves only (path length 0), so a leaf's chain is the leaf itself.

mod authority;
mod error;
mod files;
mod index;
mod issued;
mod key;
mod leaf;

pub use authority::{Authority, AuthorityRequest, Revocation};
pub use error::PkiError;
pub use index::{IndexEntry, RevocationReason, serial_of};
pub use issued::{Issued, WrittenFiles};
pub use key::KeyKind;
pub use leaf::{LeafRequest, Name, Purpose};

use jiff::{SignedDuration, Timestamp};

/// From when until when a certificate or a revocation list is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first instant.
    pub not_before: Timestamp,
    /// The last instant.
    pub not_after: Timestamp,
}

impl Validity {
    /// How far in the past validity begins by default, so that a clock that is slightly behind accepts what was just made.
    const BACKDATED: SignedDuration = SignedDuration::from_mins(5);

    /// Valid from just now for `days` days.
    pub fn days(days: u32) -> Self {
        let now = now();
        Self { not_before: earlier(now, Self::BACKDATED), not_after: later(now, days_long(days)) }
    }

    /// Valid from `from` days ago until `until` days ago.
    pub fn past_days(from: u32, until: u32) -> Self {
        let now = now();
        Self { not_before: earlier(now, days_long(from)), not_after: earlier(now, days_long(until)) }
    }

    fn check(self) -> Result<(), PkiError> {
        let Self { not_before, not_after } = self;
        if not_before < not_after { Ok(()) } else { Err(PkiError::Validity { not_before, not_after }) }
    }
}

/// The time in whole seconds, which is all that certificates carry.
pub fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn days_long(days: u32) -> SignedDuration {
    SignedDuration::from_hours(i64::from(days) * 24)
}

fn later(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn earlier(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
