//! Forwarding: what was permitted goes to the upstream, and its answer back.

pub mod headers;
