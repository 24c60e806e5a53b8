//! Signals: what other systems tell the gateway of people, devices and sessions, by the OpenID Shared Signals Framework 1.0.
//!
//! A transmitter signs events ([`set`]), each about one subject ([`subject`]) and of one type ([`event`]).

pub mod certificate;
pub mod changes;
pub mod effect;
pub mod error;
pub mod event;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod jwks;
pub mod keys;
pub mod name;
pub mod numeric_date;
pub mod poll;
pub mod receive;
pub mod set;
pub mod stream;
pub mod subject;
pub mod watch;
