//! Policies in the two forms that a proof needs: ready to decide, and as syntax.

use std::collections::HashMap;

use cedar_policy::Schema;
use cedar_policy::pst::{self, Effect, EntityOrSlot, ResourceConstraint};
use gaccong_policy::analysis::{Material, Statement};
use gaccong_policy::{
    AppScope, Cause, Decision, Diagnostic, Mode, PolicyId, PolicySet, PrincipalKind, Source, Sources, Vocabulary,
};
use smol_str::SmolStr;

use crate::ground::{Action, Apps, Ground, Subject, ground, type_name};
use crate::witness::Witness;

/// A policy set and what it is about: the apps and actions of a configuration.
///
/// Policies that are only watched (`@mode("observe")`) refuse nobody and admit nobody: they are left out.
pub struct Model<'a> {
    set: PolicySet,
    material: Material,
    vocabulary: Vocabulary<'a>,
    extensions: Vec<Source>,
    pub(crate) actions: Vec<Action>,
}

impl<'a> Model<'a> {
    /// Loads policies for what `vocabulary` knows.
    ///
    /// # Errors
    /// Everything that is wrong with the sources, each with its place.
    pub fn load(sources: &Sources, vocabulary: Vocabulary<'a>) -> Result<Self, Vec<Diagnostic>> {
        let set = PolicySet::load(sources, &vocabulary)?.set;
        let material = Material::load(sources, &vocabulary)?;
        let actions = actions(material.schema());
        let extensions = sources.schema_extensions.clone();
        Ok(Self { set, material, vocabulary, extensions, actions })
    }

    /// The policies, ready to decide.
    pub fn set(&self) -> &PolicySet {
        &self.set
    }

    /// Whether the policies let the question's request in.
    pub(crate) fn permits(&self, question: &Witness) -> bool {
        matches!(self.set.decide(&question.lend(), Mode::Enforce), Decision::Permit(_))
    }

    /// The `forbid`s that refuse the question's request.
    pub(crate) fn refusing(&self, question: &Witness) -> Vec<PolicyId> {
        match self.set.decide(&question.lend(), Mode::Enforce) {
            Decision::Deny(denial) if denial.cause == Cause::Forbid => denial.policies.to_vec(),
            _ => Vec::new(),
        }
    }

    /// The apps, each with the policies that can apply to it.
    pub(crate) fn slices(&self) -> impl Iterator<Item = (&'a AppScope<'a>, Vec<Statement<'_>>)> {
        let index = Index::of(&self.material);
        self.vocabulary.apps.iter().map(move |app| (app, index.policies_of(app)))
    }

    pub(crate) fn apps(&self) -> Apps<'a> {
        self.vocabulary.apps.iter().map(|app| (app.name, app)).collect()
    }

    pub(crate) fn schema(&self) -> &Schema {
        self.material.schema()
    }

    pub(crate) fn statements(&self) -> impl Iterator<Item = Statement<'_>> {
        self.material.statements()
    }

    pub(crate) fn vocabulary(&self) -> &Vocabulary<'a> {
        &self.vocabulary
    }

    /// Other policies beside the same extensions of the schema.
    pub(crate) fn beside(&self, policies: Vec<Source>) -> Sources {
        Sources { policies, schema_extensions: self.extensions.clone(), ..Sources::default() }
    }
}

/// Policies by the entity that their scope ties the resource to: type and name.
#[derive(Default)]
struct Index<'s> {
    anywhere: Vec<Statement<'s>>,
    within: HashMap<(&'s str, &'s str), Vec<Statement<'s>>>,
}

impl<'s> Index<'s> {
    fn of(material: &'s Material) -> Self {
        let mut index = Self::default();
        for statement in material.statements() {
            match tied_to(statement.syntax()) {
                Some(uid) => index.within.entry(uid).or_default().push(statement),
                None => index.anywhere.push(statement),
            }
        }
        index
    }

    fn policies_of(&self, app: &AppScope<'_>) -> Vec<Statement<'s>> {
        let own = app.groups.iter().map(|group| ("AppGroup", &**group)).chain([("App", app.name)]);
        let tied = own.filter_map(|uid| self.within.get(&uid)).flatten();
        self.anywhere.iter().chain(tied).copied().collect()
    }
}

/// The entity that a scope ties the resource to; `None` where it may be any, or must be looked at.
fn tied_to(policy: &pst::Policy) -> Option<(&str, &str)> {
    let (ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid)) =
        &policy.body().resource
    else {
        return None;
    };
    match uid {
        EntityOrSlot::Entity(uid) => Some((type_name(&uid.ty)?, &uid.eid)),
        EntityOrSlot::Slot(_) => None,
    }
}

/// The policies of a slice in force, as they read for `subject`, by their ids.
pub(crate) fn in_force<'s>(slice: &[Statement<'s>], subject: Subject<'_>, apps: &Apps<'_>) -> Vec<(&'s str, Ground)> {
    let in_force = slice.iter().filter(|statement| !statement.is_observed());
    in_force.filter_map(|statement| Some((&**statement.id(), ground(statement.syntax(), subject, apps)?))).collect()
}

/// Those of `policies` that have this effect.
pub(crate) fn of_effect<'g>(policies: &'g [(&'g str, Ground)], effect: Effect) -> Vec<(&'g str, &'g Ground)> {
    let wanted = policies.iter().filter(|(_, ground)| ground.template.effect == effect);
    wanted.map(|(id, ground)| (*id, ground)).collect()
}

impl Action {
    /// The kinds of principal that can do it.
    pub(crate) fn principals(&self) -> impl Iterator<Item = PrincipalKind> {
        let kinds = PrincipalKind::ALL.into_iter().zip([self.by_user, self.by_workload, self.by_device]);
        kinds.filter(|(_, can)| *can).map(|(kind, _)| kind)
    }
}

/// The actions that people or workloads can do to an app.
fn actions(schema: &Schema) -> Vec<Action> {
    let entities = schema.action_entities().ok();
    let mut found: HashMap<String, Action> = HashMap::new();
    for env in schema.request_envs() {
        if env.resource().to_string() != "App" || env.action().type_name().to_string() != "Action" {
            continue;
        }
        let name = env.action().id().unescaped().to_owned();
        let within = entities.iter().filter_map(|entities| entities.ancestors(env.action())).flatten();
        let within = within.map(|uid| SmolStr::new(uid.id().unescaped())).collect();
        let action = Action { name: name.clone(), within, by_user: false, by_workload: false, by_device: false };
        let action = found.entry(name).or_insert(action);
        action.by_user |= env.principal().to_string() == "User";
        action.by_workload |= env.principal().to_string() == "Workload";
        action.by_device |= env.principal().to_string() == "Device";
    }
    let mut actions: Vec<Action> = found.into_values().collect();
    actions.sort_unstable();
    actions
}
