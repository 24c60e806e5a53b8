//! Questions put to Cedar itself: the oracle that the compiled policies are checked against, and what answers for a policy
//! that is not compiled.

use std::sync::Arc;

use cedar_policy_core::ast::{EntityUIDEntry, Policy, Request};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;

use crate::names::Names;
use crate::question::Question;
use crate::translate::Translator;

/// Puts questions to Cedar.
#[derive(Debug)]
pub(crate) struct Interpreter {
    names: Names,
    translator: Translator,
}

/// A question as Cedar sees it.
pub(crate) struct Put {
    request: Request,
    entities: Entities,
}

impl Interpreter {
    pub(crate) fn new(names: Names) -> Result<Self, String> {
        Ok(Self { names, translator: Translator::new()? })
    }

    /// `entities` are those beside the principal.
    pub(crate) fn put(
        &self,
        question: &Question<'_>,
        action: &EntityUIDEntry,
        app: &EntityUIDEntry,
        entities: &Entities,
    ) -> Result<Put, String> {
        let principal = Arc::new(self.names.principal_entity(&question.principal));
        let principal_uid = EntityUIDEntry::known(principal.uid().clone(), None);
        let context = self.translator.context(&question.context)?;
        // The principal is a member of its groups directly and nothing is a member of it: there is nothing to compute.
        let closure = TCComputation::AssumeAlreadyComputed;
        let entities = entities
            .clone()
            .add_entities([principal], None::<&NoEntitiesSchema>, closure, Extensions::all_available())
            .map_err(|error| error.to_string())?;
        let request = Request::new_unchecked(principal_uid, action.clone(), app.clone(), Some(context));
        Ok(Put { request, entities })
    }
}

impl Put {
    /// Whether the policy is satisfied.
    pub(crate) fn satisfies(&self, policy: &Policy) -> Result<bool, String> {
        let evaluator = Evaluator::new(self.request.clone(), &self.entities, Extensions::all_available());
        evaluator.evaluate(policy).map_err(|error| error.to_string())
    }
}
