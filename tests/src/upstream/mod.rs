//! Upstreams, honest and otherwise.

pub mod echo;
pub mod grpc;
pub mod nginx;
pub mod raw;

pub use echo::{Echo, Seen};
pub use raw::Raw;
