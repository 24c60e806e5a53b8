//! Policies that can never apply, and conditions that say nothing.

use cedar_policy_core::ast::{Expr, ExprKind, Policy as CorePolicy};

use super::assumptions::Assumptions;
use super::formula::Formula;
use super::normal::World;
use super::{Lint, Linted, finding};
use crate::core_syntax::written;
use crate::diagnostic::Diagnostic;
use crate::parse::{Policy, Written};
use crate::source::Text;

pub(super) fn check(lint: &Lint<'_>, texts: &[Text<'_>]) -> Vec<Diagnostic> {
    let world = lint.world.open();
    let of_one = |linted: &Linted<'_>| match never(linted, &world, texts) {
        Some(found) => vec![found],
        None => always(linted, &world, texts),
    };
    lint.policies.iter().flat_map(of_one).collect()
}

/// A policy whose conditions, and those of its scope, cannot all be true.
fn never(linted: &Linted<'_>, world: &World<'_>, texts: &[Text<'_>]) -> Option<Diagnostic> {
    let (id, effect) = (&linted.policy.id, linted.policy.cedar.effect());
    let core: &CorePolicy = linted.policy.cedar.as_ref();
    let mut known = Assumptions::default();
    for part in conjuncts(&core.condition()) {
        let is_alone = Assumptions::of(&world.formula(part, true)).are_contradictory();
        known = known.and(&world.formula(part, true));
        if known.are_contradictory() {
            let why = if is_alone { "is never true" } else { "cannot be true beside the other conditions" };
            let message = format!("{effect} `{id}` never applies: `{}` {why}", written(part));
            let place = linted.policy.place_of(texts, part.source_loc());
            let found = Diagnostic { place: Some(place), ..finding("vacuous", linted, message) };
            return Some(found.remedy("correct the condition, or take the policy away"));
        }
    }
    None
}

/// The conditions of a policy that hold for every question.
fn always(linted: &Linted<'_>, world: &World<'_>, texts: &[Text<'_>]) -> Vec<Diagnostic> {
    let Policy { id, written: Written { condition, .. }, .. } = linted.policy;
    let parts = condition.as_deref().map(conjuncts).unwrap_or_default();
    let empty = parts.into_iter().filter(|part| world.formula(part, true) == Formula::TRUE);
    let report = |part: &Expr| {
        let message = format!("the condition `{}` of policy `{id}` always holds", written(part));
        let place = linted.policy.place_of(texts, part.source_loc());
        let found = Diagnostic { place: Some(place), ..finding("vacuous", linted, message) };
        found.remedy("correct it, or leave it out")
    };
    empty.map(report).collect()
}

/// Takes a conjunction apart.
fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match expr.expr_kind() {
        ExprKind::And { left, right } => conjuncts(left).into_iter().chain(conjuncts(right)).collect(),
        _ => vec![expr],
    }
}
