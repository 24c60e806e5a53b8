//! Permits that let people into sensitive apps whatever state their devices are in.

use cedar_policy_core::ast::{Expr, ExprKind};

use super::assumptions::Assumptions;
use super::formula::{Atom, Formula, Term};
use super::normal::{PRINCIPAL_TYPE, RESOURCE};
use super::{Effect, Lint, Linted};
use crate::core_syntax::context_path;
use crate::diagnostic::Diagnostic;
use crate::vocabulary::AppScope;

/// The sensitivities that demand a look at the device.
const SENSITIVE: [&str; 2] = ["confidential", "secret"];
/// The facts of a device that say in which state it is.
const FACTS: [&str; 9] = [
    "managed",
    "disk_encrypted",
    "firewall",
    "screen_lock",
    "secure_boot",
    "edr_running",
    "patch_age_days",
    "compliant",
    "risk",
];

/// Whether this is a fact of the posture.
pub(super) fn is_fact(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::GetAttr { .. })
        && context_path(expr).is_some_and(|path| matches!(path.as_slice(), ["device", fact] if FACTS.contains(fact)))
}

/// The permits by which a person can reach a sensitive app though nothing looked at the device.
pub(super) fn check(lint: &Lint<'_>) -> Vec<Diagnostic> {
    let exposed = |permit: &Linted<'_>| {
        let apps: Vec<_> = lint.world.apps().filter(|(name, app)| exposes(lint, permit, name, app)).collect();
        let (_, first) = apps.first()?;
        let others = match apps.len() {
            1 => String::new(),
            apps => format!(" and {} other apps as sensitive", apps.saturating_sub(1)),
        };
        let message = format!(
            "permit `{}` lets people into `{}` ({}){others} whatever state their devices are in",
            permit.policy.id, first.name, first.sensitivity
        );
        let remedy = "test a fact such as `context.device.managed`, or forbid devices that are not as they should be";
        Some(super::finding("no-posture", permit, message).remedy(remedy))
    };
    lint.policies.iter().filter(|policy| policy.effect == Effect::Permit).filter_map(exposed).collect()
}

fn exposes(lint: &Lint<'_>, permit: &Linted<'_>, name: &str, app: &AppScope<'_>) -> bool {
    if !SENSITIVE.contains(&app.sensitivity) || !permit.concerns(name) {
        return false;
    }
    let is = |term: &str, value: &str| {
        let term = Term { text: term.into(), is_posture: false };
        Formula::Atom(Atom::OneOf { term, values: [value.into()].into(), is: true })
    };
    let assumptions = permit.assumptions.clone().and(&is(RESOURCE, name)).and(&is(PRINCIPAL_TYPE, "User"));
    if assumptions.are_contradictory() || looks_at_device(&permit.formula, &assumptions) {
        return false;
    }
    let mut forbids = lint.in_force().filter(|policy| policy.effect == Effect::Forbid);
    !forbids.any(|forbid| looks_at_device(&forbid.opposite, &assumptions))
}

/// Whether the formula, if the assumptions hold, is true only for some states of the device.
fn looks_at_device(formula: &Formula, assumptions: &Assumptions) -> bool {
    match formula {
        Formula::All(parts) => parts.iter().any(|part| looks_at_device(part, assumptions)),
        Formula::Any(parts) => parts.iter().all(|part| assumptions.exclude(part) || looks_at_device(part, assumptions)),
        Formula::Atom(Atom::OneOf { term, .. } | Atom::Within { term, .. } | Atom::Holds { term, .. }) => {
            term.is_posture
        }
    }
}
