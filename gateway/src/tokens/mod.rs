//! Access tokens: JWTs of configured issuers (RFC 9068) that say who asks, bound to the certificate of their connection
//! (RFC 8705).
//!
//! A request's bearer token is recognised ([`bearer`]) by its issuer ([`issuer`]). Its signature is verified once, its claims
//! are read once ([`claims`]) and kept ([`verified`]): every further request with the same token costs a hash. Time and
//! certificate are compared for each. Nobody waits for keys: one that is not known yet is asked for in the background.

pub mod bearer;
pub mod claims;
pub mod issuer;
#[cfg(test)]
mod tests;
pub mod verified;

use std::fmt;

use crate::reason::Reason;
pub use bearer::Bearer;
pub use issuer::Issuers;

/// Why a token does not say who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What everybody may know.
    pub reason: Reason,
    /// For the record only.
    pub detail: String,
}

impl Refusal {
    fn new(reason: Reason, detail: impl fmt::Display) -> Self {
        Self { reason, detail: detail.to_string() }
    }
}
