//! Which policies can err. A policy that passes strict validation errs only where arithmetic overflows, or where it reads
//! an attribute of an entity that does not exist. Both are found here, for all questions within [`bounds`], by computing
//! with ranges in place of numbers.

pub mod bounds;
mod literal;
mod range;

use cedar_policy_core::ast::{BinaryOp, EntityUID, Expr, ExprKind, Literal, UnaryOp};

use crate::closed_sets::Known;
use crate::core_syntax::{children, context_path, written};
use crate::diagnostic::{Finding, did_you_mean};

pub(crate) use literal::milliseconds;
pub(crate) use range::Range;

const DAY_MS: i128 = 86_400_000;

/// Where the condition can err.
pub(crate) fn check(condition: &Expr, known: &Known<'_>) -> Vec<Finding> {
    let mut analysis = Analysis { known: Some(known), findings: Vec::new() };
    analysis.visit(condition);
    analysis.findings
}

/// The range of a number; `None` for what is none, or is not bounded.
pub(crate) fn of(expr: &Expr) -> Option<Range> {
    Analysis { known: None, findings: Vec::new() }.visit(expr)
}

struct Analysis<'a> {
    /// What entities there are; `None` where nobody asks.
    known: Option<&'a Known<'a>>,
    findings: Vec<Finding>,
}

impl Analysis<'_> {
    /// Visits the whole expression, and gives its range where it is a number with bounds.
    fn visit(&mut self, expr: &Expr) -> Option<Range> {
        match expr.expr_kind() {
            ExprKind::Lit(Literal::Long(value)) => Some(Range::exactly(*value)),
            ExprKind::GetAttr { expr: of, .. } => {
                self.must_exist(of);
                self.visit(of);
                bounds::of(&context_path(expr)?).map(Range::from)
            }
            ExprKind::UnaryApp { op: UnaryOp::Neg, arg } => {
                let range = Range::exactly(0).minus(self.number(arg));
                Some(self.fitting(expr, range))
            }
            ExprKind::BinaryApp { op, arg1, arg2 } => self.binary(expr, *op, arg1, arg2),
            ExprKind::ExtensionFunctionApp { fn_name, args } => self.call(expr, &fn_name.to_string(), args),
            ExprKind::If { test_expr, then_expr, else_expr } => {
                self.visit(test_expr);
                let (then, other) = (self.visit(then_expr), self.visit(else_expr));
                Some(then?.or(other?))
            }
            _ => {
                for child in children(expr) {
                    self.visit(child);
                }
                None
            }
        }
    }

    /// The range of what is a number by its type.
    fn number(&mut self, expr: &Expr) -> Range {
        self.visit(expr).unwrap_or(Range::UNKNOWN)
    }

    fn binary(&mut self, expr: &Expr, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Range> {
        let combine = match op {
            BinaryOp::Add => Range::plus,
            BinaryOp::Sub => Range::minus,
            BinaryOp::Mul => Range::times,
            _ => {
                if op == BinaryOp::GetTag {
                    self.must_exist(left);
                }
                self.visit(left);
                self.visit(right);
                return None;
            }
        };
        let range = combine(self.number(left), self.number(right));
        Some(self.fitting(expr, range))
    }

    fn call(&mut self, expr: &Expr, name: &str, args: &[Expr]) -> Option<Range> {
        if let [arg] = args
            && let ExprKind::Lit(Literal::String(text)) = arg.expr_kind()
        {
            return milliseconds(name, text).map(Range::exactly);
        }
        let ranges: Vec<_> = args.iter().map(|arg| self.visit(arg)).collect();
        let first = ranges.first().copied().flatten().unwrap_or(Range::UNKNOWN);
        let second = ranges.get(1).copied().flatten().unwrap_or(Range::UNKNOWN);
        match name {
            "offset" => Some(self.fitting(expr, first.plus(second))),
            "durationSince" => Some(self.fitting(expr, first.minus(second))),
            "toDate" => Some(self.fitting(expr, first.map(|ms| ms.saturating_sub(ms.rem_euclid(DAY_MS))))),
            "toTime" if first.low == first.high => Some(first.map(|ms| ms.rem_euclid(DAY_MS))),
            "toTime" => Some(Range { low: 0, high: DAY_MS.saturating_sub(1), is_known: true }),
            "toMilliseconds" => Some(first),
            "toSeconds" => Some(first.map(|ms| ms / 1_000)),
            "toMinutes" => Some(first.map(|ms| ms / 60_000)),
            "toHours" => Some(first.map(|ms| ms / 3_600_000)),
            "toDays" => Some(first.map(|ms| ms / DAY_MS)),
            _ => None,
        }
    }

    /// `range`, or what is left of it when the overflow of `expr` is noted.
    fn fitting(&mut self, expr: &Expr, range: Range) -> Range {
        if range.fits() {
            return range;
        }
        let (part, text) = (expr.source_loc().cloned(), written(expr));
        let (message, remedy) = if range.is_known {
            let what = format!("`{text}` can overflow: it can be anything from {} to {}", range.low, range.high);
            (what, "compare the facts without arithmetic, or use smaller numbers")
        } else {
            (format!("`{text}` may overflow: nothing bounds its operands"), "compare them without arithmetic")
        };
        self.findings.push(Finding { is_error: range.is_known, part, message, remedy: Some(remedy.to_owned()) });
        range.clamped()
    }

    /// Notes entities whose attributes are read although they do not exist: only the apps have any.
    fn must_exist(&mut self, subject: &Expr) {
        let Some(known) = self.known else { return };
        match subject.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) if !known.exists(uid) => {
                let message = format!("`{uid}` does not exist, so its attributes cannot be read");
                let remedy = did_you_mean(name(uid), known.apps()).unwrap_or("name an app of the configuration".into());
                let part = subject.source_loc().cloned();
                self.findings.push(Finding { is_error: true, part, message, remedy: Some(remedy) });
            }
            ExprKind::If { then_expr, else_expr, .. } => {
                self.must_exist(then_expr);
                self.must_exist(else_expr);
            }
            _ => {}
        }
    }
}

fn name(uid: &EntityUID) -> &str {
    uid.eid().as_ref()
}
