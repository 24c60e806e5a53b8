//! A rule: one policy as it takes part in decisions.

use cedar_policy_core::ast::Policy as CedarPolicy;

use crate::compile::Test;
use crate::decision::{PolicyId, Words};
use crate::load::Policy;
use crate::step_up::StepUp;

pub(crate) use cedar_policy_core::ast::Effect;

/// What a decision says of a policy, and what Cedar needs to evaluate it.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: PolicyId,
    pub(crate) words: Words,
    pub(crate) effect: Effect,
    /// It takes no part in decisions, but is reported (`@mode("observe")`).
    pub(crate) is_observed: bool,
    /// What it permits is recorded at once (`@record("twice")`).
    pub(crate) is_recorded_twice: bool,
    /// The login that it waits for.
    pub(crate) step_up: Option<StepUp>,
    pub(crate) cedar: CedarPolicy,
}

/// How a rule is asked about one app.
#[derive(Debug)]
pub(crate) enum Condition {
    /// It is satisfied if all of these hold.
    Compiled(Box<[Test]>),
    /// Cedar evaluates it.
    Interpreted,
}

impl Rule {
    pub(crate) fn new(policy: &Policy) -> Self {
        let cedar: &CedarPolicy = policy.cedar.as_ref();
        Self {
            id: policy.id.clone(),
            words: policy.words.clone(),
            effect: cedar.effect(),
            is_observed: policy.cedar.annotation("mode") == Some("observe"),
            is_recorded_twice: policy.cedar.annotation("record") == Some("twice"),
            // What cannot be read was refused when the policy was parsed.
            step_up: StepUp::read(policy.cedar.annotations()).unwrap_or_default(),
            cedar: cedar.clone(),
        }
    }
}

impl From<Test> for Condition {
    fn from(test: Test) -> Self {
        Self::Compiled(match test {
            Test::All(tests) => tests,
            Test::Always(true) => Box::default(),
            test => Box::new([test]),
        })
    }
}
