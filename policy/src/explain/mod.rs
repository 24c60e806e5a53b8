//! Explanations: why a decision is as it is, and what would have to change.
//!
//! The evaluator says only which policies made a decision. Here the same question is put once more to the policies as
//! they were written, condition by condition, with Cedar's own evaluator. That is slow, and done only for a refusal or
//! for a person who asks.

mod atom;
mod change;
mod clauses;
mod coverage;
mod explanation;
mod fact;
mod index;
mod remedy;

pub use change::Change;
pub use clauses::Clause;
pub use coverage::{ConditionOutcome, PolicyOutcome};
pub use explanation::{Considered, Determining, ExplainedCondition, Explanation};
pub use fact::{Fact, FactValue, Operand, Relation};
pub(crate) use index::Index;
pub use remedy::Remedy;

use crate::PolicySet;
use crate::decision::{Cause, Mode};
use crate::question::Question;

impl PolicySet {
    /// Why the answer to a question, with denials enforced, is as it is, and what would have to change.
    pub fn explain(&self, question: &Question<'_>) -> Explanation {
        let explanation = explanation::explain(&self.explain, question, &self.decide(question, Mode::Enforce));
        let can_help = matches!(explanation.refused, Some(Cause::NoPermit | Cause::Forbid));
        Explanation { step_up: can_help.then(|| self.step_up(question)).flatten(), ..explanation }
    }

    /// What each condition of each policy that can apply to the app came to; nothing where the app is not known.
    pub fn conditions(&self, question: &Question<'_>) -> Vec<PolicyOutcome> {
        coverage::of_question(&self.explain, question)
    }

    /// All policies with their conditions, none of which is reached.
    pub fn all_conditions(&self) -> Vec<PolicyOutcome> {
        coverage::of_nothing(&self.explain)
    }
}
