//! How reports are taken, whichever way they came: bounded, checked, held back where a source changes too much, and kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use jiff::Timestamp;

use super::window;
use crate::clock;
use crate::config::PostureSource;
use crate::control::Answer;
use crate::facts::posture::{CLOCK_SKEW_MS, FactName};
use crate::gateway::Gateway;
use crate::state::{Change, Hold, MAX_CHANGES, Outcome, Report};
use crate::store::StoreError;

/// Why reports are not taken.
#[derive(Debug, thiserror::Error)]
pub(in crate::control) enum Untaken {
    /// The caller is not this source, or no source at all.
    #[error("`{caller}` is no source of facts of `{device}`{}: see `[[posture.source]]`", .named.as_ref().map(|name| format!(" called `{name}`")).unwrap_or_default())]
    NoSource { caller: Arc<str>, device: Arc<str>, named: Option<String> },
    /// The caller calls too often.
    #[error("too many reports; again in {} s", .0.as_secs() + 1)]
    TooOften(Duration),
    /// It was observed later than now.
    #[error("`{device}` was observed at {observed_at}, which is in the future by the gateway's clock ({now})")]
    Future { device: Arc<str>, observed_at: Timestamp, now: Timestamp },
    /// The source may not report this fact.
    #[error("the source `{source_name}` may not report `{}`", .fact.as_str())]
    Fact { source_name: Arc<str>, fact: FactName },
    /// Something newer is known.
    #[error("of `{0}` this source has reported something newer")]
    Outdated(Arc<str>),
    /// The source is held.
    #[error("the source `{source_name}` is held: {cause}; a person must release it")]
    Held { source_name: Arc<str>, cause: Arc<str> },
    /// It cannot be kept.
    #[error("{0}")]
    NotKept(#[from] StoreError),
}

impl Untaken {
    /// The word for metrics and for programs.
    pub(in crate::control) fn code(&self) -> &'static str {
        match self {
            Self::NoSource { .. } => "source.unknown",
            Self::TooOften(_) => "source.rate",
            Self::Future { .. } => "report.future",
            Self::Fact { .. } => "report.fact",
            Self::Outdated(_) => "report.outdated",
            Self::Held { .. } => "source.held",
            Self::NotKept(_) => "report.not_kept",
        }
    }

    /// The answer to a call.
    pub(in crate::control) fn answer(&self) -> Answer {
        let status = match self {
            Self::NoSource { .. } | Self::Fact { .. } => StatusCode::FORBIDDEN,
            Self::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Future { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Outdated(_) | Self::Held { .. } => StatusCode::CONFLICT,
            Self::NotKept(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let answer = Answer::known_problem(status, self.code(), self.to_string());
        match self {
            Self::TooOften(wait) => answer.retry_after(*wait),
            _ => answer,
        }
    }
}

/// What became of reports.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::control) struct Taken {
    /// Devices whose report is kept and in force.
    pub(in crate::control) taken: usize,
    /// Devices of which the source had reported something newer.
    pub(in crate::control) outdated: usize,
    /// The commit of the store that has the last of them.
    pub(in crate::control) serial: u64,
}

/// Takes reports of one source. More than [`MAX_CHANGES`] are kept in several commits; if one fails, those before it stay,
/// and the same reports may be sent again.
pub(in crate::control) async fn submit(
    gateway: &Gateway,
    source: &PostureSource,
    reports: Vec<Report>,
    received: Instant,
) -> Result<Taken, Untaken> {
    let result = match reports.iter().try_for_each(|report| check(source, report)) {
        Ok(()) => keep(gateway, source, reports, received).await,
        Err(untaken) => Err(untaken),
    };
    match &result {
        Ok(taken) => gateway.metrics.posture().taken(&source.name, taken.taken, taken.outdated),
        Err(untaken) => gateway.metrics.posture().refused(&source.name, untaken.code()),
    }
    result
}

fn check(source: &PostureSource, report: &Report) -> Result<(), Untaken> {
    let now_ms = clock::now_ms();
    let times = report.facts.iter().map(|fact| fact.observed_at_ms).chain([report.observed_at_ms]);
    if let Some(future_ms) = times.max().filter(|at_ms| *at_ms > now_ms.saturating_add(CLOCK_SKEW_MS)) {
        let timestamp = |ms| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
        let device = Arc::clone(&report.device);
        return Err(Untaken::Future { device, observed_at: timestamp(future_ms), now: timestamp(now_ms) });
    }
    match report.facts.iter().find(|fact| !source.facts.contains(&fact.name)) {
        None => Ok(()),
        Some(fact) => Err(Untaken::Fact { source_name: Arc::clone(&source.name), fact: fact.name }),
    }
}

async fn keep(
    gateway: &Gateway,
    source: &PostureSource,
    reports: Vec<Report>,
    received: Instant,
) -> Result<Taken, Untaken> {
    if let Some(hold) = too_much(gateway, source, &reports) {
        let untaken = Untaken::Held { source_name: Arc::clone(&hold.source), cause: Arc::clone(&hold.cause) };
        if gateway.state.live().holds.get(&hold.source).is_none() {
            tracing::error!(source = %hold.source, cause = %hold.cause, "a source of posture is held");
            gateway.state.change(vec![Change::Hold(hold)], received).await?;
        }
        return Err(untaken);
    }
    let new = reports.iter().filter(|report| last(gateway, report).is_none()).count();
    let mut taken = Taken::default();
    let mut reports = reports.into_iter().map(Change::Report);
    loop {
        let changes: Vec<_> = reports.by_ref().take(MAX_CHANGES).collect();
        if changes.is_empty() {
            break;
        }
        let applied = gateway.state.change(changes, received).await?;
        let outdated = applied.outcomes.iter().filter(|outcome| **outcome == Outcome::Outdated).count();
        taken.taken += applied.outcomes.len() - outdated;
        taken.outdated += outdated;
        taken.serial = applied.serial;
    }
    gateway.sources.knows(&source.name, isize::try_from(new).unwrap_or_default());
    Ok(taken)
}

/// Holds a stream of signals that would change too much of what it said of devices; why it is held.
///
/// # Errors
/// That cannot be kept.
pub(crate) async fn hold_stream(
    gateway: &Gateway,
    stream: &Arc<str>,
    reports: &[Report],
    received: Instant,
) -> Result<Option<Arc<str>>, StoreError> {
    let snapshot = gateway.snapshot.load_full();
    let named = snapshot.config.posture.sources.iter().find(|source| source.name == *stream).cloned();
    let source = named.unwrap_or_else(|| Arc::new(PostureSource::of_stream(stream)));
    let Some(hold) = too_much(gateway, &source, reports) else {
        let new = reports.iter().filter(|report| last(gateway, report).is_none()).count();
        gateway.sources.knows(stream, isize::try_from(new).unwrap_or_default());
        return Ok(None);
    };
    let cause = Arc::clone(&hold.cause);
    if gateway.state.live().holds.get(stream).is_none() {
        tracing::error!(source = %stream, %cause, "a source of posture is held");
        gateway.state.change(vec![Change::Hold(hold)], received).await?;
    }
    Ok(Some(cause))
}

/// Why the source is held, or would have to be with these reports. Reports that change nothing always pass.
fn too_much(gateway: &Gateway, source: &PostureSource, reports: &[Report]) -> Option<Hold> {
    let changes = |report: &&Report| last(gateway, report).is_some_and(|before| window::changes(&before, report));
    let changed: Vec<_> = reports.iter().filter(changes).map(|report| Arc::clone(&report.device)).collect();
    if changed.is_empty() {
        return None;
    }
    if let Some(hold) = gateway.state.live().holds.get(&source.name) {
        return Some(Hold::clone(&hold));
    }
    let rule = source.hold?;
    let (changed, known) = gateway.sources.change(source, rule, &changed, gateway.state.live()).err()?;
    let window_s = rule.window.as_secs();
    let cause = format!("it would have changed {changed} of its {known} devices within {window_s} s");
    Some(Hold { source: Arc::clone(&source.name), cause: cause.into(), at_ms: clock::now_ms() })
}

/// The last report of the same source on the same device.
fn last(gateway: &Gateway, report: &Report) -> Option<Arc<Report>> {
    gateway.state.live().posture.reported(&report.device)?.by(&report.source).cloned()
}
