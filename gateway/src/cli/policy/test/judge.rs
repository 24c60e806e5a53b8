//! The answer to a case, and how it differs from the expected one.

use gaccong_policy::{Cause, Change, Considered, Decision, Mode, PolicyId, PolicySet, StepUp};
use serde::{Serialize, Serializer};

use super::case::{Answer, Case, Expected};
use crate::request::decide::reason_of;

/// The codes of the reasons that policy gives.
pub(super) const CODES: [(&str, Cause); 3] =
    [("policy.forbid", Cause::Forbid), ("policy.no_permit", Cause::NoPermit), ("policy.error", Cause::Error)];

/// What policy answered.
#[derive(Debug, Serialize)]
pub(crate) struct Got {
    pub(crate) decision: Answer,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "code")]
    pub(crate) reason: Option<Cause>,
    /// The policies that made the decision.
    pub(crate) policies: Vec<PolicyId>,
    /// The policies on trial that would have decided otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) observed: Vec<PolicyId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<String>,
    /// The login by which a refusal would be a permit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step_up: Option<StepUp>,
}

/// Serializes a cause as the code of its reason.
pub(super) fn code<S: Serializer>(cause: &Option<Cause>, serializer: S) -> Result<S::Ok, S::Error> {
    cause.map(|cause| reason_of(cause).code()).serialize(serializer)
}

/// Asks the policies.
pub(super) fn ask(set: &PolicySet, case: &Case) -> Got {
    match set.decide(&case.question.lend(), Mode::Enforce) {
        Decision::Permit(permit) => Got {
            decision: Answer::Permit,
            reason: None,
            policies: permit.policies().to_vec(),
            observed: permit.would_refuse().map(|denial| denial.policies.to_vec()).unwrap_or_default(),
            errors: Vec::new(),
            step_up: None,
        },
        Decision::Deny(denial) => Got {
            decision: Answer::Refuse,
            reason: Some(denial.cause),
            policies: denial.policies.to_vec(),
            observed: denial.would_permit.to_vec(),
            errors: denial.errors,
            step_up: (denial.cause != Cause::Error).then(|| set.step_up(&case.question.lend())).flatten(),
        },
    }
}

/// What is not as expected, in words; empty where all is.
pub(super) fn differences(expected: &Expected, got: &Got) -> Vec<String> {
    let mut found = Vec::new();
    if expected.decision != got.decision {
        found.push(format!("expected {}, got {}", expected.decision.as_str(), got.in_words()));
        return found;
    }
    if let Some(reason) = expected.reason.filter(|reason| got.reason != Some(*reason)) {
        found.push(format!("expected the reason `{}`, got {}", reason_of(reason).code(), got.in_words()));
    }
    if let Some(policy) = expected.policy.as_ref().filter(|policy| !names(&got.policies, policy)) {
        found.push(format!("expected the policy `{policy}`, got {}", got.in_words()));
    }
    if let Some(policy) = expected.observed.as_ref().filter(|policy| !names(&got.observed, policy)) {
        let others = if got.observed.is_empty() { "none would".to_owned() } else { listed(&got.observed) };
        found.push(format!("expected that `{policy}`, on trial, would decide otherwise: {others}"));
    }
    if let Some(step_up) = expected.step_up.as_ref().filter(|step_up| got.step_up.as_ref() != Some(*step_up)) {
        let other = got.step_up.as_ref().map_or_else(|| "no login would help".to_owned(), ToString::to_string);
        found.push(format!("expected that a login {step_up} would help: {other}"));
    }
    found
}

/// What would have to change for a refusal to be a permit: for each forbid that holds, or else for the nearest permit.
pub(super) fn remedies(set: &PolicySet, case: &Case) -> Vec<String> {
    let explanation = set.explain(&case.question.lend());
    let facts = |policy: &Considered| {
        policy.changes().flat_map(Change::facts).map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let forbids = explanation.forbids.iter().map(|forbid| format!("the forbid `{}`: {}", forbid.policy, facts(forbid)));
    let permits = explanation.permits.iter().filter(|_| explanation.refused == Some(Cause::NoPermit)).take(1);
    let permits = permits.map(|permit| format!("the nearest permit, `{}`: {}", permit.policy, facts(permit)));
    forbids.chain(permits).collect()
}

fn names(ids: &[PolicyId], wanted: &str) -> bool {
    ids.iter().any(|id| **id == *wanted)
}

/// `` `a`, `b` ``
fn listed(ids: &[PolicyId]) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}

impl Got {
    /// What made the decision, for a table: policies, or that there was none.
    pub(super) fn by(&self) -> String {
        let joined = |ids: &[PolicyId]| ids.iter().map(|id| &**id).collect::<Vec<_>>().join(", ");
        let by = match self.reason {
            Some(Cause::NoPermit) => "no permit".to_owned(),
            Some(Cause::Error) => "an error".to_owned(),
            Some(Cause::Forbid) | None => joined(&self.policies),
        };
        if self.observed.is_empty() { by } else { format!("{by}; on trial: {}", joined(&self.observed)) }
    }

    /// ``refuse (`policy.forbid`) by `a` `` and what failed.
    fn in_words(&self) -> String {
        let mut words = self.decision.as_str().to_owned();
        if let Some(cause) = self.reason {
            words += &format!(" (`{}`)", reason_of(cause).code());
        }
        if !self.policies.is_empty() {
            words += &format!(" by {}", listed(&self.policies));
        }
        if !self.errors.is_empty() {
            words += &format!(": {}", self.errors.join("; "));
        }
        words
    }
}
