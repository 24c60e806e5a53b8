//! Upstreams, honest and otherwise.

pub mod echo;
pub mod grpc;
pub mod nginx;
pub mod publisher;
pub mod raw;

pub use echo::{Echo, Seen};
pub use publisher::Publisher;
pub use raw::Raw;
