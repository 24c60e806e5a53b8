//! Step-up: a refusal that would be a permit if only the person logged in anew, more strongly or more recently.
//!
//! Policies say by annotations what login they wait for. That is a hint and no condition: whether it would help is found out
//! by deciding again about a session that is as asked for.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::PolicySet;
use crate::decision::{Decision, Mode};
use crate::diagnostic::did_you_mean;
use crate::question::{Context, PrincipalKind, Question, Session};
use crate::rule::Rule;

/// What all annotations of a step-up begin with.
const PREFIX: &str = "step_up_";
const ACR: &str = "step_up_acr";
const MAX_AGE: &str = "step_up_max_age_s";
/// The longest name of an authentication class, in bytes.
const MAX_ACR_BYTES: usize = 256;
/// A year.
const MAX_AGE_S: u32 = 31_536_000;
/// How many different logins the policies of one app are tried with. Those of further policies are not asked for.
const MAX_TRIED: usize = 16;

/// The login with which a refusal would be a permit.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct StepUp {
    /// The authentication context class (OpenID Connect Core §3.1.2.1, `acr_values`), by `@step_up_acr("…")`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<Arc<str>>,
    /// How long ago it may be at most, in seconds (OpenID Connect Core §3.1.2.1, `max_age`), by `@step_up_max_age_s("…")`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_s: Option<u32>,
}

/// An annotation that cannot be meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadAnnotation {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) remedy: String,
}

impl StepUp {
    /// What the annotations of a policy ask for; `None` where that is nothing.
    pub(crate) fn read<'a>(
        annotations: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Option<Self>, BadAnnotation> {
        let mut step_up = Self::default();
        for (name, value) in annotations.filter(|(name, _)| name.starts_with(PREFIX)) {
            let bad = |remedy: String| BadAnnotation { name: name.to_owned(), value: value.to_owned(), remedy };
            match name {
                ACR if is_acr(value) => step_up.acr = Some(value.into()),
                ACR => return Err(bad(format!("write a class of up to {MAX_ACR_BYTES} visible ASCII characters"))),
                MAX_AGE => match value.parse() {
                    Ok(age @ 1..=MAX_AGE_S) => step_up.max_age_s = Some(age),
                    _ => return Err(bad(format!("write seconds, from 1 to {MAX_AGE_S}"))),
                },
                _ => {
                    let meant = did_you_mean(name, [ACR, MAX_AGE].into_iter());
                    return Err(bad(meant.unwrap_or_else(|| format!("write `@{ACR}(\"…\")` or `@{MAX_AGE}(\"…\")`"))));
                }
            }
        }
        Ok(Some(step_up).filter(|step_up| *step_up != Self::default()))
    }

    /// The question after such a login, when it is as old as it may be: a younger one would be luck. What is not asked for
    /// stays as it is; where there was no login, it is fresh.
    fn fulfilled<'a>(&'a self, question: &Question<'a>) -> Question<'a> {
        let before = question.context.session.unwrap_or(Session { method: "oidc", acr: None, auth_age_s: 0 });
        let session = Session {
            acr: self.acr.as_deref().or(before.acr),
            auth_age_s: self.max_age_s.map_or(before.auth_age_s, |age_s| i64::from(age_s) - 1),
            ..before
        };
        Question { context: Context { session: Some(session), ..question.context }, ..*question }
    }
}

impl fmt::Display for StepUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.acr, self.max_age_s) {
            (Some(acr), Some(age_s)) => write!(f, "as `{acr}` within {age_s} s"),
            (Some(acr), None) => write!(f, "as `{acr}`"),
            (None, Some(age_s)) => write!(f, "within {age_s} s"),
            (None, None) => f.write_str("again"),
        }
    }
}

/// It is sent to identity providers and stands in headers, between quotation marks.
fn is_acr(value: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    (1..=MAX_ACR_BYTES).contains(&value.len()) && value.bytes().all(is_plain)
}

/// What is to be tried for the rules of an app, in this order: what each of them asks for, then what all ask for together.
pub(crate) fn to_try<'a>(rules: impl Iterator<Item = &'a Rule>) -> Box<[StepUp]> {
    let mut singly = Vec::new();
    for step_up in rules.filter(|rule| !rule.is_observed).filter_map(|rule| rule.step_up.as_ref()) {
        if singly.len() < MAX_TRIED && !singly.contains(step_up) {
            singly.push(step_up.clone());
        }
    }
    // A login is of one class. The least age fulfils every other.
    let classes: BTreeSet<_> = singly.iter().filter_map(|step_up| step_up.acr.clone()).collect();
    let max_age_s = singly.iter().filter_map(|step_up| step_up.max_age_s).min();
    let together = classes.into_iter().map(|acr| StepUp { acr: Some(acr), max_age_s });
    let together: Vec<_> = together.filter(|step_up| !singly.contains(step_up)).collect();
    singly.into_iter().chain(together).collect()
}

impl PolicySet {
    /// The login by which a refusal would become a permit; `None` where none would that a policy of the app asks for. To be
    /// asked only where the answer was a refusal by a `forbid` or for want of a `permit`. Only people log in.
    pub fn step_up(&self, question: &Question<'_>) -> Option<StepUp> {
        if question.principal.kind != PrincipalKind::User {
            return None;
        }
        let helps =
            |step_up: &&StepUp| matches!(self.decide(&step_up.fulfilled(question), Mode::Enforce), Decision::Permit(_));
        self.evaluator.step_ups(question.app).iter().find(helps).cloned()
    }
}
