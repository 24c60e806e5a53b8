//! The answer: a permit, which only this crate can make, or a denial with its reason.

use std::sync::Arc;

use serde::Serialize;
use smallvec::SmallVec;

/// The id of a policy: its `@id`, or `file.cedar:line` where it has none. Unique in a set.
pub type PolicyId = Arc<str>;

/// The policies that made a decision.
pub type PolicyIds = SmallVec<[PolicyId; 2]>;

/// What policy answers to a question.
#[derive(Debug, Clone)]
pub enum Decision {
    /// The request may go on.
    Permit(Permit),
    /// The request is refused.
    Deny(Denial),
}

/// The proof that policy let a request through. Nothing outside this crate can make one.
#[derive(Debug, Clone)]
pub struct Permit {
    pub(crate) policies: PolicyIds,
    pub(crate) holds_until_ms: Option<i64>,
    pub(crate) would_refuse: Option<Box<Denial>>,
    pub(crate) recorded_twice: bool,
}

impl Permit {
    /// The permits that were satisfied.
    pub fn policies(&self) -> &[PolicyId] {
        &self.policies
    }

    /// The earliest time at which policy's answer could change by time alone, milliseconds since the Unix epoch;
    /// `None` when time alone cannot change it. The ages of facts are the caller's to add.
    pub fn holds_until_ms(&self) -> Option<i64> {
        self.holds_until_ms
    }

    /// The denial that enforcement would have made: of everything in [`Mode::Observe`], else of the policies that are only
    /// observed (`@mode("observe")`).
    pub fn would_refuse(&self) -> Option<&Denial> {
        self.would_refuse.as_deref()
    }

    /// Whether one of its policies asks for a record at once, before the one at the end (`@record("twice")`).
    pub fn recorded_twice(&self) -> bool {
        self.recorded_twice
    }
}

/// A refusal by policy.
#[derive(Debug, Clone)]
pub struct Denial {
    /// Why.
    pub cause: Cause,
    /// The `forbid`s that were satisfied, or the policies whose evaluation failed; empty for [`Cause::NoPermit`].
    pub policies: PolicyIds,
    /// What the policies say to the person who is refused.
    pub words: Words,
    /// The errors of evaluation, for the record only.
    pub errors: Vec<String>,
    /// For [`Cause::NoPermit`], the permits that were satisfied but are only observed (`@mode("observe")`).
    pub would_permit: PolicyIds,
    /// As [`Permit::holds_until_ms`].
    pub holds_until_ms: Option<i64>,
}

/// Why policy refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No `permit` was satisfied.
    NoPermit,
    /// A `forbid` was satisfied.
    Forbid,
    /// The evaluation of a policy failed, or the question could not be put (unknown app or action).
    Error,
}

/// What a policy says to the person who is refused (`@reason`, `@advice`, `@reason_vi`, `@advice_vi`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// What is wrong, in English.
    pub reason: Option<Arc<str>>,
    /// How to mend it, in English.
    pub advice: Option<Arc<str>>,
    /// What is wrong, in Vietnamese.
    pub reason_vi: Option<Arc<str>>,
    /// How to mend it, in Vietnamese.
    pub advice_vi: Option<Arc<str>>,
}

/// Whether denials are enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A denial is a refusal.
    #[default]
    Enforce,
    /// A denial becomes a [`Permit`] that says what it would have refused.
    Observe,
}
