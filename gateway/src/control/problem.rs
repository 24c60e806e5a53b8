//! What calls answer when they cannot do what was asked (RFC 9457), and the shapes of bodies that other crates define.

use std::sync::Arc;

use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Answer;
use crate::store::StoreError;

/// A question to policy, in the form that records have it (`unmapped.gaccong.question`).
#[derive(Debug, ToSchema)]
#[schema(value_type = Object)]
#[expect(dead_code, reason = "a shape of the document only")]
pub(super) struct Question(serde_json::Value);

/// What policy says to it: the decision, the policies that made it, and each condition of those that could have.
#[derive(Debug, ToSchema)]
#[schema(value_type = Object)]
#[expect(dead_code, reason = "a shape of the document only")]
pub(super) struct Explanation(serde_json::Value);

/// A caller's reason, for the record.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, max_length = 1000)]
pub(super) struct Words(Arc<str>);

/// The longest reason, in characters.
const MAX_WORDS: usize = 1000;

impl TryFrom<String> for Words {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.chars().count() {
            0..=MAX_WORDS => Ok(Self(text.into())),
            count => Err(format!("a reason of {count} characters; at most {MAX_WORDS} are kept")),
        }
    }
}

impl From<Words> for String {
    fn from(words: Words) -> Self {
        words.0.as_ref().into()
    }
}

impl From<Words> for Arc<str> {
    fn from(words: Words) -> Self {
        words.0
    }
}

/// Why a call was not done (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// The status.
    pub status: u16,
    /// What is wrong, and how to mend it.
    pub detail: String,
    /// A word for it, where programs may have to tell it from others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

impl Answer {
    /// A call that could not be answered, and why.
    pub(super) fn problem(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::of_problem(status, detail.into(), None)
    }

    /// The same, with a word by which programs tell it from others.
    pub(super) fn known_problem(status: StatusCode, reason: &'static str, detail: impl Into<String>) -> Self {
        Self::of_problem(status, detail.into(), Some(reason))
    }

    fn of_problem(status: StatusCode, detail: String, reason: Option<&'static str>) -> Self {
        let problem = Problem { status: status.as_u16(), detail, reason };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        Self { status, kind: super::PROBLEM, body, retry_after: None }
    }

    /// The same call may succeed after this time.
    pub(super) fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// The target of the request says nobody, or more than one.
    pub(super) fn no_target() -> Self {
        Self::problem(StatusCode::BAD_REQUEST, "the query must name one `kind` and one `id`")
    }

    /// A change that is not kept.
    pub(super) fn not_kept(error: &StoreError) -> Self {
        Self::problem(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}
