//! The audit log: what is recorded, the queue it waits in, and where it is written.

pub mod event;
