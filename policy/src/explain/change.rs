//! What would have to change for a condition to come out otherwise.

use cedar_policy_core::ast::{Expr, ExprKind, Literal, UnaryOp, ValueKind};
use cedar_policy_core::evaluator::Evaluator;
use serde::Serialize;

use super::atom;
use super::fact::{Fact, Relation};
use super::index::value;

/// Facts that would have to be others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// This one.
    Fact(Fact),
    /// All of these.
    All(Vec<Change>),
    /// One of these is enough.
    Any(Vec<Change>),
}

/// What an expression came to, and how it would come to what is wanted.
pub(crate) struct Weighed {
    /// `None` where its evaluation fails, as over a fact that is absent.
    pub(crate) outcome: Option<bool>,
    /// `None` where it is as wanted.
    pub(crate) change: Option<Change>,
}

impl Change {
    /// The least number of facts that would have to change.
    pub fn steps(&self) -> usize {
        match self {
            Self::Fact(_) => 1,
            Self::All(parts) => parts.iter().map(Self::steps).sum(),
            Self::Any(parts) => parts.iter().map(Self::steps).min().unwrap_or(0),
        }
    }

    /// The facts in it.
    pub fn facts(&self) -> Vec<&Fact> {
        match self {
            Self::Fact(fact) => vec![fact],
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::facts).collect(),
        }
    }

    /// All of `changes`, each once; `None` if there are none.
    pub(crate) fn all(changes: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut parts: Vec<Self> = Vec::new();
        for change in changes {
            match change {
                Self::All(inner) => inner.into_iter().for_each(|part| part.join(&mut parts)),
                other => other.join(&mut parts),
            }
        }
        one_or(parts, Self::All)
    }

    /// Any of `changes`; `None` if there are none.
    pub(crate) fn any(changes: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut parts = Vec::new();
        for change in changes {
            match change {
                Self::Any(inner) => parts.extend(inner),
                other => parts.push(other),
            }
        }
        one_or(parts, Self::Any)
    }

    /// Adds itself to others that are all needed. That a fact must be present goes without saying where more is demanded
    /// of the same fact.
    fn join(self, parts: &mut Vec<Self>) {
        let implies = |more: &Self, less: &Self| match (more, less) {
            (Self::Fact(more), Self::Fact(less)) => less.must == Relation::Present && more.subject == less.subject,
            _ => false,
        };
        if parts.iter().any(|part| *part == self || implies(part, &self)) {
            return;
        }
        parts.retain(|part| !implies(&self, part));
        parts.push(self);
    }
}

fn one_or(mut parts: Vec<Change>, whole: impl FnOnce(Vec<Change>) -> Change) -> Option<Change> {
    if parts.len() > 1 { Some(whole(parts)) } else { parts.pop() }
}

/// Evaluates an expression, part by part, and finds what keeps it from being `wanted`.
pub(crate) fn weigh(expr: &Expr, wanted: bool, evaluator: &Evaluator<'_>) -> Weighed {
    match expr.expr_kind() {
        ExprKind::And { left, right } => {
            let (left, right) = (weigh(left, wanted, evaluator), weigh(right, wanted, evaluator));
            connect(left, right, false, wanted)
        }
        ExprKind::Or { left, right } => {
            let (left, right) = (weigh(left, wanted, evaluator), weigh(right, wanted, evaluator));
            connect(left, right, true, wanted)
        }
        ExprKind::UnaryApp { op: UnaryOp::Not, arg } => {
            let inner = weigh(arg, !wanted, evaluator);
            Weighed { outcome: inner.outcome.map(|outcome| !outcome), ..inner }
        }
        ExprKind::If { test_expr, then_expr, else_expr } => {
            let test = weigh(test_expr, true, evaluator);
            match test.outcome {
                Some(true) => weigh(then_expr, wanted, evaluator),
                Some(false) => weigh(else_expr, wanted, evaluator),
                None => test,
            }
        }
        _ => {
            let outcome = match value(evaluator, expr).map(|value| value.value) {
                Some(ValueKind::Lit(Literal::Bool(outcome))) => Some(outcome),
                _ => None,
            };
            let change = (outcome != Some(wanted)).then(|| Change::Fact(atom::fact(expr, wanted, evaluator)));
            Weighed { outcome, change }
        }
    }
}

/// Two sides of `&&`, which is decided by a side that is false, or of `||`, by one that is true. As in Cedar, the right
/// side does not matter where the left one decides.
fn connect(left: Weighed, right: Weighed, decisive: bool, wanted: bool) -> Weighed {
    let outcome = match left.outcome {
        Some(outcome) if outcome != decisive => right.outcome,
        decided => decided,
    };
    let changes = left.change.into_iter().chain(right.change);
    let change = match outcome == Some(wanted) {
        true => None,
        false if wanted == decisive => Change::any(changes),
        false => Change::all(changes),
    };
    Weighed { outcome, change }
}
