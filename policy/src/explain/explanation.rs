//! The explanation of one decision.

use cedar_policy_core::ast::Effect;
use cedar_policy_core::evaluator::Evaluator;
use serde::Serialize;

use super::change::{Change, Weighed, weigh};
use super::clauses::{Clause, Condition, conditions};
use super::index::{Index, Rule};
use crate::decision::{Cause, Decision, PolicyId};
use crate::diagnostic::Place;
use crate::question::Question;
use crate::step_up::StepUp;

/// Why a decision is as it is, and what would have to change.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Why it is a refusal; `None` for a permit.
    pub refused: Option<Cause>,
    /// The policies that made the decision, in the order of their ids.
    pub policies: Vec<Determining>,
    /// What kept the question from being put, or policies from being evaluated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// Of a refusal, the login by which it would be a permit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_up: Option<StepUp>,
    /// The forbids that hold. Each must be lifted: for that, *one* of its conditions must change.
    pub forbids: Vec<Considered>,
    /// Of a refusal, the permits that can apply to the app, the nearest first. For one to permit, *all* of its conditions
    /// must be true.
    pub permits: Vec<Considered>,
}

/// A policy that made a decision.
#[derive(Debug, Clone, Serialize)]
pub struct Determining {
    /// The policy.
    pub policy: PolicyId,
    /// Where it begins.
    pub place: Place,
}

/// A policy, condition by condition.
#[derive(Debug, Clone, Serialize)]
pub struct Considered {
    /// The policy.
    pub policy: PolicyId,
    /// Where it begins.
    pub place: Place,
    /// Its conditions in the order of their evaluation.
    pub conditions: Vec<ExplainedCondition>,
    /// How many facts, at the least, would have to be others; `None` where nothing can help.
    pub steps: Option<usize>,
}

/// A condition, what it came to, and what would have to change.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedCondition {
    /// Where in the policy it stands.
    pub clause: Clause,
    /// As it was written.
    pub text: String,
    /// Whether it is met; `None` where that cannot be known, as of a fact that is absent.
    pub met: Option<bool>,
    /// For a permit: what keeps it from being met. For a forbid that holds: what would keep it from being met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

impl Considered {
    /// Whether the policy applies.
    pub fn applies(&self) -> bool {
        self.conditions.iter().all(|condition| condition.met == Some(true))
    }

    /// What would have to change, condition by condition.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.conditions.iter().filter_map(|condition| condition.change.as_ref())
    }

    /// A permit is met when all its conditions are.
    fn permit(rule: &Rule, evaluator: &Evaluator<'_>) -> Self {
        let considered = Self::of(rule, |condition| weigh(&condition.expr, true, evaluator));
        let steps = Change::all(considered.changes().cloned()).map_or(0, |change| change.steps());
        Self { steps: Some(steps), ..considered }
    }

    /// A forbid is lifted when one of its conditions is not met. Its scope is not to be lifted: another principal, action
    /// or app would be another question.
    fn forbid(rule: &Rule, evaluator: &Evaluator<'_>) -> Self {
        let considered = Self::of(rule, |condition| {
            let weighed = weigh(&condition.expr, false, evaluator);
            Weighed { change: weighed.change.filter(|_| condition.clause != Clause::Scope), ..weighed }
        });
        let steps = considered.changes().map(Change::steps).min();
        Self { steps, ..considered }
    }

    fn of(rule: &Rule, weigh: impl Fn(&Condition<'_>) -> Weighed) -> Self {
        let explain = |condition: Condition<'_>| {
            let Weighed { outcome, change } = weigh(&condition);
            let Condition { clause, text, .. } = condition;
            ExplainedCondition { clause, text: text.into_owned(), met: outcome, change }
        };
        Self {
            policy: rule.id.clone(),
            place: rule.place.clone(),
            conditions: conditions(&rule.cedar).into_iter().map(explain).collect(),
            steps: None,
        }
    }

    /// Whether it speaks of another action or app: no fact of the request would make it permit.
    fn is_of_another_request(&self) -> bool {
        let mut facts = self.changes().flat_map(Change::facts);
        facts.any(|fact| ["action", "resource"].contains(&&*fact.subject))
    }
}

/// Explains `decision`, which is the answer to `question`.
pub(crate) fn explain(index: &Index, question: &Question<'_>, decision: &Decision) -> Explanation {
    let (refused, policies, errors) = match decision {
        Decision::Permit(permit) => (None, permit.policies(), &[][..]),
        Decision::Deny(denial) => (Some(denial.cause), &*denial.policies, &*denial.errors),
    };
    let policies: Vec<_> = policies.iter().filter_map(|id| index.rule(id)).collect();
    let (mut forbids, mut permits) = (Vec::new(), Vec::new());
    if let Some(scene) = index.scene(question).filter(|_| refused.is_some()) {
        let evaluator = scene.evaluator();
        if refused == Some(Cause::Forbid) {
            forbids.extend(policies.iter().map(|rule| Considered::forbid(rule, &evaluator)));
        }
        let enforced = scene.rules.iter().filter(|rule| rule.cedar.effect() == Effect::Permit && !rule.is_observed());
        permits.extend(enforced.map(|rule| Considered::permit(rule, &evaluator)));
        permits.sort_by_key(|permit| (permit.is_of_another_request(), permit.steps));
    }
    let determining = |rule: &&Rule| Determining { policy: rule.id.clone(), place: rule.place.clone() };
    Explanation {
        refused,
        policies: policies.iter().map(determining).collect(),
        errors: errors.to_vec(),
        step_up: None,
        forbids,
        permits,
    }
}
