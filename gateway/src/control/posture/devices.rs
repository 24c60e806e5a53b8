//! `/v1/devices`: what is known of devices, by the posture file and by reports.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::{Answer, Asking};
use crate::clock;
use crate::facts::posture::{DevicePosture, Fact, FactValue};
use crate::request::decide;

/// Devices of one page.
const PAGE: usize = 1_000;

/// A page of devices, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::control) struct Devices {
    devices: Vec<Listed>,
    /// Where more follow: what to ask for next, as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Arc<str>>,
}

/// A device in a list.
#[derive(Debug, Serialize, ToSchema)]
struct Listed {
    /// Its name in its certificate.
    id: Arc<str>,
    /// The person that it is assigned to.
    owner: Option<Arc<str>>,
    /// The facts that policy sees now.
    #[schema(value_type = Object)]
    facts: BTreeMap<&'static str, FactValue>,
    /// Who has reported of it.
    sources: Vec<Arc<str>>,
}

/// All that is known of a device.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::control) struct Device {
    /// Its name in its certificate.
    id: Arc<str>,
    /// The person that it is assigned to.
    owner: Option<Arc<str>>,
    /// Every fact of every source; of one name, that which counts while it is fresh comes first.
    facts: Vec<Shown>,
}

/// A reported fact.
#[derive(Debug, Serialize, ToSchema)]
struct Shown {
    name: &'static str,
    #[schema(value_type = Object)]
    value: FactValue,
    /// Who reported it.
    source: Option<Arc<str>>,
    /// When it was observed (RFC 3339).
    observed_at: String,
    /// How old it may become, seconds.
    max_age_s: i64,
    /// Whether it is the one that policy sees now.
    counts: bool,
}

pub(in crate::control) fn list(asking: &Asking<'_>) -> Answer {
    let after = asking.only("after").unwrap_or_default();
    let (snapshot, live) = (asking.gateway.snapshot.load(), asking.gateway.state.live());
    let mut ids: Vec<Arc<str>> = live.posture.all().into_iter().map(|(id, _)| id).collect();
    ids.extend(snapshot.posture.devices().map(|(id, _)| id.into()));
    ids.retain(|id| **id > *after);
    ids.sort_unstable();
    ids.dedup();
    let more = ids.len() > PAGE;
    ids.truncate(PAGE);
    let next = ids.last().filter(|_| more).cloned();
    let now_ms = clock::now_ms();
    let listed = |id: Arc<str>| decide::posture(&snapshot, live, &id).map(|posture| Listed::of(id, &posture, now_ms));
    Answer::of(&Devices { devices: ids.into_iter().filter_map(listed).collect(), next })
}

pub(in crate::control) fn show(asking: &Asking<'_>) -> Answer {
    let Some(id) = asking.target() else { return Answer::problem(StatusCode::BAD_REQUEST, "no device is named") };
    match decide::posture(&asking.gateway.snapshot.load(), asking.gateway.state.live(), &id) {
        Some(posture) => Answer::of(&Device::of(id, &posture, clock::now_ms())),
        None => Answer::problem(StatusCode::NOT_FOUND, format!("nothing is known of device `{id}`")),
    }
}

impl Listed {
    fn of(id: Arc<str>, posture: &DevicePosture, now_ms: i64) -> Self {
        let facts = posture.counting(now_ms).map(|fact| (fact.name.as_str(), fact.value.clone())).collect();
        let mut sources: Vec<_> = posture.facts().iter().filter_map(|fact| fact.source.clone()).collect();
        sources.sort_unstable();
        sources.dedup();
        Self { id, owner: posture.owner.clone(), facts, sources }
    }
}

impl Device {
    fn of(id: Arc<str>, posture: &DevicePosture, now_ms: i64) -> Self {
        let counts = |fact: &Fact| posture.counting(now_ms).any(|counting| std::ptr::eq(counting, fact));
        let shown = |fact: &Fact| Shown {
            name: fact.name.as_str(),
            value: fact.value.clone(),
            source: fact.source.clone(),
            observed_at: Timestamp::from_millisecond(fact.observed_at_ms).unwrap_or_default().to_string(),
            max_age_s: fact.max_age_ms / 1000,
            counts: counts(fact),
        };
        Self { id, owner: posture.owner.clone(), facts: posture.facts().iter().map(shown).collect() }
    }
}
