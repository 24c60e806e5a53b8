//! From what the rules say to a judgment: any error denies, then any `forbid`, then the absence of a `permit`.

use std::fmt::Display;

use smallvec::SmallVec;

use crate::decision::{Cause, Denial, Permit, PolicyIds, Words};
use crate::rule::{Effect, Rule};

/// What the rules say to a question. A rule that is not satisfied says nothing.
#[derive(Debug, Default)]
pub(crate) struct Verdicts<'a> {
    enforced: Said<'a>,
    observed: Said<'a>,
}

/// Rules in the order of their ids.
#[derive(Debug, Default)]
struct Said<'a> {
    permits: Rules<'a>,
    forbids: Rules<'a>,
    errors: Vec<(&'a Rule, String)>,
}

type Rules<'a> = SmallVec<[&'a Rule; 4]>;

impl<'a> Verdicts<'a> {
    /// Notes what a rule says. Rules are noted in the order of their ids.
    #[inline]
    pub(crate) fn note(&mut self, rule: &'a Rule, is_satisfied: Result<bool, impl Display>) {
        if !matches!(is_satisfied, Ok(false)) {
            self.note_said(rule, is_satisfied);
        }
    }

    fn note_said(&mut self, rule: &'a Rule, is_satisfied: Result<bool, impl Display>) {
        let said = if rule.is_observed { &mut self.observed } else { &mut self.enforced };
        match (is_satisfied, rule.effect) {
            (Err(error), _) => {
                said.errors.push((rule, format!("error while evaluating policy `{}`: {error}", rule.id)));
            }
            (Ok(_), Effect::Permit) => said.permits.push(rule),
            (Ok(_), Effect::Forbid) => said.forbids.push(rule),
        }
    }

    /// Cedar passes over a policy that errs, a `forbid` too. Here any error is a denial.
    pub(crate) fn conclude(self, holds_until_ms: Option<i64>) -> Result<Permit, Box<Denial>> {
        let Self { enforced, observed } = self;
        if let Some(refusal) = enforced.refusal(holds_until_ms) {
            return Err(refusal);
        }
        if enforced.permits.is_empty() {
            return Err(Box::new(Denial {
                would_permit: ids(&observed.permits),
                ..Denial::new(Cause::NoPermit, PolicyIds::new(), holds_until_ms)
            }));
        }
        Ok(Permit {
            policies: ids(&enforced.permits),
            holds_until_ms,
            would_refuse: observed.refusal(holds_until_ms),
            recorded_twice: enforced.permits.iter().any(|rule| rule.is_recorded_twice),
        })
    }
}

impl Said<'_> {
    /// The denial for an error or a `forbid`.
    fn refusal(&self, holds_until_ms: Option<i64>) -> Option<Box<Denial>> {
        if !self.errors.is_empty() {
            let (rules, errors): (Rules<'_>, Vec<_>) = self.errors.iter().cloned().unzip();
            return Some(Box::new(Denial { errors, ..Denial::new(Cause::Error, ids(&rules), holds_until_ms) }));
        }
        if self.forbids.is_empty() {
            return None;
        }
        let words = self.forbids.iter().map(|rule| &rule.words).find(|words| **words != Words::default());
        let words = words.cloned().unwrap_or_default();
        Some(Box::new(Denial { words, ..Denial::new(Cause::Forbid, ids(&self.forbids), holds_until_ms) }))
    }
}

impl Denial {
    fn new(cause: Cause, policies: PolicyIds, holds_until_ms: Option<i64>) -> Self {
        let (words, errors, would_permit) = (Words::default(), Vec::new(), PolicyIds::new());
        Self { cause, policies, words, errors, would_permit, holds_until_ms }
    }
}

fn ids(rules: &[&Rule]) -> PolicyIds {
    rules.iter().map(|rule| rule.id.clone()).collect()
}

/// The denial of a question that cannot be put.
pub(crate) fn cannot_ask(error: impl Display, holds_until_ms: Option<i64>) -> Box<Denial> {
    let errors = vec![error.to_string()];
    Box::new(Denial { errors, ..Denial::new(Cause::Error, PolicyIds::new(), holds_until_ms) })
}
