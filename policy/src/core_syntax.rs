//! Reading the syntax tree that Cedar evaluates: smaller than that of [`crate::syntax`], and with source locations.

use cedar_policy_core::ast::{Expr, ExprKind, Literal, Var};

/// How much of an expression a message shows.
const MAX_SHOWN_CHARS: usize = 80;

/// The expressions directly inside `expr`.
pub(crate) fn children(expr: &Expr) -> Vec<&Expr> {
    match expr.expr_kind() {
        ExprKind::Lit(_) | ExprKind::Var(_) | ExprKind::Slot(_) | ExprKind::Unknown(_) => vec![],
        ExprKind::If { test_expr, then_expr, else_expr } => vec![test_expr, then_expr, else_expr],
        ExprKind::And { left, right } | ExprKind::Or { left, right } => vec![left, right],
        ExprKind::UnaryApp { arg, .. } => vec![arg],
        ExprKind::BinaryApp { arg1, arg2, .. } => vec![arg1, arg2],
        ExprKind::ExtensionFunctionApp { args: elements, .. } | ExprKind::Set(elements) => elements.iter().collect(),
        ExprKind::GetAttr { expr, .. }
        | ExprKind::HasAttr { expr, .. }
        | ExprKind::ExtHasAttr { expr, .. }
        | ExprKind::Like { expr, .. }
        | ExprKind::Is { expr, .. } => vec![expr],
        ExprKind::Record(fields) => fields.values().collect(),
    }
}

/// The attributes that lead from `root` to `expr`.
pub(crate) fn path(expr: &Expr, root: Var) -> Option<Vec<&str>> {
    match expr.expr_kind() {
        ExprKind::Var(var) if *var == root => Some(vec![]),
        ExprKind::GetAttr { expr, attr } => {
            let mut path = path(expr, root)?;
            path.push(attr);
            Some(path)
        }
        _ => None,
    }
}

/// The attributes that lead from `context` to `expr`: `context.device.id` is `["device", "id"]`, `context` is `[]`.
pub(crate) fn context_path(expr: &Expr) -> Option<Vec<&str>> {
    path(expr, Var::Context)
}

/// The text of a string literal.
pub(crate) fn text(expr: &Expr) -> Option<&str> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::String(text)) => Some(text),
        _ => None,
    }
}

/// An expression as it is written, if that is known, on one line and cut where it is long.
pub(crate) fn written(expr: &Expr) -> String {
    let text = expr.source_loc().and_then(|loc| loc.snippet()).map_or_else(|| expr.to_string(), str::to_owned);
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(MAX_SHOWN_CHARS) {
        words.truncate(end);
        words.push('…');
    }
    words
}
