//! The policies as they were written, by what their scope ties the resource to, and the entities that they can meet.
//!
//! The evaluator forgets both: it is made for speed. Here is kept what an explanation needs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid, Policy as CedarPolicy, Schema};
use cedar_policy_core::ast::{self, EntityUID, EntityUIDEntry, Request, SlotEnv, Value};
use cedar_policy_core::entities::{Entities as CoreEntities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;

use crate::decision::PolicyId;
use crate::diagnostic::{Diagnostic, Place};
use crate::load::Policy;
use crate::names::Names;
use crate::question::Question;
use crate::slice::{entity, unexpected};
use crate::translate::Translator;
use crate::vocabulary::AppScope;

/// All policies and apps.
#[derive(Debug)]
pub(crate) struct Index {
    names: Names,
    translator: Translator,
    action: EntityTypeName,
    rules: Vec<Rule>,
    /// Positions in `rules`.
    by_id: HashMap<PolicyId, usize>,
    /// Positions in `rules`, by the entity that the scope names for the resource.
    by_resource: HashMap<Option<EntityUID>, Vec<usize>>,
    apps: HashMap<EntityUID, Arc<ast::Entity>>,
    actions: CoreEntities,
}

/// A policy as it was written.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: PolicyId,
    pub(crate) place: Place,
    pub(crate) cedar: ast::Policy,
    /// The entities that it names.
    named: Vec<EntityUID>,
}

/// A question as Cedar's evaluator takes it, and the policies that can apply to it.
pub(crate) struct Scene<'a> {
    pub(crate) rules: Vec<&'a Rule>,
    request: Request,
    entities: CoreEntities,
}

impl Index {
    pub(crate) fn new(policies: &[Policy], apps: &[AppScope<'_>], schema: &Schema) -> Result<Self, Diagnostic> {
        let names = Names::new().map_err(unexpected)?;
        let rules: Vec<_> = policies.iter().map(Rule::new).collect();
        let mut by_resource: HashMap<_, Vec<_>> = HashMap::new();
        for (at, rule) in rules.iter().enumerate() {
            let resource = rule.cedar.resource_constraint().as_inner().get_euid().map(|uid| uid.as_ref().clone());
            by_resource.entry(resource).or_default().push(at);
        }
        let entity = |app: &AppScope<'_>| {
            let entity = entity(app, &names)?.as_ref().clone();
            Ok((entity.uid().clone(), Arc::new(entity)))
        };
        let by_id = rules.iter().enumerate().map(|(at, rule)| (Arc::clone(&rule.id), at)).collect();
        Ok(Self {
            translator: Translator::new().map_err(unexpected)?,
            action: "Action".parse().map_err(unexpected)?,
            apps: apps.iter().map(entity).collect::<Result<_, _>>()?,
            actions: schema.action_entities().map_err(unexpected)?.as_ref().clone(),
            names,
            rules,
            by_id,
            by_resource,
        })
    }

    /// All policies.
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The policy of this id.
    pub(crate) fn rule(&self, id: &str) -> Option<&Rule> {
        self.by_id.get(id).and_then(|at| self.rules.get(*at))
    }

    /// Sets the scene for a question; `None` where it cannot be put.
    pub(crate) fn scene(&self, question: &Question<'_>) -> Option<Scene<'_>> {
        let app = self.apps.get(self.names.app(question.app).as_ref())?;
        let rules = self.rules_of(app);
        let principal = Arc::new(self.names.principal_entity(&question.principal));
        let named: BTreeSet<_> = rules.iter().flat_map(|rule| &rule.named).filter(|uid| *uid != app.uid()).collect();
        let others = named.into_iter().filter_map(|uid| self.apps.get(uid));
        let met = others.chain([app, &principal]).cloned();
        let action =
            EntityUid::from_type_name_and_id(self.action.clone(), cedar_policy::EntityId::new(question.action));
        let known = |uid: &EntityUID| EntityUIDEntry::known(uid.clone(), None);
        let context = self.translator.context(&question.context).ok()?;
        let request =
            Request::new_unchecked(known(principal.uid()), known(action.as_ref()), known(app.uid()), Some(context));
        // No app or principal has anything in it, and all are members of their groups directly.
        let closure = TCComputation::AssumeAlreadyComputed;
        let extensions = Extensions::all_available();
        let entities = self.actions.clone().add_entities(met, None::<&NoEntitiesSchema>, closure, extensions).ok()?;
        Some(Scene { rules, request, entities })
    }

    /// The policies that can apply to an app, in the order in which they were loaded.
    fn rules_of(&self, app: &ast::Entity) -> Vec<&Rule> {
        let tied = std::iter::once(app.uid()).chain(app.ancestors()).cloned().map(Some);
        let mut found: Vec<_> = tied.chain([None]).filter_map(|uid| self.by_resource.get(&uid)).flatten().collect();
        found.sort_unstable();
        found.into_iter().filter_map(|at| self.rules.get(*at)).collect()
    }
}

impl Rule {
    fn new(policy: &Policy) -> Self {
        Self {
            id: Arc::clone(&policy.id),
            place: policy.place.clone(),
            cedar: policy.cedar.as_ref().clone(),
            named: CedarPolicy::entity_literals(&policy.cedar).iter().map(|uid| uid.as_ref().clone()).collect(),
        }
    }

    /// Whether the policy is only tried out: it decides nothing.
    pub(crate) fn is_observed(&self) -> bool {
        let mut annotations = self.cedar.annotations();
        annotations.any(|(name, value)| name.as_ref() == "mode" && value.val == "observe")
    }
}

impl Scene<'_> {
    /// What evaluates expressions in this scene.
    pub(crate) fn evaluator(&self) -> Evaluator<'_> {
        Evaluator::new(self.request.clone(), &self.entities, Extensions::all_available())
    }
}

/// The value of an expression without slots; `None` where its evaluation fails.
pub(crate) fn value(evaluator: &Evaluator<'_>, expr: &ast::Expr) -> Option<Value> {
    evaluator.interpret(expr, &SlotEnv::new()).ok()
}
