//! What is known, in memory: trust, posture, groups, threats. The request path reads it and never waits for it.

pub mod break_glass;
pub mod groups;
mod json;
pub mod posture;
pub mod snapshot;
pub mod threat;
pub mod trust;
