//! A rule: one policy in the form in which it is evaluated.
//!
//! Cedar's own authorizer builds the condition of each policy anew for each request and carries source locations through
//! every step. Here both are done with once, at load; what evaluates the conditions is Cedar's evaluator.

use cedar_policy::PrincipalConstraint;
use cedar_policy_core::ast::{Entity, EntityUID, Expr, ExprKind, Literal, Policy as CedarPolicy, SlotEnv, ValueKind};
use cedar_policy_core::evaluator::Evaluator;

use crate::decision::{PolicyId, Words};
use crate::diagnostic::Diagnostic;
use crate::load::Policy;

pub(crate) use cedar_policy_core::ast::Effect;

/// A policy that is ready to be evaluated, and what a decision says of it.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: PolicyId,
    pub(crate) words: Words,
    pub(crate) effect: Effect,
    /// The group in which the principal must be, where the scope names one.
    group: Option<EntityUID>,
    /// All must be true. In Cedar's order: scope, then body.
    conditions: Vec<Expr>,
    /// Static policies have no slots.
    slots: SlotEnv,
    /// The policy as Cedar parsed it.
    cedar: CedarPolicy,
}

impl Rule {
    pub(crate) fn new(policy: &Policy) -> Result<Self, Diagnostic> {
        // Made from the syntax tree, a policy has no source locations.
        let bare = cedar_policy::Policy::from_pst(policy.syntax.clone())
            .map_err(|error| Diagnostic::new(Some(policy.place.clone()), error.to_string()))?;
        let bare: &CedarPolicy = bare.as_ref();
        let mut conditions = Vec::new();
        conjuncts(&bare.condition(), &mut conditions);
        Ok(Self {
            id: policy.id.clone(),
            words: policy.words.clone(),
            effect: bare.effect(),
            group: group(policy),
            conditions,
            slots: SlotEnv::new(),
            cedar: policy.cedar.as_ref().clone(),
        })
    }

    /// Whether the principal is in the group that the scope names. Where it is not, the rule is not satisfied: the same is
    /// among the conditions, but most rules are for other groups, and this is the cheapest way to find that.
    pub(crate) fn may_concern(&self, principal: &Entity) -> bool {
        self.group.as_ref().is_none_or(|group| principal.uid() == group || principal.is_descendant_of(group))
    }

    /// Whether every condition is true. Those after one that is not are not evaluated, as in Cedar.
    pub(crate) fn is_satisfied(&self, evaluator: &Evaluator<'_>) -> Result<bool, String> {
        let failed = |error: &dyn std::fmt::Display| format!("error while evaluating policy `{}`: {error}", self.id);
        for condition in &self.conditions {
            match evaluator.interpret(condition, &self.slots).map_err(|error| failed(&error))?.value {
                ValueKind::Lit(Literal::Bool(true)) => {}
                ValueKind::Lit(Literal::Bool(false)) => return Ok(false),
                _ => return Err(failed(&format_args!("`{condition}` is neither true nor false"))),
            }
        }
        Ok(true)
    }

    /// The same, as Cedar's authorizer asks it.
    pub(crate) fn is_satisfied_by_cedar(&self, evaluator: &Evaluator<'_>) -> Result<bool, String> {
        evaluator.evaluate(&self.cedar).map_err(|error| format!("error while evaluating policy `{}`: {error}", self.id))
    }
}

/// The group that a policy's scope names for the principal.
fn group(policy: &Policy) -> Option<EntityUID> {
    match policy.cedar.principal_constraint() {
        PrincipalConstraint::In(group) | PrincipalConstraint::IsIn(_, group) => Some(group.as_ref().clone()),
        _ => None,
    }
}

/// Takes a conjunction apart; what is always true is left out.
fn conjuncts(expr: &Expr, found: &mut Vec<Expr>) {
    match expr.expr_kind() {
        ExprKind::And { left, right } => {
            conjuncts(left, found);
            conjuncts(right, found);
        }
        ExprKind::Lit(Literal::Bool(true)) => {}
        _ => found.push(expr.clone()),
    }
}
