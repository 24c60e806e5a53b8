//! Walks the tour: sends each step over real TLS and compares what comes back with what was promised.

use std::time::Duration;

use http::Response;
use serde::Serialize;

use super::client::{self, ClientError};
use super::{Answer, Step};

/// A step that takes longer has failed.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// What came of a step.
#[derive(Debug, Clone, Serialize)]
pub struct StepResult {
    /// Who asked for what.
    pub title: &'static str,
    /// Method and URL.
    pub request: String,
    /// What was promised.
    pub expected: Answer,
    /// What came back.
    pub got: Answer,
    /// Why no response came, where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl StepResult {
    /// Whether the promise was kept.
    pub fn matched(&self) -> bool {
        self.expected == self.got
    }
}

/// Sends every step, one after the other.
pub async fn walk(steps: &[Step]) -> Vec<StepResult> {
    let mut results = Vec::with_capacity(steps.len());
    for step in steps {
        results.push(take(step).await);
    }
    results
}

async fn take(step: &Step) -> StepResult {
    let (got, detail) = match tokio::time::timeout(STEP_TIMEOUT, client::send(&step.request)).await {
        Ok(Ok((response, _))) => (answer(&response), None),
        Ok(Err(ClientError::Refused(detail))) => (Answer::HandshakeRefused, Some(detail)),
        Ok(Err(ClientError::Failed(detail))) => (Answer::Failed, Some(detail)),
        Err(_) => (Answer::Failed, Some(format!("no answer within {} s", STEP_TIMEOUT.as_secs()))),
    };
    StepResult {
        title: step.title,
        request: format!("{} {}", step.request.method, step.request.url()),
        expected: step.expected.clone(),
        got,
        detail,
    }
}

fn answer(response: &Response<()>) -> Answer {
    let reason = response.headers().get("gaccong-reason").map(|reason| String::from_utf8_lossy(reason.as_bytes()));
    Answer::Http { status: response.status().as_u16(), reason: reason.map(|reason| reason.into_owned()) }
}
