//! What is known, in memory: trust, posture, groups. The request path reads it and never waits for it.

pub mod groups;
pub mod posture;
pub mod trust;
