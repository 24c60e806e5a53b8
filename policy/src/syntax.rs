//! Reading Cedar's syntax tree.

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, UnaryOp, Var};

/// The expressions directly inside `expr`; `None` for a construct that this crate does not know.
pub(crate) fn children(expr: &Expr) -> Option<Vec<&Expr>> {
    Some(match expr {
        Expr::Literal(_) | Expr::Var(_) | Expr::Slot(_) => vec![],
        Expr::UnaryOp { expr, .. }
        | Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. }
        | Expr::Like { expr, .. }
        | Expr::Is { expr, in_expr: None, .. } => vec![expr],
        Expr::BinaryOp { left, right, .. } => vec![left, right],
        Expr::Is { expr, in_expr: Some(within), .. } => vec![expr, within],
        Expr::IfThenElse { cond, then_expr, else_expr } => vec![cond, then_expr, else_expr],
        Expr::Set(elements) => elements.iter().map(AsRef::as_ref).collect(),
        Expr::Record(fields) => fields.values().map(AsRef::as_ref).collect(),
        _ => return None,
    })
}

/// How deeply expressions are nested in `expr`.
pub(crate) fn depth(expr: &Expr) -> usize {
    children(expr).unwrap_or_default().into_iter().map(depth).max().unwrap_or(0).saturating_add(1)
}

/// The expression of a clause.
pub(crate) fn expression(clause: &Clause) -> &Expr {
    match clause {
        Clause::When(expr) | Clause::Unless(expr) => expr,
    }
}

/// The attributes that lead from `context` to `expr`: `context.device.id` is `["device", "id"]`, `context` is `[]`.
pub(crate) fn context_path(expr: &Expr) -> Option<Vec<&str>> {
    match expr {
        Expr::Var(Var::Context) => Some(vec![]),
        Expr::GetAttr { expr, attr } => {
            let mut path = context_path(expr)?;
            path.push(attr);
            Some(path)
        }
        _ => None,
    }
}

/// The fact whose presence a `context… has …` tests.
pub(crate) fn tested_fact(expr: &Expr) -> Option<Vec<&str>> {
    let Expr::HasAttr { expr, attrs } = expr else { return None };
    let mut path = context_path(expr)?;
    path.extend(attrs.iter().map(|attr| attr.as_str()));
    Some(path)
}

/// What a condition is worth when `absent` is not known and nothing else is assumed.
pub(crate) fn value_without(expr: &Expr, absent: &[&str]) -> Option<bool> {
    match expr {
        Expr::Literal(Literal::Bool(value)) => Some(*value),
        Expr::HasAttr { .. } => tested_fact(expr)?.starts_with(absent).then_some(false),
        Expr::UnaryOp { op: UnaryOp::Not, expr } => value_without(expr, absent).map(|value| !value),
        Expr::BinaryOp { op: BinaryOp::And, left, right } => {
            match (value_without(left, absent), value_without(right, absent)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), right) => right,
                _ => None,
            }
        }
        Expr::BinaryOp { op: BinaryOp::Or, left, right } => {
            match (value_without(left, absent), value_without(right, absent)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), right) => right,
                _ => None,
            }
        }
        Expr::IfThenElse { cond, then_expr, else_expr } => match value_without(cond, absent) {
            Some(true) => value_without(then_expr, absent),
            Some(false) => value_without(else_expr, absent),
            None => None,
        },
        _ => None,
    }
}
