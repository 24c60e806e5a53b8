//! Signed tokens of other systems, whatever they are about: JSON Object Signing and Encryption, strictly.
//!
//! A token is taken apart ([`jws`]), its key is looked for ([`source`], [`jwks`]), and its claims are read ([`object`],
//! [`claims`]). What they must say is the business of whoever receives it: [`crate::signals`], [`crate::tokens`], and for
//! logout tokens [`crate::oidc`].

pub mod claims;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod jwks;
pub mod jws;
pub mod name;
pub mod numeric_date;
pub mod object;
pub mod source;
