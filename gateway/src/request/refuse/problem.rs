//! A refusal for programs: problem details (RFC 9457).

use bytes::Bytes;
use gaccong_policy::Remedy;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response};
use serde::Serialize;

use super::{Message, Refusal};
use crate::pages::Language;

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

pub(super) fn response(refusal: &Refusal, message: &Message<'_>, language: Language) -> Response<Bytes> {
    let mut response = Response::new(body(refusal, message));
    *response.status_mut() = refusal.reason.status();
    for (name, value) in [
        (CONTENT_TYPE, "application/problem+json"),
        (CONTENT_LANGUAGE, language.tag()),
        (VARY, "accept, accept-language, cookie"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn body(refusal: &Refusal, message: &Message<'_>) -> Bytes {
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
