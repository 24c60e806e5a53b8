//! Gác Cổng: a Zero Trust access gateway.
//!
//! A mutual-TLS reverse proxy that stands in front of internal services and weighs, for every request, who is asking,
//! from which device and in what state, against a written policy, before one byte reaches the service. `request` is the
//! path of a request in the order it is walked; `docs/ARCHITECTURE.md` is the map.

pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod device;
pub mod facts;
pub mod form;
pub mod gateway;
pub mod jose;
pub mod metrics;
pub mod oidc;
pub mod osquery;
pub mod outgoing;
pub mod pages;
pub mod pki;
pub mod process;
pub mod reason;
pub mod request;
pub mod secret;
pub mod session;
pub mod signals;
pub mod signers;
pub mod state;
pub mod store;
pub mod streams;
mod text;
pub mod tokens;
