//! Signals: what other systems tell the gateway of people, devices and sessions, by the OpenID Shared Signals Framework 1.0.
//!
//! A token comes in by push ([`crate::control::signals`]) or by [`poll`] and is taken in by [`receive`]: its form and
//! signature ([`set`], [`crate::jose`]), what it says of whom ([`event`], [`subject`]), what follows here ([`effect`]), and
//! what that changes of what is known ([`changes`]). [`stream`] is what is configured; [`watch`] notices a stream that is lost.

pub mod certificate;
pub mod changes;
pub mod effect;
pub mod error;
pub mod event;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod poll;
pub mod receive;
pub mod set;
pub mod stream;
pub mod subject;
pub mod watch;
