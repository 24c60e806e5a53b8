//! Proofs about policies: properties that hold for every request, and what a change of policies changes.
//!
//! - [`prove`] judges properties: a `forbid` claims that no request which it matches is ever permitted, a `permit` that every
//!   request which it matches is.
//! - [`diff`] tells for each app and action whether new policies permit the same, less, or more than old ones.
//!
//! Both translate policies with `cedar-policy-symcc` and ask a solver, cvc5, which runs as a process beside this one.
//! Calls block until it has answered or its time is over; no runtime is needed around them.
//!
//! # What is quantified over
//!
//! Every request of the schema about an app of the configuration: every person and every workload in any groups, each
//! action, any context. What the configuration says of apps (groups, owner, sensitivity) is constant and is put into the
//! policies beforehand (`ground.rs`), so that nothing is assumed of an entity store. Of the context is assumed only what the
//! gateway makes sure of (`facts.rs`).
//!
//! # What it rests on
//!
//! Policies are taken to be free of errors, as load makes sure. Whatever the solver finds is asked of the evaluator again
//! before it is shown. What cannot be decided is never called proven.

mod diff;
mod facts;
mod ground;
mod literals;
mod model;
mod property;
mod prove;
mod query;
mod sample;
mod search;
mod solver;
mod witness;
mod work;

#[cfg(test)]
mod tests;

pub use diff::{Basis, Change, Relation, diff};
pub use model::Model;
pub use property::{Claim, Property, load as load_properties, shipped as shipped_properties};
pub use prove::{Proof, Verdict, prove};
pub use solver::{NoSolver, Settings, find_solver};
pub use witness::Witness;
pub use work::Progress;
