//! The audit log: what is recorded, the queue it waits in, and where it is written.
//!
//! A request reserves its place in the [`queue`] before anything is forwarded; what fails before the client is
//! authenticated goes through a bounded [`lane`] of its own, so that a scanner cannot fill the queue. A thread of its own
//! ([`log`]) serializes both to lines of OCSF ([`ocsf`]) and writes them; [`read`] and [`recorded`] read them back.

pub mod authentication;
pub mod counters;
pub mod event;
pub mod lane;
pub mod log;
pub mod ocsf;
mod outcome;
pub mod queue;
pub mod read;
pub mod recorded;
pub mod signal;

mod segment;

#[cfg(test)]
pub(crate) mod fixtures;

pub use counters::Counters;
pub use lane::Lane;
pub use log::AuditLog;
pub use queue::{AuditQueue, Slot};
