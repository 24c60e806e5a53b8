//! Annotations that ask for a login of which the policy's answer does not depend.

use cedar_policy_core::ast::{Expr, ExprKind};

use crate::core_syntax::context_path;
use crate::diagnostic::Diagnostic;
use crate::load::Policy;
use crate::step_up::StepUp;

/// A policy that asks for a step-up though it never looks at the session.
pub(super) fn check(policy: &Policy) -> Option<Diagnostic> {
    let asks = StepUp::read(policy.cedar.annotations()).is_ok_and(|step_up| step_up.is_some());
    let mut conditions = policy.written.condition.iter().flat_map(|condition| condition.subexpressions());
    if !asks || conditions.any(is_of_session) {
        return None;
    }
    let message = format!("policy `{}` asks for a step-up and never looks at `context.session`", policy.id);
    let finding = Diagnostic::new(Some(policy.place.clone()), message);
    let remedy = "test what the annotation asks for, such as `context.session.acr`, or take it away";
    Some(Diagnostic { code: Some("idle-step-up"), ..finding.remedy(remedy) })
}

/// Whether this reads a fact of the session.
fn is_of_session(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::GetAttr { .. })
        && context_path(expr).is_some_and(|path| matches!(path.as_slice(), ["session", _]))
}
