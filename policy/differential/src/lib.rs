//! Our decisions beside Cedar's, over random policies and random questions.
//!
//! Arbitrary bytes become a [`Case`]: policies over the whole language that strict validation admits, and questions that
//! meet them. [`Case::compare`] then asks ours and Cedar's authorizer, and finds where they differ: in the decision, in
//! the policies that made it, or in those that erred. A property test feeds it random bytes, and a fuzzer bytes that reach
//! ever more of the code.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this crate serves tests only")]

mod answer;
mod case;
mod cedar;
mod compare;
mod expression;
mod policy;
mod question;
mod world;

pub use answer::Answer;
pub use case::Case;
pub use cedar::Cedar;
pub use compare::{Compared, Disagreement};
pub use policy::RandomPolicy;
pub use world::{App, World};
