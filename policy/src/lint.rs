//! Warnings: policies that load but probably do not mean what they say.

use std::collections::HashSet;

use cedar_policy::pst::{BinaryOp, Clause, Effect, Expr};
use cedar_policy::{EntityUid, ResourceConstraint};

use crate::diagnostic::{Diagnostic, closest};
use crate::load::Policy;
use crate::syntax::{children, expression, tested_fact, value_without};
use crate::vocabulary::AppScope;

/// The names that scopes can sensibly mention.
pub(crate) struct Known<'a> {
    apps: HashSet<&'a str>,
    groups: HashSet<&'a str>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(apps: &[AppScope<'a>]) -> Self {
        Self {
            apps: apps.iter().map(|app| app.name).collect(),
            groups: apps.iter().flat_map(|app| app.groups).map(AsRef::as_ref).collect(),
        }
    }
}

/// Everything doubtful about one policy.
pub(crate) fn check(policy: &Policy, known: &Known<'_>) -> Vec<Diagnostic> {
    unknown_resource(policy, known).into_iter().chain(silent_forbid(policy)).collect()
}

/// A scope that names an app or app group that does not exist.
fn unknown_resource(policy: &Policy, known: &Known<'_>) -> Option<Diagnostic> {
    let uid = named_resource(&policy.cedar.resource_constraint())?;
    let (what, names) = match uid.type_name().basename() {
        "App" => ("app", &known.apps),
        "AppGroup" => ("app group", &known.groups),
        _ => return None,
    };
    let name = uid.id().unescaped();
    if names.contains(name) {
        return None;
    }
    let message =
        format!("policy `{}` is for the {what} `{name}`, which no app of the configuration matches", policy.id);
    let warning = Diagnostic::new(Some(policy.place.clone()), message);
    Some(match closest(name, names.iter().copied()) {
        Some(close) => warning.remedy(format!("did you mean `{close}`?")),
        None => warning,
    })
}

/// The entity that a scope ties the resource to.
fn named_resource(scope: &ResourceConstraint) -> Option<EntityUid> {
    match scope {
        ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
        ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => {
            Some(uid.clone())
        }
    }
}

/// A `forbid` that stops applying when a fact is absent: a device that falls silent would escape it.
fn silent_forbid(policy: &Policy) -> Option<Diagnostic> {
    let body = policy.syntax.body();
    if body.effect != Effect::Forbid {
        return None;
    }
    let mut facts = Vec::new();
    body.clauses().iter().for_each(|clause| collect_tested(expression(clause), &mut facts));
    let fact = facts.into_iter().find(|fact| body.clauses().iter().any(|clause| is_silenced(clause, fact)))?;
    let message = format!("forbid `{}` does not apply when `context.{}` is absent", policy.id, fact.join("."));
    let remedy = "forbid `unless` the fact is present and as it should be, so that its absence forbids";
    Some(Diagnostic::new(Some(policy.place.clone()), message).remedy(remedy))
}

fn collect_tested<'a>(expr: &'a Expr, facts: &mut Vec<Vec<&'a str>>) {
    facts.extend(tested_fact(expr));
    for child in children(expr).unwrap_or_default() {
        collect_tested(child, facts);
    }
}

/// Whether the absence of `fact` makes the clause, or one of its alternatives, false.
fn is_silenced(clause: &Clause, fact: &[&str]) -> bool {
    match clause {
        Clause::When(expr) => value_without(expr, fact) != Some(true) && has_false_alternative(expr, fact),
        Clause::Unless(expr) => value_without(expr, fact) == Some(true),
    }
}

fn has_false_alternative(expr: &Expr, fact: &[&str]) -> bool {
    match expr {
        Expr::BinaryOp { op: BinaryOp::Or, left, right } => {
            has_false_alternative(left, fact) || has_false_alternative(right, fact)
        }
        _ => value_without(expr, fact) == Some(false),
    }
}
