//! `POST /v1/decisions/explain`: what policy says to a question, and why.

use gaccong_policy::QuestionBuf;
use http::StatusCode;

use super::Answer;
use crate::facts::snapshot::Snapshot;

/// Explains what the policies of the apps say to the question in `body`, which has the form that records have.
pub(super) fn answer(snapshot: &Snapshot, body: &[u8]) -> Answer {
    match serde_json::from_slice::<QuestionBuf<'_>>(body) {
        Ok(question) => Answer::of(&snapshot.policies.explain(&question.lend())),
        Err(error) => Answer::problem(StatusCode::BAD_REQUEST, format!("this is not a question: {error}")),
    }
}
