//! Evaluation with Cedar itself: a question becomes Cedar's request, Cedar's response becomes a decision.

use std::collections::HashMap;

use cedar_policy::{
    AuthorizationError, Authorizer, Decision as CedarDecision, Entities, Entity, EntityUid, PolicyId as CedarId,
    Request, Response, Schema,
};

use crate::decision::{Cause, Decision, Denial, Mode, Permit, PolicyId, PolicyIds, Words};
use crate::diagnostic::Diagnostic;
use crate::load::{AppScope, Policy};
use crate::names::Names;
use crate::question::{PrincipalKind, Question};
use crate::slice::{self, Slice};
use crate::translate;

/// A loaded set of policies, ready to decide.
#[derive(Debug)]
pub(crate) struct Evaluator {
    authorizer: Authorizer,
    names: Names,
    actions: HashMap<Box<str>, Action>,
    slices: HashMap<Box<str>, Slice>,
    policies: HashMap<CedarId, Known>,
}

/// An action that some question may be about.
#[derive(Debug)]
struct Action {
    uid: EntityUid,
    by_user: bool,
    by_workload: bool,
}

/// What a decision says of a policy.
#[derive(Debug)]
struct Known {
    id: PolicyId,
    words: Words,
}

impl Evaluator {
    pub(crate) fn new(policies: &[Policy], apps: &[AppScope<'_>], schema: &Schema) -> Result<Self, Diagnostic> {
        let unexpected =
            |error: &dyn std::fmt::Display| Diagnostic::new(None, format!("the schema is unusable: {error}"));
        let names = Names::new().map_err(|error| unexpected(&error))?;
        let hierarchy = action_hierarchy(schema).map_err(|error| unexpected(&error))?;
        let known =
            |policy: &Policy| (policy.cedar.id().clone(), Known { id: policy.id.clone(), words: policy.words.clone() });
        Ok(Self {
            authorizer: Authorizer::new(),
            actions: actions(schema, &names),
            slices: slice::build(policies, apps, &names, &hierarchy)?,
            policies: policies.iter().map(known).collect(),
            names,
        })
    }

    pub(crate) fn decide(&self, question: &Question<'_>, mode: Mode) -> Decision {
        match (self.judge(question), mode) {
            (Ok(permit), _) => Decision::Permit(permit),
            (Err(denial), Mode::Enforce) => Decision::Deny(*denial),
            (Err(denial), Mode::Observe) => Decision::Permit(Permit {
                policies: PolicyIds::new(),
                holds_until_ms: denial.holds_until_ms,
                would_refuse: Some(denial),
            }),
        }
    }

    fn judge(&self, question: &Question<'_>) -> Result<Permit, Box<Denial>> {
        let Some(slice) = self.slices.get(question.app) else {
            return Err(cannot_ask(format!("no app is called `{}`", question.app), None));
        };
        let action = self.action(question).map_err(|error| cannot_ask(error, None))?;
        let holds_until_ms = slice.horizon.holds_until_ms(&question.context);
        let response = self.ask(question, slice, action).map_err(|error| cannot_ask(error, holds_until_ms))?;
        self.conclude(&response, holds_until_ms)
    }

    /// The action of the question, if such a principal can do it.
    fn action(&self, question: &Question<'_>) -> Result<&EntityUid, String> {
        let name = question.action;
        let action = self.actions.get(name).ok_or_else(|| format!("no action is called `{name}`"))?;
        match question.principal.kind {
            PrincipalKind::User if !action.by_user => Err(format!("the action `{name}` is not for a person")),
            PrincipalKind::Workload if !action.by_workload => Err(format!("the action `{name}` is not for a workload")),
            _ => Ok(&action.uid),
        }
    }

    fn ask(&self, question: &Question<'_>, slice: &Slice, action: &EntityUid) -> Result<Response, String> {
        let principal = self.names.principal(&question.principal);
        let groups = question.principal.groups.iter().map(|group| self.names.group(group)).collect();
        let entities = slice
            .entities
            .clone()
            .add_entities([Entity::new_no_attrs(principal.clone(), groups)], None)
            .map_err(|error| error.to_string())?;
        let context = translate::context(&question.context)?;
        let request = Request::new(principal, action.clone(), slice.app.clone(), context, None)
            .map_err(|error| error.to_string())?;
        Ok(self.authorizer.is_authorized(&request, &slice.policies, &entities))
    }

    /// Cedar passes over a policy that errs, a `forbid` too. Here any error is a denial.
    fn conclude(&self, response: &Response, holds_until_ms: Option<i64>) -> Result<Permit, Box<Denial>> {
        let diagnostics = response.diagnostics();
        let mut errors: Vec<_> = diagnostics.errors().map(|error| (failed_policy(error), error.to_string())).collect();
        if !errors.is_empty() {
            errors.sort();
            let known = self.known(errors.iter().map(|(id, _)| *id));
            let errors = errors.into_iter().map(|(_, error)| error).collect();
            let words = Words::default();
            return Err(Box::new(Denial { cause: Cause::Error, policies: ids(&known), words, errors, holds_until_ms }));
        }
        let known = self.known(diagnostics.reason());
        let policies = ids(&known);
        if response.decision() == CedarDecision::Allow {
            return Ok(Permit { policies, holds_until_ms, would_refuse: None });
        }
        let cause = if policies.is_empty() { Cause::NoPermit } else { Cause::Forbid };
        let words = known.iter().map(|known| &known.words).find(|words| **words != Words::default());
        let words = words.cloned().unwrap_or_default();
        Err(Box::new(Denial { cause, policies, words, errors: Vec::new(), holds_until_ms }))
    }

    /// The policies of these ids, in the order of their ids.
    fn known<'a>(&self, ids: impl Iterator<Item = &'a CedarId>) -> Vec<&Known> {
        let mut known: Vec<_> = ids.filter_map(|id| self.policies.get(id)).collect();
        known.sort_by(|a, b| a.id.cmp(&b.id));
        known
    }
}

fn ids(known: &[&Known]) -> PolicyIds {
    known.iter().map(|known| known.id.clone()).collect()
}

fn failed_policy(error: &AuthorizationError) -> &CedarId {
    let AuthorizationError::PolicyEvaluationError(error) = error;
    error.policy_id()
}

/// The denial of a question that cannot be put.
fn cannot_ask(error: String, holds_until_ms: Option<i64>) -> Box<Denial> {
    let (policies, words) = (PolicyIds::new(), Words::default());
    Box::new(Denial { cause: Cause::Error, policies, words, errors: vec![error], holds_until_ms })
}

/// The actions that apply to apps, and who can do them.
fn actions(schema: &Schema, names: &Names) -> HashMap<Box<str>, Action> {
    let mut actions = HashMap::new();
    for env in schema.request_envs().filter(|env| *env.resource() == names.app) {
        // An action of a namespace would need its full name in a question; there are none such.
        if env.action().type_name().to_string() != "Action" {
            continue;
        }
        let name = env.action().id().unescaped().into();
        let action =
            actions.entry(name).or_insert(Action { uid: env.action().clone(), by_user: false, by_workload: false });
        action.by_user |= *env.principal() == names.user;
        action.by_workload |= *env.principal() == names.workload;
    }
    actions
}

/// The action entities, if there is a hierarchy of actions: without one, no policy can tell that they are missing.
fn action_hierarchy(schema: &Schema) -> Result<Entities, Box<dyn std::error::Error>> {
    let actions = schema.action_entities()?;
    let is_flat =
        actions.iter().all(|action| actions.ancestors(&action.uid()).is_none_or(|mut all| all.next().is_none()));
    Ok(if is_flat { Entities::empty() } else { actions })
}
