//! What is compared of two decisions.

use gaccong_policy::{Cause, Decision, Denial, PolicyId};

/// A decision and the policies that made it, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Permitted by these.
    Permit(Vec<String>),
    /// Forbidden by these.
    Forbid(Vec<String>),
    /// Not permitted by any.
    NoPermit,
    /// The evaluation of these failed; of none, where the question cannot be put.
    Error(Vec<String>),
}

impl From<&Decision> for Answer {
    fn from(decision: &Decision) -> Self {
        match decision {
            Decision::Permit(permit) => Self::Permit(names(permit.policies())),
            Decision::Deny(denial) => denial.into(),
        }
    }
}

impl From<&Denial> for Answer {
    fn from(denial: &Denial) -> Self {
        match denial.cause {
            Cause::Forbid => Self::Forbid(names(&denial.policies)),
            Cause::NoPermit => Self::NoPermit,
            Cause::Error => Self::Error(names(&denial.policies)),
        }
    }
}

fn names(ids: &[PolicyId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
