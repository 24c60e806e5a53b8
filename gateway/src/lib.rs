//! Gác Cổng: a Zero Trust access gateway.

pub mod audit;
pub mod config;
pub mod facts;
pub mod reason;
pub mod request;
