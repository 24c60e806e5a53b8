//! Doubts about a policy that loads but probably does not mean what it says.

use cedar_policy::pst::{BinaryOp, Clause, Effect, Expr};

use crate::diagnostic::Diagnostic;
use crate::load::Policy;
use crate::syntax::{children, expression, tested_fact, value_without};

/// What is absent while nothing is wrong, or nothing unusual happens. Of a request, that is what only browsers say.
const ABSENT_IN_NORMAL_TIMES: [&str; 5] = ["threat", "risk", "target", "break_glass", "request"];

/// A `forbid` that stops applying when a fact is absent: a device that falls silent would escape it.
pub(crate) fn silent_forbid(policy: &Policy) -> Option<Diagnostic> {
    let body = policy.syntax.body();
    if body.effect != Effect::Forbid {
        return None;
    }
    let mut facts = Vec::new();
    body.clauses().iter().for_each(|clause| collect_tested(expression(clause), &mut facts));
    facts.retain(|fact| fact.first().is_none_or(|part| !ABSENT_IN_NORMAL_TIMES.contains(part)));
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
