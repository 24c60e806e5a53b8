//! Calls about devices: what sources report of them, and what is known.

mod batch;
mod devices;
pub mod osquery;
mod release;
pub mod sources;
mod submit;
mod window;

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

pub(super) use batch::{TakenBatch, report_many};
pub(super) use devices::{Device, Devices, list, show};
pub(super) use release::release;

use super::{Answer, Asking};
use crate::clock;
use crate::config::PostureSource;
use crate::facts::posture::wire::{self, Reported};
use crate::state::{Change, Report};
pub(crate) use submit::hold_stream;
use submit::{Taken, Untaken, submit};

/// Facts of a device: `{"observed_at": "2026-11-22T08:00:00Z", "facts": {"disk_encrypted": true}}`, as an entry of the
/// posture file. `source` names one of several sources that the caller may be.
#[derive(Debug, ToSchema)]
#[schema(value_type = Object)]
#[expect(dead_code, reason = "a shape of the document only")]
pub(super) struct Facts(serde_json::Value);

/// Facts of devices, in the form of the posture file.
#[derive(Debug, ToSchema)]
#[schema(value_type = Object)]
#[expect(dead_code, reason = "a shape of the document only")]
pub(super) struct Fleet(serde_json::Value);

/// A report that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TakenReport {
    /// The source that it counts as.
    source: Arc<str>,
    /// The commit of the store that keeps it.
    store_serial: u64,
}

/// `PUT /v1/devices/{id}/posture`: the facts of a device, in place of those that the same source reported before.
pub(super) async fn report(asking: &Asking<'_>) -> Answer {
    let Some(device) = asking.target() else { return Answer::problem(StatusCode::BAD_REQUEST, "no device is named") };
    let reported = match wire::report(&asking.body) {
        Ok(reported) => reported,
        Err(error) => return malformed(&error),
    };
    match take(asking, device, reported).await {
        Ok((source, taken)) => Answer::of(&TakenReport { source, store_serial: taken.serial }),
        Err(untaken) => untaken.answer(),
    }
}

async fn take(asking: &Asking<'_>, device: Arc<str>, reported: Reported) -> Result<(Arc<str>, Taken), Untaken> {
    let settings = &asking.gateway.snapshot.load().config.posture;
    let asked = &asking.live.asked;
    let named = reported.source.as_ref().map(|source| &*source.0);
    let source = sources::of_caller(settings, asked, &device, named);
    let Some(source) = source.cloned() else {
        return Err(Untaken::NoSource { caller: asking.by(), device, named: named.map(str::to_owned) });
    };
    bound(asking, &source)?;
    let report = made(reported, Arc::clone(&device), &source);
    let taken = submit(asking.gateway, &source, vec![report], asking.received).await?;
    match taken.outdated {
        0 => Ok((Arc::clone(&source.name), taken)),
        _ => Err(Untaken::Outdated(device)),
    }
}

/// Each caller may call a source's calls so many times a minute.
fn bound(asking: &Asking<'_>, source: &PostureSource) -> Result<(), Untaken> {
    let called = asking.gateway.sources.call(source, &asking.by()).map_err(Untaken::TooOften);
    called.inspect_err(|untaken| asking.gateway.metrics.posture().refused(&source.name, untaken.code()))
}

/// A whole report of a device as a source's.
fn made(reported: Reported, device: Arc<str>, source: &PostureSource) -> Report {
    let received_at_ms = clock::now_ms();
    let observed_at_ms = reported.observed_at.map_or(received_at_ms, |time| time.unix_ms);
    Report {
        device,
        source: Arc::clone(&source.name),
        owner: reported.owner.map(|owner| owner.0),
        observed_at_ms,
        received_at_ms,
        partial: false,
        facts: reported.facts.0.into_iter().map(|fact| fact.observed(observed_at_ms)).collect(),
    }
}

/// A body that is none: what cannot be read is a bad request, what can be read and means nothing cannot be processed.
fn malformed(error: &serde_json::Error) -> Answer {
    let (status, code) = match error.is_data() {
        true => (StatusCode::UNPROCESSABLE_ENTITY, "report.invalid"),
        false => (StatusCode::BAD_REQUEST, "report.malformed"),
    };
    Answer::known_problem(status, code, format!("this is no report: {error}"))
}

/// `DELETE /v1/devices/{id}/posture`: what was reported of a device is forgotten; of one `source`, where the query names one.
pub(super) async fn forget(asking: &Asking<'_>) -> Answer {
    let Some(device) = asking.target() else { return Answer::problem(StatusCode::BAD_REQUEST, "no device is named") };
    let only = asking.only("source");
    let reported = asking.gateway.state.live().posture.reported(&device);
    let reports = reported.iter().flat_map(|reported| &reported.reports);
    let named = reports.filter(|report| only.as_ref().is_none_or(|name| *name == report.source));
    let sources: Vec<_> = named.map(|report| Arc::clone(&report.source)).collect();
    if sources.is_empty() {
        return Answer::problem(StatusCode::NOT_FOUND, format!("nothing was reported of device `{device}`"));
    }
    let forget = |source: &Arc<str>| Change::Forget { device: Arc::clone(&device), source: Arc::clone(source) };
    match asking.gateway.state.change(sources.iter().map(forget).collect(), asking.received).await {
        Err(error) => Answer::not_kept(&error),
        Ok(_) => {
            sources.iter().for_each(|source| asking.gateway.sources.knows(source, -1));
            Answer::done()
        }
    }
}
