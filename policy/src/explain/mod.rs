//! Explanations: why a decision is as it is, and what would have to change.
//!
//! The evaluator says only which policies made a decision. Here the same question is put once more to the policies as
//! they were written, condition by condition, with Cedar's own evaluator. That is slow, and done only for a refusal or
//! for a person who asks.

mod clauses;
mod coverage;
mod index;

pub use clauses::Clause;
pub use coverage::{ConditionOutcome, PolicyOutcome};
pub(crate) use index::Index;

use crate::PolicySet;
use crate::question::Question;

impl PolicySet {
    /// What each condition of each policy that can apply to the app came to; nothing where the app is not known.
    pub fn conditions(&self, question: &Question<'_>) -> Vec<PolicyOutcome> {
        coverage::of_question(&self.explain, question)
    }

    /// All policies with their conditions, none of which is reached.
    pub fn all_conditions(&self) -> Vec<PolicyOutcome> {
        coverage::of_nothing(&self.explain)
    }
}
