//! What is compared of two decisions.

use gaccong_policy::{Cause, Decision};

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
        let ids = |ids: &[gaccong_policy::PolicyId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        match decision {
            Decision::Permit(permit) => Self::Permit(ids(permit.policies())),
            Decision::Deny(denial) => match denial.cause {
                Cause::Forbid => Self::Forbid(ids(&denial.policies)),
                Cause::NoPermit => Self::NoPermit,
                Cause::Error => Self::Error(ids(&denial.policies)),
            },
        }
    }
}
