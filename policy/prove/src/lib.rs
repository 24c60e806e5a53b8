//! Proofs about policies.

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
