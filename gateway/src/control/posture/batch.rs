//! `POST /v1/posture`: what a device manager knows of its whole fleet, in the form of the posture file.

use std::sync::Arc;
use std::time::Duration;

use gaccong_policy::Decision;
use http::StatusCode;
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::super::{Answer, Asking};
use super::submit::{Untaken, submit};
use super::{bound, made, malformed, sources};
use crate::config::{self, PostureSource};
use crate::facts::posture::wire::{self, Reported};
use crate::facts::snapshot::{Listener, Snapshot};
use crate::request::decide::{Asked, Target};
use crate::state::Report;

/// Devices of one batch.
const MAX_DEVICES: usize = 100_000;
/// Devices that the answer names as refused; the rest are counted.
const MAX_NAMED: usize = 1_000;

/// When to come again.
const BUSY: Duration = Duration::from_secs(1);

/// Batches that are read at one time: each may take several times its size in memory.
static AT_WORK: Semaphore = Semaphore::const_new(1);

/// What became of a batch.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::control) struct TakenBatch {
    /// The source that it counts as.
    source: Arc<str>,
    /// Devices whose report is kept and in force.
    taken: usize,
    /// Devices of which the source had reported something newer.
    outdated: usize,
    /// Devices that policy lets this caller not report for.
    refused: usize,
    /// The first of those.
    refused_devices: Vec<Arc<str>>,
    /// The commit of the store that keeps the last of them.
    store_serial: u64,
}

/// A batch once it is read: what policy lets through, as one source's.
struct Batch {
    source: Arc<PostureSource>,
    reports: Vec<Report>,
    refused: Vec<Arc<str>>,
}

pub(in crate::control) async fn report_many(asking: &Asking<'_>) -> Answer {
    let Ok(_permit) = AT_WORK.try_acquire() else {
        let busy = "another batch is being read";
        return Answer::known_problem(StatusCode::TOO_MANY_REQUESTS, "source.busy", busy).retry_after(BUSY);
    };
    let (gateway, asked, body) = (Arc::clone(asking.gateway), Arc::clone(&asking.live.asked), asking.body.clone());
    let named = asking.only("source");
    let read = move || read(&gateway.snapshot.load(), &asked, named.as_deref(), &body);
    let batch = match tokio::task::spawn_blocking(read).await {
        Ok(Ok(batch)) => batch,
        Ok(Err(answer)) => return answer,
        Err(error) => return Answer::problem(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    };
    if let Err(untaken) = bound(asking, &batch.source) {
        return untaken.answer();
    }
    let Batch { source, reports, mut refused } = batch;
    match submit(asking.gateway, &source, reports, asking.received).await {
        Err(untaken) => untaken.answer(),
        Ok(taken) => {
            let count = refused.len();
            refused.truncate(MAX_NAMED);
            Answer::of(&TakenBatch {
                source: Arc::clone(&source.name),
                taken: taken.taken,
                outdated: taken.outdated,
                refused: count,
                refused_devices: refused,
                store_serial: taken.serial,
            })
        }
    }
}

fn read(snapshot: &Snapshot, asked: &Arc<Asked>, named: Option<&str>, body: &[u8]) -> Result<Batch, Answer> {
    let reported = wire::batch(body, MAX_DEVICES).map_err(|error| malformed(&error))?;
    let Some(resource) = snapshot.resource(Listener::Control, &asked.host) else {
        return Err(Answer::problem(StatusCode::NOT_FOUND, "the control API has moved"));
    };
    let (mut reports, mut refused, mut source) = (Vec::with_capacity(reported.len()), Vec::new(), None);
    // One question, asked again for each device.
    let mut question = Asked::clone(asked);
    for (device, reported) in reported {
        question.target = Some(Arc::new(Target { kind: "device", id: Arc::clone(&device) }));
        if matches!(resource.policies.decide(&question.question(), config::Mode::Enforce), Decision::Deny(_)) {
            refused.push(device);
            continue;
        }
        let found = one_source(&snapshot.config.posture, asked, &device, named, &reported, &mut source)?;
        reports.push(made(reported, device, &found));
    }
    let source = source.or_else(|| sources::of_caller(&snapshot.config.posture, asked, "", named).cloned());
    match source {
        Some(source) => Ok(Batch { source, reports, refused }),
        None => Err(Untaken::NoSource {
            caller: Arc::clone(&asked.principal.id),
            device: "any device".into(),
            named: named.map(str::to_owned),
        }
        .answer()),
    }
}

/// The source of a device's report, which must be that of all others in the batch.
fn one_source(
    settings: &config::Posture,
    asked: &Asked,
    device: &Arc<str>,
    named: Option<&str>,
    reported: &Reported,
    source: &mut Option<Arc<PostureSource>>,
) -> Result<Arc<PostureSource>, Answer> {
    let named = reported.source.as_ref().map(|source| &*source.0).or(named);
    let Some(found) = sources::of_caller(settings, asked, device, named) else {
        let named = named.map(str::to_owned);
        let caller = Arc::clone(&asked.principal.id);
        return Err(Untaken::NoSource { caller, device: Arc::clone(device), named }.answer());
    };
    match source {
        Some(first) if first.name != found.name => {
            let detail = format!("a batch is of one source: this is of `{}` and `{}`", first.name, found.name);
            Err(Answer::known_problem(StatusCode::UNPROCESSABLE_ENTITY, "report.invalid", detail))
        }
        _ => Ok(Arc::clone(source.get_or_insert_with(|| Arc::clone(found)))),
    }
}
