//! The smallest conditions, of which all others are made: what fact one is about, and what it demands of it.

use std::borrow::Cow;

use cedar_policy_core::ast::{BinaryOp, EntityType, Expr, ExprKind};
use cedar_policy_core::evaluator::Evaluator;

use super::clauses::text;
use super::fact::{Fact, FactValue, Operand, Relation};
use super::index::value;

/// What `expr`, which is no conjunction, disjunction or negation, says of a fact, that it may be `wanted`.
pub(crate) fn fact(expr: &Expr, wanted: bool, evaluator: &Evaluator<'_>) -> Fact {
    let fact = demand(expr, evaluator);
    match (wanted, fact.must, &fact.operand) {
        (true, ..) => fact,
        // Of two values, one is the other's opposite.
        (false, Relation::Equal, Some(Operand { value: Some(FactValue::Bool(value)), text: None })) => {
            Fact { operand: Some(constant(FactValue::Bool(!value))), ..fact }
        }
        _ => Fact { must: fact.must.negated(), ..fact },
    }
}

/// What `expr` demands in order to be true.
fn demand(expr: &Expr, evaluator: &Evaluator<'_>) -> Fact {
    let about = |subject: &Expr, must, operand| Fact {
        subject: name(subject).into_owned(),
        actual: value(evaluator, subject).map(FactValue::from),
        must,
        operand: Some(operand),
    };
    match expr.expr_kind() {
        ExprKind::HasAttr { expr, attr } => presence(expr, std::iter::once(attr), evaluator),
        ExprKind::ExtHasAttr { expr, attrs } => presence(expr, attrs.iter(), evaluator),
        ExprKind::BinaryApp { op, arg1, arg2 } => match relation(*op, arg1) {
            Some(Relation::OneOf) => about(arg2, Relation::OneOf, operand(arg1, evaluator)),
            Some(must) if is_constant(arg1) => about(arg2, must.mirrored(), operand(arg1, evaluator)),
            Some(must) => about(arg1, must, operand(arg2, evaluator)),
            None => other(expr, evaluator),
        },
        ExprKind::Like { expr, pattern } => about(expr, Relation::Like, constant(FactValue::Text(pattern.to_string()))),
        ExprKind::Is { expr, entity_type } => about(expr, Relation::OfType, constant(type_name(entity_type))),
        ExprKind::GetAttr { .. } | ExprKind::Lit(_) | ExprKind::Var(_) => {
            about(expr, Relation::Equal, constant(FactValue::Bool(true)))
        }
        _ => other(expr, evaluator),
    }
}

/// How the subject stands to the operand; `None` for what is no comparison with one fact on one side.
fn relation(op: BinaryOp, left: &Expr) -> Option<Relation> {
    match op {
        BinaryOp::Eq => Some(Relation::Equal),
        BinaryOp::Less => Some(Relation::Below),
        BinaryOp::LessEq => Some(Relation::AtMost),
        BinaryOp::In if !is_constant(left) => Some(Relation::In),
        BinaryOp::Contains if is_constant(left) => Some(Relation::OneOf),
        _ => None,
    }
}

/// The presence of `attrs`, one in the other: it is about the first that is absent.
fn presence<'a>(expr: &Expr, attrs: impl Iterator<Item = &'a smol_str::SmolStr>, evaluator: &Evaluator<'_>) -> Fact {
    let mut found = expr.clone();
    let mut actual = None;
    for attr in attrs {
        found = Expr::get_attr(found, attr.clone());
        actual = value(evaluator, &found).map(FactValue::from);
        if actual.is_none() {
            break;
        }
    }
    Fact { subject: name(&found).into_owned(), actual, must: Relation::Present, operand: None }
}

/// A demand that has no words here but its own: it is about the first fact that it mentions.
fn other(expr: &Expr, evaluator: &Evaluator<'_>) -> Fact {
    let fact = expr.subexpressions().find(|part| path(part).is_some_and(|path| path.contains('.')));
    let subject = fact.unwrap_or(expr);
    Fact {
        subject: name(subject).into_owned(),
        actual: value(evaluator, subject).map(FactValue::from),
        must: Relation::Satisfying,
        operand: Some(Operand {
            value: value(evaluator, expr).map(FactValue::from),
            text: Some(text(expr).into_owned()),
        }),
    }
}

fn operand(expr: &Expr, evaluator: &Evaluator<'_>) -> Operand {
    let text = (!is_constant(expr)).then(|| name(expr).into_owned());
    Operand { value: value(evaluator, expr).map(FactValue::from), text }
}

fn constant(value: FactValue) -> Operand {
    Operand { value: Some(value), text: None }
}

fn type_name(entity_type: &EntityType) -> FactValue {
    FactValue::Other(entity_type.to_string())
}

/// Whether a question makes no difference to the value.
fn is_constant(expr: &Expr) -> bool {
    !expr.subexpressions().any(|part| matches!(part.expr_kind(), ExprKind::Var(_)))
}

/// What an expression is called: its path, since Cedar's location of a part of a path is that of the whole.
fn name(expr: &Expr) -> Cow<'_, str> {
    path(expr).map_or_else(|| text(expr), Cow::Owned)
}

/// `context.device.id`
fn path(expr: &Expr) -> Option<String> {
    match expr.expr_kind() {
        ExprKind::Var(var) => Some(var.to_string()),
        ExprKind::GetAttr { expr, attr } => Some(format!("{}.{attr}", path(expr)?)),
        _ => None,
    }
}
