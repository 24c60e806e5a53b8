//! Evaluation: every rule of a slice is asked, and what they say becomes a decision.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{Entities, Schema};
use cedar_policy_core::ast::{EntityUIDEntry, Request};
use cedar_policy_core::entities::{NoEntitiesSchema, TCComputation};
use cedar_policy_core::evaluator::Evaluator as CedarEvaluator;
use cedar_policy_core::extensions::Extensions;

use crate::decision::{Cause, Decision, Denial, Mode, Permit, PolicyIds, Words};
use crate::diagnostic::Diagnostic;
use crate::load::Policy;
use crate::names::Names;
use crate::question::{PrincipalKind, Question};
use crate::ranges;
use crate::rule::{Effect, Rule};
use crate::slice::{self, Slice};
use crate::translate::Translator;
use crate::vocabulary::AppScope;

/// A loaded set of policies, ready to decide.
#[derive(Debug)]
pub(crate) struct Evaluator {
    names: Names,
    translator: Translator,
    actions: HashMap<Box<str>, Action>,
    slices: HashMap<Box<str>, Slice>,
}

/// An action that some question may be about.
#[derive(Debug)]
struct Action {
    uid: EntityUIDEntry,
    by_user: bool,
    by_workload: bool,
}

/// What the rules say to a question. A rule that is not satisfied says nothing.
#[derive(Debug, Default)]
struct Verdicts<'a> {
    permits: Vec<&'a Rule>,
    forbids: Vec<&'a Rule>,
    errors: Vec<(&'a Rule, String)>,
}

impl Evaluator {
    pub(crate) fn new(policies: &[Policy], apps: &[AppScope<'_>], schema: &Schema) -> Result<Self, Diagnostic> {
        let unexpected =
            |error: &dyn std::fmt::Display| Diagnostic::new(None, format!("the schema is unusable: {error}"));
        let names = Names::new().map_err(|error| unexpected(&error))?;
        let hierarchy = action_hierarchy(schema).map_err(|error| unexpected(&error))?;
        Ok(Self {
            translator: Translator::new().map_err(|error| unexpected(&error))?,
            actions: actions(schema, &names),
            slices: slice::build(policies, apps, &names, &hierarchy)?,
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
        ranges::bounds::check(question).map_err(|error| cannot_ask(error, None))?;
        let action = self.action(question).map_err(|error| cannot_ask(error, None))?;
        let holds_until_ms = slice.horizon.holds_until_ms(&question.context);
        let verdicts = self.ask(question, slice, action).map_err(|error| cannot_ask(error, holds_until_ms))?;
        verdicts.conclude(holds_until_ms)
    }

    /// The action of the question, if such a principal can do it.
    fn action(&self, question: &Question<'_>) -> Result<&EntityUIDEntry, String> {
        let name = question.action;
        let action = self.actions.get(name).ok_or_else(|| format!("no action is called `{name}`"))?;
        match question.principal.kind {
            PrincipalKind::User if !action.by_user => Err(format!("the action `{name}` is not for a person")),
            PrincipalKind::Workload if !action.by_workload => Err(format!("the action `{name}` is not for a workload")),
            _ => Ok(&action.uid),
        }
    }

    fn ask<'a>(
        &self,
        question: &Question<'_>,
        slice: &'a Slice,
        action: &EntityUIDEntry,
    ) -> Result<Verdicts<'a>, String> {
        let principal = Arc::new(self.names.principal_entity(&question.principal));
        let principal_uid = EntityUIDEntry::known(principal.uid().clone(), None);
        let context = self.translator.context(&question.context, slice.mentions)?;
        let request = Request::new_unchecked(principal_uid, action.clone(), slice.app.clone(), Some(context));
        // The principal is a member of its groups directly and nothing is a member of it: there is nothing to compute.
        let closure = TCComputation::AssumeAlreadyComputed;
        let extensions = Extensions::all_available();
        let entities = slice
            .entities
            .clone()
            .add_entities([Arc::clone(&principal)], None::<&NoEntitiesSchema>, closure, extensions)
            .map_err(|error| error.to_string())?;
        let evaluator = CedarEvaluator::new(request, &entities, extensions);
        Ok(Verdicts::of(slice.rules.iter().filter(|rule| rule.may_concern(&principal)), &evaluator))
    }
}

impl<'a> Verdicts<'a> {
    fn of(rules: impl Iterator<Item = &'a Arc<Rule>>, evaluator: &CedarEvaluator<'_>) -> Self {
        let mut verdicts = Self::default();
        for rule in rules {
            match (rule.is_satisfied(evaluator), rule.effect) {
                (Ok(true), Effect::Permit) => verdicts.permits.push(rule),
                (Ok(true), Effect::Forbid) => verdicts.forbids.push(rule),
                (Ok(false), _) => {}
                (Err(error), _) => verdicts.errors.push((rule, error)),
            }
        }
        verdicts
    }

    /// Cedar passes over a policy that errs, a `forbid` too. Here any error is a denial.
    fn conclude(mut self, holds_until_ms: Option<i64>) -> Result<Permit, Box<Denial>> {
        if !self.errors.is_empty() {
            self.errors.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
            let policies = self.errors.iter().map(|(rule, _)| Arc::clone(&rule.id)).collect();
            let errors = self.errors.into_iter().map(|(_, error)| error).collect();
            let words = Words::default();
            return Err(Box::new(Denial { cause: Cause::Error, policies, words, errors, holds_until_ms }));
        }
        if self.forbids.is_empty() && !self.permits.is_empty() {
            return Ok(Permit { policies: ids(&mut self.permits), holds_until_ms, would_refuse: None });
        }
        let cause = if self.forbids.is_empty() { Cause::NoPermit } else { Cause::Forbid };
        let policies = ids(&mut self.forbids);
        let words = self.forbids.iter().map(|rule| &rule.words).find(|words| **words != Words::default());
        let words = words.cloned().unwrap_or_default();
        Err(Box::new(Denial { cause, policies, words, errors: Vec::new(), holds_until_ms }))
    }
}

/// Puts rules into the order of their ids, and gives these.
fn ids(rules: &mut [&Rule]) -> PolicyIds {
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules.iter().map(|rule| Arc::clone(&rule.id)).collect()
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
        let uid = EntityUIDEntry::known(env.action().as_ref().clone(), None);
        let action = actions.entry(name).or_insert(Action { uid, by_user: false, by_workload: false });
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
