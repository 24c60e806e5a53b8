//! osquery's remote API (`/osquery/…`). Every call comes over a connection whose certificate proves the device; the node
//! key that enrolment gives belongs to that device, and counts with no other certificate.

use std::io::Read;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::read::GzDecoder;
use http::StatusCode;
use http::header::CONTENT_ENCODING;
use serde::de::DeserializeOwned;

use super::super::{Answer, Asking};
use super::submit::submit;
use super::{Untaken, bound, sources};
use crate::clock;
use crate::config::PostureSource;
use crate::osquery::protocol::{
    ConfigResponse, DistributedReadResponse, DistributedWriteRequest, EnrollRequest, EnrollResponse, LogRequest,
    NodeRequest, NodeResponse,
};
use crate::osquery::{Results, pack};
use crate::state::{Change, Enrolment, Report, ReportedFact};

/// Bytes of a body once it is inflated (`--logger_tls_compress`).
const MAX_INFLATED_BYTES: u64 = 8 << 20;

/// Random bytes of a node key.
const NODE_KEY_BYTES: usize = 32;

/// `POST /osquery/enroll`
pub(in crate::control) async fn enroll(asking: &Asking<'_>) -> Answer {
    let (device, request) = match (device(asking), body::<EnrollRequest>(asking)) {
        (Ok(device), Ok(request)) => (device, request),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    let settings = &asking.gateway.snapshot.load().config.posture.osquery;
    if let Some(expected) = &settings.enroll_secret
        && !is_secret(request.enroll_secret.as_deref().unwrap_or_default(), expected)
    {
        return invalid(asking, &device, "the enrolment secret is wrong");
    }
    let Some(node_key) = node_key() else {
        return Answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "no random numbers");
    };
    let node_key_sha256 = hex_digest(&node_key).into();
    let enrolment = Enrolment { device: Arc::clone(&device), node_key_sha256, at_ms: clock::now_ms() };
    if let Err(answer) = asking.change(Change::Enrol(enrolment)).await {
        return answer;
    }
    tracing::info!(%device, host = request.host_identifier.as_deref().unwrap_or_default(), "an osquery node is enrolled");
    Answer::of(&EnrollResponse { node_key, node_invalid: false })
}

/// `POST /osquery/config`
pub(in crate::control) fn config(asking: &Asking<'_>) -> Answer {
    let settings = &asking.gateway.snapshot.load().config.posture.osquery;
    let schedule = || pack::schedule(&settings.edr_processes, settings.interval.as_secs());
    match node::<NodeRequest>(asking) {
        Err(answer) => answer,
        Ok(_) => Answer::of(&ConfigResponse { schedule: schedule(), node_invalid: false }),
    }
}

/// `POST /osquery/log`
pub(in crate::control) async fn log(asking: &Asking<'_>) -> Answer {
    match node::<LogRequest>(asking) {
        Err(answer) => answer,
        Ok((device, request)) => take(asking, device, request.results(clock::now_ms())).await,
    }
}

/// `POST /osquery/distributed/read`: everything is asked of a device that has not told anything lately.
pub(in crate::control) fn distributed_read(asking: &Asking<'_>) -> Answer {
    let device = match node::<NodeRequest>(asking) {
        Err(answer) => return answer,
        Ok((device, _)) => device,
    };
    let settings = &asking.gateway.snapshot.load().config.posture;
    let reported = asking.gateway.state.live().posture.reported(&device);
    let last = sources::osquery(settings).and_then(|source| reported.as_ref()?.by(&source.name).cloned());
    let interval_ms = i64::try_from(settings.osquery.interval.as_millis()).unwrap_or(i64::MAX);
    let told =
        last.is_some_and(|last| clock::now_ms().saturating_sub(last.received_at_ms) < interval_ms.saturating_mul(2));
    let queries = match told {
        true => serde_json::Value::Object(serde_json::Map::new()),
        false => pack::distributed(&settings.osquery.edr_processes),
    };
    Answer::of(&DistributedReadResponse { queries, node_invalid: false })
}

/// `POST /osquery/distributed/write`
pub(in crate::control) async fn distributed_write(asking: &Asking<'_>) -> Answer {
    match node::<DistributedWriteRequest>(asking) {
        Err(answer) => answer,
        Ok((device, request)) => take(asking, device, request.results(clock::now_ms())).await,
    }
}

/// Takes what a node has seen. Facts that it does not speak of stay as it saw them before.
async fn take(asking: &Asking<'_>, device: Arc<str>, results: Results) -> Answer {
    asking.gateway.metrics.posture().ignored(results.ignored);
    let settings = &asking.gateway.snapshot.load().config.posture;
    let Some(source) = sources::osquery(settings).cloned() else {
        return Answer::problem(
            StatusCode::FORBIDDEN,
            "osquery is no source of posture here: see `[[posture.source]]`",
        );
    };
    let taken = match report(device, results, &source) {
        None => return Answer::of(&NodeResponse::VALID),
        Some(report) => match bound(asking, &source) {
            Ok(()) => submit(asking.gateway, &source, vec![report], asking.received).await,
            Err(untaken) => Err(untaken),
        },
    };
    match taken {
        Ok(_) | Err(Untaken::Outdated(_)) => Answer::of(&NodeResponse::VALID),
        Err(untaken) => untaken.answer(),
    }
}

fn report(device: Arc<str>, results: Results, source: &PostureSource) -> Option<Report> {
    let seen = results.facts.into_iter().filter(|fact| source.facts.contains(&fact.name));
    let facts: Vec<_> = seen
        .map(|fact| ReportedFact {
            name: fact.name,
            value: fact.value,
            observed_at_ms: fact.observed_at_ms,
            max_age_s: None,
        })
        .collect();
    let observed_at_ms = facts.iter().map(|fact| fact.observed_at_ms).max()?;
    let (source, received_at_ms) = (Arc::clone(&source.name), clock::now_ms());
    Some(Report { device, source, owner: None, observed_at_ms, received_at_ms, partial: true, facts })
}

/// The device of the connection, and the body of a call whose node key is that of its enrolment.
fn node<T: DeserializeOwned>(asking: &Asking<'_>) -> Result<(Arc<str>, T), Answer> {
    let device = device(asking)?;
    let body = inflated(asking)?;
    let NodeRequest { node_key } = parse(&body)?;
    let enrolment = asking.gateway.state.live().enrolments.get(&device);
    let known = enrolment.is_some_and(|enrolment| {
        verify_slices_are_equal(hex_digest(&node_key).as_bytes(), enrolment.node_key_sha256.as_bytes()).is_ok()
    });
    match known {
        true => Ok((device, parse(&body)?)),
        false => Err(invalid(asking, &device, "the node key is not of an enrolment of this device")),
    }
}

fn device(asking: &Asking<'_>) -> Result<Arc<str>, Answer> {
    asking.target().ok_or_else(|| Answer::problem(StatusCode::FORBIDDEN, "the certificate names no device"))
}

/// A node that has to enrol anew. osquery reads the body, whatever the status; the record has the status.
fn invalid(asking: &Asking<'_>, device: &str, why: &str) -> Answer {
    tracing::warn!(device, by = %asking.by(), why, "an osquery node is not valid");
    let settings = &asking.gateway.snapshot.load().config.posture;
    if let Some(source) = sources::osquery(settings) {
        asking.gateway.metrics.posture().refused(&source.name, "node_invalid");
    }
    Answer::json(StatusCode::UNAUTHORIZED, &NodeResponse::INVALID)
}

fn body<T: DeserializeOwned>(asking: &Asking<'_>) -> Result<T, Answer> {
    parse(&inflated(asking)?)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    serde_json::from_slice(body)
        .map_err(|error| Answer::problem(StatusCode::BAD_REQUEST, format!("this is no call of osquery's: {error}")))
}

/// The body as it was before `Content-Encoding` (RFC 9110 §8.4).
fn inflated(asking: &Asking<'_>) -> Result<Vec<u8>, Answer> {
    match asking.headers.get(CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity") => Ok(asking.body.to_vec()),
        Some(b"gzip") => inflate(&asking.body),
        Some(_) => Err(Answer::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "only `gzip` can be decoded")),
    }
}

fn inflate(body: &[u8]) -> Result<Vec<u8>, Answer> {
    let mut inflated = Vec::new();
    let read = GzDecoder::new(body).take(MAX_INFLATED_BYTES + 1).read_to_end(&mut inflated);
    read.map_err(|error| Answer::problem(StatusCode::BAD_REQUEST, format!("this is not gzip: {error}")))?;
    match inflated.len() as u64 > MAX_INFLATED_BYTES {
        true => Err(Answer::problem(StatusCode::PAYLOAD_TOO_LARGE, format!("more than {MAX_INFLATED_BYTES} bytes"))),
        false => Ok(inflated),
    }
}

fn is_secret(given: &str, expected_digest: &[u8]) -> bool {
    verify_slices_are_equal(digest(&SHA256, given.trim().as_bytes()).as_ref(), expected_digest).is_ok()
}

fn node_key() -> Option<String> {
    let mut bytes = [0; NODE_KEY_BYTES];
    rand::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

/// SHA-256, lower-case hexadecimal.
fn hex_digest(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_inflates_without_end_is_refused() {
        let pack = |bytes: &[u8]| {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(bytes).unwrap();
            packed.finish().unwrap()
        };
        assert_eq!(inflate(&pack(b"{}")).unwrap(), b"{}");
        let bomb = vec![0; usize::try_from(MAX_INFLATED_BYTES).unwrap() + 1];
        assert_eq!(inflate(&pack(&bomb)).unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(inflate(b"{}").unwrap_err().status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn node_keys_are_long_and_differ() {
        let (one, other) = (node_key().unwrap(), node_key().unwrap());
        assert_eq!((one.len(), one == other), (43, false));
        assert_eq!(hex_digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
