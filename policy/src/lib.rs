//! The decision: a question about one request goes in, a permit or a reasoned denial comes out.
//!
//! Pure: no clock, no I/O, no async, no global state. Time is part of the question.

mod decision;
mod question;

pub use decision::{Cause, Decision, Denial, Mode, Permit, PolicyId, PolicyIds, Words};
pub use question::{Certificate, Context, Device, Principal, PrincipalKind, Question, Request, Session};
