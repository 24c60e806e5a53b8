//! Evaluation: every rule of a slice is asked, and what they say becomes a decision.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;

use cedar_policy::{Entities, Schema};
use cedar_policy_core::ast::EntityUIDEntry;

use crate::compile::{Asked, Groups, Known, World, all};
use crate::conclude::{Verdicts, cannot_ask};
use crate::decision::{Decision, Denial, Mode, Permit, PolicyIds};
use crate::diagnostic::Diagnostic;
use crate::interpret::{Interpreter, Put};
use crate::load::{Erring, Policy};
use crate::names::Names;
use crate::question::{PrincipalKind, Question};
use crate::ranges;
use crate::rule::Condition;
use crate::slice::{self, Slice};
use crate::step_up::StepUp;
use crate::vocabulary::AppScope;

/// A loaded set of policies, ready to decide.
#[derive(Debug)]
pub(crate) struct Evaluator {
    interpreter: Interpreter,
    actions: foldhash::HashMap<Box<str>, Action>,
    slices: foldhash::HashMap<Box<str>, Slice>,
    groups: Groups,
    erring: Erring,
}

/// An action that some question may be about.
#[derive(Debug)]
struct Action {
    known: Arc<Known>,
    /// Its place among all of them.
    index: usize,
    uid: EntityUIDEntry,
    by_user: bool,
    by_workload: bool,
    by_device: bool,
}

impl Evaluator {
    pub(crate) fn new(
        policies: &[Policy],
        apps: &[AppScope<'_>],
        schema: &Schema,
        erring: Erring,
    ) -> Result<Self, Diagnostic> {
        let unexpected = |error: &dyn Display| Diagnostic::new(None, format!("the schema is unusable: {error}"));
        let names = Names::new().map_err(|error| unexpected(&error))?;
        let hierarchy = with_hierarchy(schema.action_entities().map_err(|error| unexpected(&error))?);
        let mut world = World::new(apps, &hierarchy);
        let actions = actions(schema, &names, &mut world);
        let slices = slice::build(policies, apps, &names, &world, &hierarchy)?;
        Ok(Self {
            actions,
            slices,
            groups: world.into_groups(),
            interpreter: Interpreter::new(names).map_err(|error| unexpected(&error))?,
            erring,
        })
    }

    pub(crate) fn decide(&self, question: &Question<'_>, mode: Mode) -> Decision {
        in_mode(mode, self.judge(question, |slice, action| self.ask(question, slice, action)))
    }

    /// The same decision by nothing but Cedar's own evaluation of each policy of the slice.
    pub(crate) fn decide_by_cedar(&self, question: &Question<'_>, mode: Mode) -> Decision {
        in_mode(mode, self.judge(question, |slice, action| self.ask_cedar(question, slice, action)))
    }

    /// The number of policies that Cedar answers for.
    pub(crate) fn interpreted(&self) -> usize {
        self.slices.values().flat_map(Slice::interpreted).map(|rule| &rule.id).collect::<HashSet<_>>().len()
    }

    /// The logins to try after a refusal by an app.
    pub(crate) fn step_ups(&self, app: &str) -> &[StepUp] {
        self.slices.get(app).map_or(&[], |slice| &slice.step_ups)
    }

    fn judge<'a>(
        &'a self,
        question: &Question<'_>,
        ask: impl Fn(&'a Slice, &Action) -> Result<Verdicts<'a>, String>,
    ) -> Result<Permit, Box<Denial>> {
        let Some(slice) = self.slices.get(question.app) else {
            return Err(cannot_ask(format!("no app is called `{}`", question.app), None));
        };
        // Where policies may err, so may the facts be beyond the bounds within which policies cannot.
        if self.erring == Erring::Refused {
            ranges::bounds::check(question).map_err(|error| cannot_ask(error, None))?;
        }
        let action = self.action(question).map_err(|error| cannot_ask(error, None))?;
        let holds_until_ms = slice.horizon.holds_until_ms(&question.context);
        let verdicts = ask(slice, action).map_err(|error| cannot_ask(error, holds_until_ms))?;
        verdicts.conclude(holds_until_ms)
    }

    /// The action of the question, if such a principal can do it.
    fn action(&self, question: &Question<'_>) -> Result<&Action, String> {
        let name = question.action;
        let action = self.actions.get(name).ok_or_else(|| format!("no action is called `{name}`"))?;
        match question.principal.kind {
            PrincipalKind::User if !action.by_user => Err(format!("the action `{name}` is not for a person")),
            PrincipalKind::Workload if !action.by_workload => Err(format!("the action `{name}` is not for a workload")),
            PrincipalKind::Device if !action.by_device => Err(format!("the action `{name}` is not for a device")),
            PrincipalKind::Device if !question.principal.groups.is_empty() => Err("a device is in no group".to_owned()),
            _ => Ok(action),
        }
    }

    fn ask<'a>(&self, question: &Question<'_>, slice: &'a Slice, action: &Action) -> Result<Verdicts<'a>, String> {
        let memberships = self.groups.of(&question.principal);
        let asked = Asked { question, action: &action.known, action_index: action.index, memberships: &memberships };
        let mut verdicts = Verdicts::default();
        let mut interpreted = None;
        for (rule, condition) in &slice.asked {
            match condition {
                Condition::Compiled(tests) => verdicts.note(rule, all(tests, &asked)),
                Condition::Interpreted => {
                    let put = match &interpreted {
                        Some(put) => put,
                        None => interpreted.insert(self.put(question, slice, action)?),
                    };
                    verdicts.note(rule, put.satisfies(&rule.cedar));
                }
            }
        }
        Ok(verdicts)
    }

    fn ask_cedar<'a>(
        &self,
        question: &Question<'_>,
        slice: &'a Slice,
        action: &Action,
    ) -> Result<Verdicts<'a>, String> {
        let put = self.put(question, slice, action)?;
        let mut verdicts = Verdicts::default();
        for rule in &slice.rules {
            verdicts.note(rule, put.satisfies(&rule.cedar));
        }
        Ok(verdicts)
    }

    fn put(&self, question: &Question<'_>, slice: &Slice, action: &Action) -> Result<Put, String> {
        self.interpreter.put(question, &action.uid, &slice.app, &slice.entities)
    }
}

/// The decision that a judgment is in this mode.
fn in_mode(mode: Mode, judgment: Result<Permit, Box<Denial>>) -> Decision {
    match (judgment, mode) {
        (Ok(permit), _) => Decision::Permit(permit),
        (Err(denial), Mode::Enforce) => Decision::Deny(*denial),
        (Err(denial), Mode::Observe) => Decision::Permit(Permit {
            policies: PolicyIds::new(),
            holds_until_ms: denial.holds_until_ms,
            would_refuse: Some(denial),
            recorded_twice: false,
        }),
    }
}

/// The actions that apply to apps, and who can do them.
fn actions(schema: &Schema, names: &Names, world: &mut World<'_>) -> foldhash::HashMap<Box<str>, Action> {
    let mut actions = foldhash::HashMap::default();
    for env in schema.request_envs().filter(|env| *env.resource() == names.app) {
        // An action of a namespace would need its full name in a question; there are none such.
        if env.action().type_name().to_string() != "Action" {
            continue;
        }
        let name = env.action().id().unescaped();
        let action = actions.entry(name.into()).or_insert_with(|| {
            let (index, known) = world.add_action(name);
            let uid = EntityUIDEntry::known(env.action().as_ref().clone(), None);
            Action { known, index, uid, by_user: false, by_workload: false, by_device: false }
        });
        action.by_user |= *env.principal() == names.user;
        action.by_workload |= *env.principal() == names.workload;
        action.by_device |= *env.principal() == names.device;
    }
    actions
}

/// The actions, if they are in a hierarchy: without one, no policy can tell that they are missing.
fn with_hierarchy(actions: Entities) -> Entities {
    let is_flat =
        actions.iter().all(|action| actions.ancestors(&action.uid()).is_none_or(|mut all| all.next().is_none()));
    if is_flat { Entities::empty() } else { actions }
}
