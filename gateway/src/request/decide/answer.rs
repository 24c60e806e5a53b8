//! What a decision says: a permit and what it was given on, or a refusal.

use std::sync::Arc;

use gaccong_policy::{Cause, Permit, PolicyIds, PolicySet, Remedy, Words};

use super::Asked;
use crate::audit::event::{DecisionFacts, Verdict};
use crate::reason::Reason;
use crate::session::tickets::Demand;

/// A permit and what it was given on.
#[derive(Debug)]
pub struct Permitted {
    /// The proof.
    pub permit: Permit,
    /// The complete question.
    pub asked: Arc<Asked>,
    /// The earliest time at which time alone could change the answer.
    pub holds_until_ms: i64,
    /// What the policy took, nanoseconds.
    pub decision_ns: u64,
}

/// A refusal before anything was forwarded: its public reason and words, and what only the record sees.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// What the policies say to the person.
    pub words: Words,
    /// The determining policies.
    pub policies: PolicyIds,
    /// The permits that are only observed and would have let it through.
    pub would_permit: PolicyIds,
    /// For the record only.
    pub details: Vec<String>,
    /// The complete question, where policy was asked.
    pub asked: Option<Arc<Asked>>,
    /// Digest of the policies, where they were asked.
    pub policy_digest: Option<Arc<str>>,
    /// What the policy took, nanoseconds.
    pub decision_ns: u64,
    /// After how many seconds the same request may be made again, where that is known.
    pub retry_after_s: Option<u32>,
    /// The login with which it would be permitted.
    pub demand: Option<Demand>,
}

impl Refused {
    /// A refusal for which policy was not asked.
    pub fn of(reason: Reason) -> Self {
        Self {
            reason,
            words: Words::default(),
            policies: PolicyIds::new(),
            would_permit: PolicyIds::new(),
            details: Vec::new(),
            asked: None,
            policy_digest: None,
            decision_ns: 0,
            retry_after_s: None,
            demand: None,
        }
    }

    /// A refusal with a detail for the record.
    pub fn because(reason: Reason, detail: impl Into<String>) -> Self {
        Self { details: vec![detail.into()], ..Self::of(reason) }
    }

    /// What the person can mend, where policy refused and has no words of its own. This costs far more than the decision,
    /// and is for the response only.
    pub fn remedies(&self, policies: &PolicySet) -> Vec<Remedy> {
        match (self.reason, &self.asked) {
            (Reason::PolicyNoPermit | Reason::PolicyForbid, Some(asked))
                if self.words == Words::default() && asked.grant.is_none() =>
            {
                policies.explain(&asked.question()).mendable()
            }
            _ => Vec::new(),
        }
    }

    /// What the record says of the decision.
    pub fn facts(&self) -> DecisionFacts {
        DecisionFacts {
            verdict: Verdict::Deny,
            reason: Some(self.reason),
            policies: self.policies.clone(),
            would_permit: self.would_permit.clone(),
            policy_digest: self.policy_digest.clone(),
            details: self.details.clone(),
        }
    }
}

impl From<Reason> for Box<Refused> {
    fn from(reason: Reason) -> Self {
        Self::new(Refused::of(reason))
    }
}

impl Permitted {
    /// What the record says of the decision.
    pub fn facts(&self, digest: &Arc<str>) -> DecisionFacts {
        let (verdict, reason, policies, details) = match self.permit.would_refuse() {
            None => (Verdict::Permit, None, self.permit.policies().into(), Vec::new()),
            Some(denial) => {
                (Verdict::ObservedDeny, Some(reason_of(denial.cause)), denial.policies.clone(), denial.errors.clone())
            }
        };
        DecisionFacts {
            verdict,
            reason,
            policies,
            would_permit: PolicyIds::new(),
            policy_digest: Some(Arc::clone(digest)),
            details,
        }
    }
}

/// The reason of a denial by policy.
pub const fn reason_of(cause: Cause) -> Reason {
    match cause {
        Cause::NoPermit => Reason::PolicyNoPermit,
        Cause::Forbid => Reason::PolicyForbid,
        Cause::Error => Reason::PolicyError,
    }
}
