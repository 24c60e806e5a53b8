//! Gác Cổng: a Zero Trust access gateway.

pub mod audit;
pub mod cli;
pub mod config;
pub mod facts;
pub mod pki;
pub mod reason;
pub mod request;
