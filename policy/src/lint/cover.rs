//! Permits that change nothing: forbids refuse whatever they allow, or other permits allow it too. Found app by app, since
//! different apps may have different reasons.

use super::assumptions::Assumptions;
use super::formula::{Atom, Formula, Term};
use super::normal::RESOURCE;
use super::{Effect, Lint, Linted, finding};
use crate::diagnostic::Diagnostic;

/// By what a permit is covered in all apps looked at so far.
#[derive(Clone, Copy)]
enum Cover<'a> {
    /// It concerns none of them.
    Unseen,
    By(&'a Linted<'a>),
    /// There is an app in which it counts.
    Missing,
}

pub(super) fn check(lint: &Lint<'_>) -> Vec<Diagnostic> {
    let mut covers = vec![Cover::Unseen; lint.policies.len()];
    if lint.world.apps().next().is_none() {
        cover_in(None, &lint.policies.iter().collect::<Vec<_>>(), &mut covers);
    }
    for (name, _) in lint.world.apps() {
        let slice: Vec<_> = lint.policies.iter().filter(|policy| policy.concerns(name)).collect();
        cover_in(Some(name), &slice, &mut covers);
    }
    let report = |(permit, cover): (&Linted<'_>, &Cover<'_>)| match cover {
        Cover::By(other) if permit.twin.is_none() => Some(covered(permit, other)),
        _ => None,
    };
    lint.policies.iter().zip(&covers).filter_map(report).collect()
}

/// Looks at the permits of one app's slice.
fn cover_in<'a>(app: Option<&str>, slice: &[&'a Linted<'a>], covers: &mut [Cover<'a>]) {
    let here = |policy: &Linted<'_>| match app {
        Some(app) => policy.assumptions.clone().and(&is_app(app)),
        None => policy.assumptions.clone(),
    };
    let assumptions: Vec<_> = slice.iter().map(|policy| here(policy)).collect();
    let slice: Vec<_> =
        slice.iter().copied().zip(&assumptions).filter(|(_, known)| !known.are_contradictory()).collect();
    for (permit, known) in slice.iter().filter(|(policy, _)| policy.effect == Effect::Permit && policy.is_in_force) {
        let Some(cover) = covers.get_mut(permit.index) else { continue };
        let by = match cover {
            Cover::Missing => continue,
            Cover::Unseen | Cover::By(_) => {
                slice.iter().find(|(other, theirs)| covers_it(permit, known, other, theirs))
            }
        };
        *cover = match (by, *cover) {
            // A permit that is refused in one app and superfluous in another is superfluous.
            (Some((other, _)), Cover::Unseen | Cover::By(Linted { effect: Effect::Forbid, .. })) => Cover::By(other),
            (Some(_), kept) => kept,
            (None, _) => Cover::Missing,
        };
    }
}

/// Whether nothing would change here without the permit, since there is the other. Of two that say the same, the first
/// stays.
fn covers_it(permit: &Linted<'_>, known: &Assumptions, other: &Linted<'_>, theirs: &Assumptions) -> bool {
    other.index != permit.index
        && other.is_in_force
        && known.imply(&other.formula)
        && (other.effect == Effect::Forbid || other.index < permit.index || !theirs.imply(&permit.formula))
}

fn is_app(name: &str) -> Formula {
    let term = Term { text: RESOURCE.into(), is_posture: false };
    Formula::Atom(Atom::OneOf { term, values: [name.into()].into(), is: true })
}

fn covered(permit: &Linted<'_>, other: &Linted<'_>) -> Diagnostic {
    let (id, by, place) = (&permit.policy.id, &other.policy.id, &other.policy.place);
    match other.effect {
        Effect::Forbid => {
            let message =
                format!("permit `{id}` never lets anyone in: forbid `{by}` at {place} refuses whatever it allows");
            finding("unreachable", permit, message).remedy("narrow the forbid, or take the permit away")
        }
        Effect::Permit => {
            let message = format!("permit `{id}` adds nothing: permit `{by}` at {place} allows whatever it allows");
            finding("shadowed", permit, message).remedy("take it away, or narrow the other one")
        }
    }
}
