//! A policy taken apart into its conditions: the constraints of its scope, then what stands in `when` and `unless`.

use std::borrow::Cow;

use cedar_policy_core::ast::{Expr, ExprKind, Literal, Policy, UnaryOp};
use serde::Serialize;

/// The part of a policy that a condition stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Clause {
    /// Principal, action or resource.
    Scope,
    /// `when { … }`
    When,
    /// `unless { … }`
    Unless,
}

/// A condition of a policy. All must be true for the policy to apply.
pub(crate) struct Condition<'a> {
    pub(crate) clause: Clause,
    /// An `unless` is a negation.
    pub(crate) expr: Cow<'a, Expr>,
    /// As it was written.
    pub(crate) text: Cow<'a, str>,
}

/// The conditions of a policy in the order in which Cedar evaluates them. What is always true is left out.
pub(crate) fn conditions(policy: &Policy) -> Vec<Condition<'_>> {
    let principal = policy.principal_constraint();
    let resource = policy.resource_constraint();
    let scope = [
        (principal.as_expr(), principal.to_string()),
        (policy.action_constraint().as_expr(), policy.action_constraint().to_string()),
        (resource.as_expr(), resource.to_string()),
    ];
    let scope = scope.into_iter().filter(|(expr, _)| !is_true(expr));
    let scope =
        scope.map(|(expr, text)| Condition { clause: Clause::Scope, expr: Cow::Owned(expr), text: Cow::Owned(text) });
    let body = policy.non_scope_constraints().into_iter().flat_map(conjuncts).filter(|expr| !is_true(expr));
    let body = body.map(|expr| Condition { clause: clause(expr), expr: Cow::Borrowed(expr), text: text(expr) });
    scope.chain(body).collect()
}

/// The parts of a conjunction, however it is nested.
pub(crate) fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    let (mut found, mut ahead) = (Vec::new(), vec![expr]);
    while let Some(expr) = ahead.pop() {
        match expr.expr_kind() {
            ExprKind::And { left, right } => ahead.extend([right.as_ref(), left.as_ref()]),
            _ => found.push(expr),
        }
    }
    found
}

/// What stands between the brackets of `unless { … }`.
pub(crate) fn inside_unless(expr: &Expr) -> Option<&Expr> {
    match expr.expr_kind() {
        ExprKind::UnaryApp { op: UnaryOp::Not, arg } if source(expr)?.starts_with("unless") => Some(arg),
        _ => None,
    }
}

fn clause(expr: &Expr) -> Clause {
    if inside_unless(expr).is_some() { Clause::Unless } else { Clause::When }
}

/// An expression as it was written, where it was written; else as Cedar writes it.
pub(crate) fn text(expr: &Expr) -> Cow<'_, str> {
    source(expr).map_or_else(|| Cow::Owned(expr.to_string()), Cow::Borrowed)
}

fn source(expr: &Expr) -> Option<&str> {
    expr.source_loc()?.snippet()
}

fn is_true(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::Lit(Literal::Bool(true)))
}
