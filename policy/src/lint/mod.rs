//! The linter: policies that load but do nothing, or less than their author probably thinks. It uses no solver. What it
//! says is certain; what it does not see may still be there.
//!
//! | code | finding |
//! |---|---|
//! | `vacuous` | a policy that never applies, or a condition that always holds |
//! | `duplicate` | two policies that say the same |
//! | `unreachable` | a permit of which a forbid refuses all |
//! | `shadowed` | a permit of which another permit allows all |
//! | `no-posture` | a permit for a sensitive app that never looks at the device |
//! | `idle-step-up` | a policy that waits for a login (`@step_up_…`) and never looks at the session |

mod assumptions;
mod cover;
mod formula;
mod normal;
mod posture;
mod step_up;
mod vacuous;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use cedar_policy_core::ast::{Effect, Policy as CorePolicy};

use crate::closed_sets::Known;
use crate::diagnostic::Diagnostic;
use crate::load::{self, Checked, Erring, Policy, on_a_large_stack};
use crate::names::Names;
use crate::ranges;
use crate::source::{Sources, Text};
use crate::vocabulary::Vocabulary;
use assumptions::Assumptions;
use formula::Formula;
use normal::{RESOURCE, World};

/// Everything that is doubtful about policies that load, each with its [code](Diagnostic::code), in the order of the places.
///
/// # Errors
///
/// Everything for which the policies do not load.
pub fn lint(sources: &Sources, vocabulary: &Vocabulary<'_>) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    on_a_large_stack(|| {
        let Checked { policies, schema, .. } = load::check(sources, vocabulary, Erring::Refused)?;
        let names = Names::new().map_err(|error| vec![Diagnostic::new(None, error.to_string())])?;
        let texts: Vec<_> = sources.policies.iter().map(Text::new).collect();
        let known = Known::new(vocabulary);
        let lint =
            Lint::new(policies.iter().filter(|it| !may_err(it, &known)), World::new(vocabulary, &schema, &names));
        let mut found = vacuous::check(&lint, &texts);
        found.extend(duplicates(&lint));
        found.extend(cover::check(&lint));
        found.extend(posture::check(&lint));
        found.extend(policies.iter().filter_map(step_up::check));
        Ok(load::once(found))
    })
}

/// Whether load could not decide that the policy never errs: then the order of its conditions counts, and it is not looked
/// at here.
fn may_err(policy: &Policy, known: &Known<'_>) -> bool {
    policy.written.condition.as_ref().is_some_and(|condition| !ranges::check(condition, known).is_empty())
}

/// The policies in the form in which they are compared.
struct Lint<'a> {
    world: World<'a>,
    policies: Vec<Linted<'a>>,
}

/// A policy and what it means.
struct Linted<'a> {
    index: usize,
    policy: &'a Policy,
    effect: Effect,
    /// When it applies, scope included.
    formula: Formula,
    /// When it does not.
    opposite: Formula,
    /// What is known when it applies.
    assumptions: Assumptions,
    /// Whether its decision counts, and is not only observed.
    is_in_force: bool,
    /// The first policy that says the same, if that is another one.
    twin: Option<usize>,
}

impl<'a> Lint<'a> {
    fn new(policies: impl Iterator<Item = &'a Policy>, world: World<'a>) -> Self {
        let linted = |(index, policy): (usize, &'a Policy)| {
            let core: &CorePolicy = policy.cedar.as_ref();
            let formula = world.formula(&core.condition(), true);
            Linted {
                index,
                policy,
                effect: core.effect(),
                opposite: world.formula(&core.condition(), false),
                assumptions: Assumptions::of(&formula),
                is_in_force: policy.cedar.annotation("mode") != Some("observe"),
                twin: None,
                formula,
            }
        };
        let mut policies: Vec<_> = policies.enumerate().map(linted).collect();
        let mut seen = HashMap::new();
        for linted in policies.iter_mut().filter(|linted| !linted.assumptions.are_contradictory()) {
            let key = (linted.effect, linted.is_in_force, linted.formula.clone());
            linted.twin = Some(*seen.entry(key).or_insert(linted.index)).filter(|first| *first != linted.index);
        }
        Self { world, policies }
    }

    fn in_force(&self) -> impl Iterator<Item = &Linted<'a>> {
        self.policies.iter().filter(|policy| policy.is_in_force)
    }
}

impl Linted<'_> {
    /// Whether it can apply to this app.
    fn concerns(&self, app: &str) -> bool {
        !self.assumptions.are_contradictory()
            && self.assumptions.allowed(RESOURCE).is_none_or(|apps| apps.contains(app))
    }
}

/// Policies that say what an earlier one says.
fn duplicates(lint: &Lint<'_>) -> Vec<Diagnostic> {
    let report = |linted: &Linted<'_>| {
        let twin = lint.policies.get(linted.twin?)?.policy;
        let message = format!("policy `{}` says the same as `{}` at {}", linted.policy.id, twin.id, twin.place);
        Some(finding("duplicate", linted, message).remedy("take one of them away"))
    };
    lint.policies.iter().filter_map(report).collect()
}

fn finding(code: &'static str, linted: &Linted<'_>, message: String) -> Diagnostic {
    Diagnostic { code: Some(code), ..Diagnostic::new(Some(linted.policy.place.clone()), message) }
}
