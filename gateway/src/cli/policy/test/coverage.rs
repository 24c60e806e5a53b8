//! Which policies and conditions the cases exercised.
//!
//! A policy is exercised when it applied in one case; a condition of its `when` or `unless` when Cedar came to it and
//! found it true in one case, and false in another.

use std::collections::HashMap;
use std::io::{self, Write};

use gaccong_policy::{Clause, PolicyId, PolicyOutcome, PolicySet};
use serde::Serialize;

use super::suite::Suite;

/// What was exercised, and what was not.
#[derive(Debug, Default, Serialize)]
pub(super) struct Coverage {
    policies: Share,
    conditions: Share,
    missing: Vec<String>,
}

/// So many of so many.
#[derive(Debug, Default, Serialize)]
struct Share {
    covered: usize,
    total: usize,
}

/// What the cases made of one policy.
#[derive(Default)]
struct Seen {
    applied: bool,
    /// By position in the policy.
    conditions: HashMap<usize, Truths>,
}

#[derive(Default, Clone, Copy)]
struct Truths {
    yes: bool,
    no: bool,
}

impl Coverage {
    pub(super) fn of(set: &PolicySet, suite: &Suite) -> Self {
        let mut seen: HashMap<PolicyId, Seen> = HashMap::new();
        for outcome in suite.cases().flat_map(|case| set.conditions(&case.question.lend())) {
            seen.entry(PolicyId::clone(&outcome.policy)).or_default().add(&outcome);
        }
        let mut coverage = Self::default();
        for policy in set.all_conditions() {
            coverage.add(&policy, seen.get(&policy.policy).unwrap_or(&Seen::default()));
        }
        coverage
    }

    pub(super) fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// What was not exercised, a line each.
    pub(super) fn missing(&self) -> &[String] {
        &self.missing
    }

    fn add(&mut self, policy: &PolicyOutcome, seen: &Seen) {
        let at = format!("{}: `{}`", policy.place, policy.policy);
        self.policies.add(seen.applied);
        if !seen.applied {
            self.missing.push(format!("{at} never applied"));
        }
        for (position, condition) in policy.conditions.iter().enumerate() {
            if condition.clause == Clause::Scope {
                continue;
            }
            let Truths { yes, no } = seen.conditions.get(&position).copied().unwrap_or_default();
            self.conditions.add(yes && no);
            let never = match (yes, no) {
                (true, true) => continue,
                (true, false) => "never false",
                (false, true) => "never true",
                (false, false) => "never reached",
            };
            let text = condition.text.split_whitespace().collect::<Vec<_>>().join(" ");
            self.missing.push(format!("{at}: `{text}` was {never}"));
        }
    }

    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        for missing in &self.missing {
            writeln!(out, "not exercised: {missing}")?;
        }
        let Self { policies, conditions, .. } = self;
        writeln!(
            out,
            "coverage: {} of {} policies, {} of {} conditions",
            policies.covered, policies.total, conditions.covered, conditions.total
        )
    }
}

impl Share {
    fn add(&mut self, covered: bool) {
        self.total += 1;
        self.covered += usize::from(covered);
    }
}

impl Seen {
    fn add(&mut self, outcome: &PolicyOutcome) {
        self.applied |= outcome.applies;
        for (position, condition) in outcome.conditions.iter().enumerate().filter(|(_, condition)| condition.reached) {
            let truths = self.conditions.entry(position).or_default();
            truths.yes |= condition.outcome == Some(true);
            truths.no |= condition.outcome == Some(false);
        }
    }
}
