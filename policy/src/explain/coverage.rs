//! What each condition of each policy came to for a question: from this, tests find what no case exercised.

use cedar_policy_core::ast::{Expr, Literal, ValueKind};
use cedar_policy_core::evaluator::Evaluator;
use serde::Serialize;

use super::clauses::{Clause, Condition, conditions, conjuncts, inside_unless, text};
use super::index::{Index, Rule, Scene, value};
use crate::decision::PolicyId;
use crate::diagnostic::Place;
use crate::question::Question;

/// A policy and what its conditions came to.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyOutcome {
    /// The policy.
    pub policy: PolicyId,
    /// Where it begins.
    pub place: Place,
    /// Whether it applies: every condition of its scope and its `when`s is true, and no `unless` is.
    pub applies: bool,
    /// Its conditions in the order of their evaluation. A policy without any applies always.
    pub conditions: Vec<ConditionOutcome>,
}

/// A condition and what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConditionOutcome {
    /// Where in the policy it stands.
    pub clause: Clause,
    /// As it was written. What stands in an `unless` is given part by part.
    pub text: String,
    /// Whether the text is true; `None` where that cannot be known, as of a fact that is absent.
    pub outcome: Option<bool>,
    /// Whether Cedar comes to evaluate it: whatever stands before it left the matter open.
    pub reached: bool,
}

impl PolicyOutcome {
    /// Whether the policy speaks of the principal, action and app of the question.
    pub fn scope_matches(&self) -> bool {
        let mut scope = self.conditions.iter().filter(|condition| condition.clause == Clause::Scope);
        scope.all(|condition| condition.outcome == Some(true))
    }
}

/// The outcomes of the policies that can apply to the app of a question, in the order in which they were loaded.
pub(crate) fn of_question(index: &Index, question: &Question<'_>) -> Vec<PolicyOutcome> {
    let scene = index.scene(question);
    let outcomes = |scene: &Scene<'_>| {
        let evaluator = scene.evaluator();
        scene.rules.iter().map(|rule| of_rule(rule, Some(&evaluator))).collect()
    };
    scene.as_ref().map(outcomes).unwrap_or_default()
}

/// All policies, as if nothing were known.
pub(crate) fn of_nothing(index: &Index) -> Vec<PolicyOutcome> {
    index.rules().iter().map(|rule| of_rule(rule, None)).collect()
}

fn of_rule(rule: &Rule, evaluator: Option<&Evaluator<'_>>) -> PolicyOutcome {
    let mut reached = evaluator.is_some();
    let of_condition = |condition: Condition<'_>| {
        let unless = inside_unless(&condition.expr).filter(|_| condition.clause == Clause::Unless);
        let outcomes = match unless {
            Some(inside) => in_order(Clause::Unless, conjuncts(inside), evaluator, reached),
            None => {
                let outcome = truth(&condition.expr, evaluator);
                let text = condition.text.into_owned();
                vec![ConditionOutcome { clause: condition.clause, text, outcome, reached }]
            }
        };
        reached &= match unless {
            Some(_) => outcomes.iter().any(|part| part.outcome == Some(false) && part.reached),
            None => outcomes.iter().all(|part| part.outcome == Some(true)),
        };
        outcomes
    };
    let conditions = conditions(&rule.cedar).into_iter().flat_map(of_condition).collect();
    PolicyOutcome { policy: rule.id.clone(), place: rule.place.clone(), applies: reached, conditions }
}

/// The parts of a conjunction: each is reached while all before it are true.
fn in_order(
    clause: Clause,
    parts: Vec<&Expr>,
    evaluator: Option<&Evaluator<'_>>,
    mut reached: bool,
) -> Vec<ConditionOutcome> {
    let outcome = |part| {
        let outcome = truth(part, evaluator);
        let this = ConditionOutcome { clause, text: text(part).into_owned(), outcome, reached };
        reached &= outcome == Some(true);
        this
    };
    parts.into_iter().map(outcome).collect()
}

fn truth(expr: &Expr, evaluator: Option<&Evaluator<'_>>) -> Option<bool> {
    match value(evaluator?, expr)?.value {
        ValueKind::Lit(Literal::Bool(truth)) => Some(truth),
        _ => None,
    }
}
