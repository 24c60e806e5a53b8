//! The slice of an app: the policies that can apply to it and the entities that they can meet, found once at load so
//! that a decision costs the same however many other apps there are.
//!
//! A policy is left out of a slice only if its scope is false for the app, whoever asks and whatever the action.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{Entities, Entity, EntityUid, Policy as CedarPolicy, ResourceConstraint, RestrictedExpression};
use cedar_policy_core::ast::EntityUIDEntry;
use cedar_policy_core::entities::Entities as CoreEntities;

use crate::compile::{self, Test, World};
use crate::diagnostic::Diagnostic;
use crate::holds::Horizon;
use crate::load::Policy;
use crate::names::Names;
use crate::rule::{Condition, Rule};
use crate::step_up::{self, StepUp};
use crate::syntax::expression;
use crate::vocabulary::AppScope;

/// Everything that a decision about one app needs.
#[derive(Debug)]
pub(crate) struct Slice {
    /// What is asked, in the order of the rules' ids. A rule that cannot be satisfied for this app is left out.
    pub(crate) asked: Box<[(Arc<Rule>, Condition)]>,
    pub(crate) horizon: Horizon,
    /// The logins to try after a refusal.
    pub(crate) step_ups: Box<[StepUp]>,
    /// All of the rules, for Cedar.
    pub(crate) rules: Box<[Arc<Rule>]>,
    pub(crate) app: EntityUIDEntry,
    /// The app, the apps that the policies name, and the actions that are in a hierarchy.
    pub(crate) entities: CoreEntities,
}

/// The slices of all apps, by name.
pub(crate) fn build(
    policies: &[Policy],
    apps: &[AppScope<'_>],
    names: &Names,
    world: &World<'_>,
    actions: &Entities,
) -> Result<foldhash::HashMap<Box<str>, Slice>, Diagnostic> {
    let index = Index::new(policies, names);
    let scopes: HashMap<_, _> = apps.iter().map(|app| (names.app(app.name), app)).collect();
    let slice = |app: &AppScope<'_>| {
        let uid = names.app(app.name);
        let mut chosen = index.policies_of(app, names);
        chosen.sort_unstable_by(|a, b| a.rule.id.cmp(&b.rule.id));
        let asked = conditions(app, &chosen, world);
        let slice = Slice {
            step_ups: step_up::to_try(asked.iter().map(|(rule, _)| &**rule)),
            asked,
            horizon: Horizon::union(chosen.iter().map(|prepared| &prepared.horizon)),
            rules: chosen.iter().map(|prepared| Arc::clone(&prepared.rule)).collect(),
            app: EntityUIDEntry::known(uid.as_ref().clone(), None),
            entities: entities(&uid, &chosen, &scopes, names, actions)?.as_ref().clone(),
        };
        Ok((app.name.into(), slice))
    };
    apps.iter().map(slice).collect()
}

impl Slice {
    /// The rules that Cedar answers for.
    pub(crate) fn interpreted(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.asked.iter().filter(|(_, condition)| matches!(condition, Condition::Interpreted)).map(|(rule, _)| rule)
    }
}

fn conditions(app: &AppScope<'_>, chosen: &[&Prepared<'_>], world: &World<'_>) -> Box<[(Arc<Rule>, Condition)]> {
    let app = world.app(app.name);
    let condition = |prepared: &&Prepared<'_>| {
        let condition = match compile::compile(prepared.policy.syntax.body(), &app, world) {
            Ok(Test::Always(false)) => return None,
            Ok(test) => Condition::from(test),
            Err(_) => Condition::Interpreted,
        };
        Some((Arc::clone(&prepared.rule), condition))
    };
    chosen.iter().filter_map(condition).collect()
}

/// A policy with what all slices share of it.
struct Prepared<'a> {
    policy: &'a Policy,
    rule: Arc<Rule>,
    horizon: Horizon,
    /// The entities that it names.
    named: Vec<EntityUid>,
}

/// Policies by the entity that their scope ties the resource to.
struct Index<'a> {
    anywhere: Vec<Prepared<'a>>,
    within: HashMap<EntityUid, Vec<Prepared<'a>>>,
}

impl<'a> Index<'a> {
    fn new(policies: &'a [Policy], names: &Names) -> Self {
        let mut index = Self { anywhere: Vec::new(), within: HashMap::new() };
        for policy in policies {
            let prepared = Prepared::new(policy);
            match policy.cedar.resource_constraint() {
                ResourceConstraint::Any => index.anywhere.push(prepared),
                ResourceConstraint::Is(kind) if kind == names.app => index.anywhere.push(prepared),
                ResourceConstraint::IsIn(kind, uid) if kind == names.app => {
                    index.within.entry(uid).or_default().push(prepared)
                }
                // Equality with a group, which no app is equal to, is kept: it is false when evaluated.
                ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) => {
                    index.within.entry(uid).or_default().push(prepared);
                }
                ResourceConstraint::Is(_) | ResourceConstraint::IsIn(..) => {}
            }
        }
        index
    }

    fn policies_of(&self, app: &AppScope<'_>, names: &Names) -> Vec<&Prepared<'a>> {
        let groups: HashSet<_> = app.groups.iter().map(|group| names.app_group(group)).collect();
        let own = std::iter::once(names.app(app.name)).chain(groups);
        let tied = own.filter_map(|uid| self.within.get(&uid)).flatten();
        self.anywhere.iter().chain(tied).collect()
    }
}

impl<'a> Prepared<'a> {
    fn new(policy: &'a Policy) -> Self {
        Self {
            policy,
            rule: Arc::new(Rule::new(policy)),
            horizon: Horizon::of(policy.syntax.body().clauses().iter().map(expression)),
            named: CedarPolicy::entity_literals(&policy.cedar),
        }
    }
}

fn entities(
    uid: &EntityUid,
    policies: &[&Prepared<'_>],
    scopes: &HashMap<EntityUid, &AppScope<'_>>,
    names: &Names,
    actions: &Entities,
) -> Result<Entities, Diagnostic> {
    let named: HashSet<&EntityUid> = policies.iter().flat_map(|prepared| &prepared.named).chain([uid]).collect();
    let apps = named.into_iter().filter_map(|uid| scopes.get(uid)).map(|app| entity(app, names));
    actions.clone().add_entities(apps.collect::<Result<Vec<_>, _>>()?, None).map_err(unexpected)
}

/// An app as Cedar sees it.
pub(crate) fn entity(app: &AppScope<'_>, names: &Names) -> Result<Entity, Diagnostic> {
    let text = |value: &str| RestrictedExpression::new_string(value.to_owned());
    let owner = app.owner.map(|owner| ("owner".to_owned(), text(owner)));
    let attributes = [("sensitivity".to_owned(), text(app.sensitivity))].into_iter().chain(owner).collect();
    let groups = app.groups.iter().map(|group| names.app_group(group)).collect();
    Entity::new(names.app(app.name), attributes, groups).map_err(unexpected)
}

/// What should not go wrong with apps and policies that are valid.
pub(crate) fn unexpected(error: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(None, format!("the policies cannot be indexed: {error}"))
}
