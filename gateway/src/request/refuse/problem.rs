//! A refusal for programs: problem details (RFC 9457).

use bytes::Bytes;
use gaccong_policy::Remedy;
use serde::Serialize;

use super::{Message, Refusal};

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: String,
    /// The reason's code, as in `Gaccong-Reason`.
    reason: &'a str,
    advice: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remedies: Vec<Mend<'a>>,
}

/// Something that the person can mend.
#[derive(Serialize)]
struct Mend<'a> {
    #[serde(flatten)]
    remedy: Remedy,
    /// What to do.
    text: &'a str,
}

pub(super) fn render(refusal: &Refusal, message: &Message<'_>) -> Bytes {
    let problem = Problem {
        r#type: format!("urn:gaccong:reason:{}", refusal.reason),
        title: &message.title,
        status: refusal.reason.status().as_u16(),
        detail: &message.detail.text,
        instance: refusal.request_id.urn().to_string(),
        reason: refusal.reason.code(),
        advice: &message.advice.text,
        remedies: message.remedies.iter().map(|(remedy, text)| Mend { remedy: *remedy, text }).collect(),
    };
    // Strings and a number cannot fail to serialise; if they did, the fields of the response still say all.
    serde_json::to_vec(&problem).unwrap_or_default().into()
}
