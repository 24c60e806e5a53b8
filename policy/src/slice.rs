//! The slice of an app: the policies that can apply to it and the entities that they can meet, found once at load so
//! that a decision costs the same however many other apps there are.
//!
//! A policy is left out of a slice only if its scope is false for the app, whoever asks and whatever the action.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{Entities, Entity, EntityUid, Policy as CedarPolicy, ResourceConstraint, RestrictedExpression};
use cedar_policy_core::ast::EntityUIDEntry;
use cedar_policy_core::entities::Entities as CoreEntities;

use crate::diagnostic::Diagnostic;
use crate::holds::Horizon;
use crate::load::Policy;
use crate::mentions::Mentions;
use crate::names::Names;
use crate::rule::Rule;
use crate::syntax::expression;
use crate::vocabulary::AppScope;

/// Everything that a decision about one app needs.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) app: EntityUIDEntry,
    pub(crate) rules: Vec<Arc<Rule>>,
    /// The app, the apps that the policies name, and the actions that are in a hierarchy.
    pub(crate) entities: CoreEntities,
    pub(crate) horizon: Horizon,
    pub(crate) mentions: Mentions,
}

/// The slices of all apps, by name.
pub(crate) fn build(
    policies: &[Policy],
    apps: &[AppScope<'_>],
    names: &Names,
    actions: &Entities,
) -> Result<HashMap<Box<str>, Slice>, Diagnostic> {
    let index = Index::new(policies, names);
    let rules = policies.iter().map(|policy| Ok((&policy.id, Arc::new(Rule::new(policy)?))));
    let rules = rules.collect::<Result<HashMap<_, _>, _>>()?;
    let scopes: HashMap<_, _> = apps.iter().map(|app| (names.app(app.name), app)).collect();
    let slice = |app: &AppScope<'_>| {
        let chosen = index.policies_of(app, names);
        let uid = names.app(app.name);
        let conditions = || chosen.iter().flat_map(|policy| policy.syntax.body().clauses()).map(expression);
        let slice = Slice {
            app: EntityUIDEntry::known(uid.as_ref().clone(), None),
            rules: chosen.iter().filter_map(|policy| rules.get(&policy.id)).cloned().collect(),
            entities: entities(&uid, &chosen, &scopes, names, actions)?.as_ref().clone(),
            horizon: Horizon::of(conditions()),
            mentions: Mentions::of(conditions()),
        };
        Ok((app.name.into(), slice))
    };
    apps.iter().map(slice).collect()
}

/// Policies by the entity that their scope ties the resource to.
pub(crate) struct Index<'a> {
    anywhere: Vec<&'a Policy>,
    within: HashMap<EntityUid, Vec<&'a Policy>>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(policies: &'a [Policy], names: &Names) -> Self {
        let mut index = Self { anywhere: Vec::new(), within: HashMap::new() };
        for policy in policies {
            match policy.cedar.resource_constraint() {
                ResourceConstraint::Any => index.anywhere.push(policy),
                ResourceConstraint::Is(kind) if kind == names.app => index.anywhere.push(policy),
                ResourceConstraint::IsIn(kind, uid) if kind == names.app => {
                    index.within.entry(uid).or_default().push(policy)
                }
                // Equality with a group, which no app is equal to, is kept: it is false when evaluated.
                ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) => {
                    index.within.entry(uid).or_default().push(policy);
                }
                ResourceConstraint::Is(_) | ResourceConstraint::IsIn(..) => {}
            }
        }
        index
    }

    pub(crate) fn policies_of(&self, app: &AppScope<'_>, names: &Names) -> Vec<&'a Policy> {
        let groups: HashSet<_> = app.groups.iter().map(|group| names.app_group(group)).collect();
        let own = std::iter::once(names.app(app.name)).chain(groups);
        let tied = own.filter_map(|uid| self.within.get(&uid)).flatten();
        self.anywhere.iter().chain(tied).copied().collect()
    }
}

fn entities(
    uid: &EntityUid,
    policies: &[&Policy],
    scopes: &HashMap<EntityUid, &AppScope<'_>>,
    names: &Names,
    actions: &Entities,
) -> Result<Entities, Diagnostic> {
    let mut mentioned: HashSet<EntityUid> =
        policies.iter().flat_map(|policy| CedarPolicy::entity_literals(&policy.cedar)).collect();
    mentioned.insert(uid.clone());
    let apps = mentioned.iter().filter_map(|uid| scopes.get(uid)).map(|app| entity(app, names));
    actions.clone().add_entities(apps.collect::<Result<Vec<_>, _>>()?, None).map_err(unexpected)
}

/// An app as Cedar sees it.
fn entity(app: &AppScope<'_>, names: &Names) -> Result<Entity, Diagnostic> {
    let text = |value: &str| RestrictedExpression::new_string(value.to_owned());
    let owner = app.owner.map(|owner| ("owner".to_owned(), text(owner)));
    let attributes = [("sensitivity".to_owned(), text(app.sensitivity))].into_iter().chain(owner).collect();
    let groups = app.groups.iter().map(|group| names.app_group(group)).collect();
    Entity::new(names.app(app.name), attributes, groups).map_err(unexpected)
}

fn unexpected(error: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(None, format!("the policies cannot be indexed: {error}"))
}
