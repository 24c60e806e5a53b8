//! `[[posture.source]]` and `[posture.osquery]`: who may report what of devices.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use gaccong_policy::PrincipalKind;

use super::clients::identifier;
use super::decision::{fact_name, max_ages};
use super::reader::{Table, Text, file_at};
use super::source::{Spot, read_bytes_bounded};
use crate::facts::posture::FactName;
use crate::request::identify::Subject;

/// The rank of a source that says nothing else: the middle.
pub const DEFAULT_RANK: u16 = 100;

const HOUR_S: u64 = 3_600;
/// No honest secret is longer.
const MAX_SECRET_BYTES: u64 = 4_096;

/// `[[posture.source]]`: a source of facts.
#[derive(Debug, Clone, PartialEq)]
pub struct PostureSource {
    /// `name`: what policies, records and metrics call it.
    pub name: Arc<str>,
    /// `who`: the callers that it is.
    pub who: Vec<Reporter>,
    /// `rank`: of fresh facts of one name those of the smallest count. Default 100.
    pub rank: u16,
    /// `facts`: those that it may report. Default all.
    pub facts: Vec<FactName>,
    /// `max_age_s.default`: how old its facts may become. Default as in `[posture]`.
    pub default_max_age: Option<Duration>,
    /// `max_age_s.<fact>`: by fact.
    pub max_age: BTreeMap<FactName, Duration>,
    /// `reports_per_min`: calls of one caller. Default 60.
    pub reports_per_min: u32,
    /// `hold_share`, `hold_window_s`, `hold_min_devices`: when it is held. `None` where `hold_share` is 0, the default
    /// for those who report only of themselves.
    pub hold: Option<HoldRule>,
}

/// A caller that is a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reporter {
    /// `devices`: every device, for itself.
    Devices,
    /// `osquery`: what comes in by osquery's remote API, each device for itself.
    Osquery,
    /// `signals`: the stream of signals of the source's name.
    Signals,
    /// `trust:NAME`: whoever has a certificate of that trust domain.
    TrustDomain(Arc<str>),
    /// `user:ID`, `workload:ID`.
    Principal(Subject),
}

/// When a source changes so much that a person must look first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HoldRule {
    /// The share of the devices it knows. Default 0.25.
    pub share: f64,
    /// How long changes are counted. Default 10 min.
    pub window: Duration,
    /// With fewer devices a share says nothing. Default 10.
    pub min_devices: usize,
}

/// `[posture.osquery]`: osquery's remote API.
#[derive(Debug, Clone, PartialEq)]
pub struct Osquery {
    /// `enroll_secret`: the digest of the secret in that file, which enrolment then needs beside the certificate.
    pub enroll_secret: Option<Arc<[u8]>>,
    /// `edr_processes`: of which one must run for `edr_running` to be true. Default none: nothing is asked.
    pub edr_processes: Vec<String>,
    /// `interval_s`: how often each question is asked. Default 5 min.
    pub interval: Duration,
}

impl Default for Osquery {
    fn default() -> Self {
        Self { enroll_secret: None, edr_processes: Vec::new(), interval: Duration::from_secs(300) }
    }
}

/// Sources, and where the trust domains stand that they name.
pub(super) struct Read<'a> {
    pub(super) sources: Vec<PostureSource>,
    pub(super) trust: Vec<(Arc<str>, Spot<'a>)>,
}

/// Reads all sources and adds those that need not be written: devices are the source `agent` for themselves, and osquery
/// is the source `osquery`.
pub(super) fn sources(tables: Vec<Table<'_>>) -> Read<'_> {
    let mut read = Read { sources: Vec::new(), trust: Vec::new() };
    for table in tables {
        let spot = table.spot;
        let Some(source) = source(table, &mut read.trust) else { continue };
        match read.sources.iter().any(|other| other.name == source.name) {
            true => spot.error(format!("there is already a source `{}`", source.name), "another name"),
            false => read.sources.push(source),
        }
    }
    for (name, reporter) in [("agent", Reporter::Devices), ("osquery", Reporter::Osquery)] {
        let known = |source: &PostureSource| &*source.name == name || source.who.contains(&reporter);
        if !read.sources.iter().any(known) {
            read.sources.push(PostureSource::of_itself(name, reporter));
        }
    }
    read
}

impl PostureSource {
    fn of_itself(name: &str, reporter: Reporter) -> Self {
        Self {
            name: name.into(),
            who: vec![reporter],
            rank: DEFAULT_RANK,
            facts: FactName::ALL.to_vec(),
            default_max_age: None,
            max_age: BTreeMap::new(),
            reports_per_min: 60,
            hold: None,
        }
    }

    /// A stream of signals, where no source of its name says otherwise: it reports of others.
    pub fn of_stream(name: &Arc<str>) -> Self {
        let hold = HoldRule { share: 0.25, window: Duration::from_secs(600), min_devices: 10 };
        Self { name: Arc::clone(name), who: Vec::new(), hold: Some(hold), ..Self::of_itself("", Reporter::Devices) }
    }

    /// How old a fact of this source may become, where that differs from what holds for all sources.
    pub fn max_age_of(&self, fact: FactName) -> Option<Duration> {
        self.max_age.get(&fact).copied().or(self.default_max_age)
    }
}

fn source<'a>(mut table: Table<'a>, trust: &mut Vec<(Arc<str>, Spot<'a>)>) -> Option<PostureSource> {
    let name = table.required_text("name");
    let who: Vec<_> = table.required_texts("who").iter().filter_map(|text| reporter(text, trust)).collect();
    let rank = table.count("rank", DEFAULT_RANK.into(), 0..=1_000);
    let facts: Vec<_> = table.texts("facts").iter().filter_map(fact_name).collect();
    let ages = table.table("max_age_s").map(|ages| (ages.has("default"), max_ages(ages)));
    let reports_per_min = table.count("reports_per_min", 60, 1..=1_000_000);
    let of_others = who.iter().any(|reporter| !matches!(reporter, Reporter::Devices | Reporter::Osquery));
    let share = table.fraction("hold_share", if of_others { 0.25 } else { 0.0 });
    let window = table.seconds("hold_window_s", 600, 1..=24 * HOUR_S);
    let min_devices = table.size("hold_min_devices", 10, 1..=1_000_000);
    table.finish();

    let (default_max_age, max_age) = match ages {
        Some((true, (default, by_fact))) => (Some(default), by_fact),
        Some((false, (_, by_fact))) => (None, by_fact),
        None => (None, BTreeMap::new()),
    };
    Some(PostureSource {
        name: identifier(&name?)?,
        who,
        rank: u16::try_from(rank).unwrap_or(DEFAULT_RANK),
        facts: if facts.is_empty() { FactName::ALL.to_vec() } else { facts },
        default_max_age,
        max_age,
        reports_per_min,
        hold: (share > 0.0).then_some(HoldRule { share, window, min_devices }),
    })
}

fn reporter<'a>(text: &Text<'a>, trust: &mut Vec<(Arc<str>, Spot<'a>)>) -> Option<Reporter> {
    const EXPECTED: &str = "`devices`, `osquery`, `signals`, `trust:NAME`, `user:ID` or `workload:ID`";
    let principal = |kind, id: &str| Some(Reporter::Principal(Subject { kind, id: id.into() }));
    match text.split_once(':') {
        None if &**text == "devices" => Some(Reporter::Devices),
        None if &**text == "osquery" => Some(Reporter::Osquery),
        None if &**text == "signals" => Some(Reporter::Signals),
        Some(("trust", name)) => {
            trust.push((name.into(), text.spot));
            Some(Reporter::TrustDomain(name.into()))
        }
        Some(("user", id)) if !id.is_empty() => principal(PrincipalKind::User, id),
        Some(("workload", id)) if !id.is_empty() => principal(PrincipalKind::Workload, id),
        _ => text.refuse(format!("`{}` names no caller", &**text), EXPECTED),
    }
}

/// `[posture.osquery]`
pub(super) fn osquery(mut table: Table<'_>) -> Osquery {
    let secret = table.text("enroll_secret");
    let edr_processes = table.texts("edr_processes").iter().filter_map(process_name).collect();
    let interval = table.seconds("interval_s", 300, 10..=24 * HOUR_S);
    table.finish();
    Osquery { enroll_secret: secret.and_then(|text| secret_digest(&text)), edr_processes, interval }
}

/// It becomes part of a query.
fn process_name(text: &Text<'_>) -> Option<String> {
    let good = (1..=128).contains(&text.len()) && !text.chars().any(char::is_control);
    if good { Some((**text).to_owned()) } else { text.refuse("this is no name of a process", "1 to 128 bytes") }
}

/// The digest of what stands in `file:…`, without the end of its line.
fn secret_digest(text: &Text<'_>) -> Option<Arc<[u8]>> {
    let Some(name) = text.strip_prefix("file:") else {
        return text.refuse("a secret needs a scheme that says where it is", format!("`file:{}`", &**text));
    };
    let path = file_at(text, name)?;
    match read_bytes_bounded(&path, MAX_SECRET_BYTES) {
        Ok(secret) if !secret.trim_ascii().is_empty() => Some(digest(&SHA256, secret.trim_ascii()).as_ref().into()),
        Ok(_) => text.refuse("the secret is empty", ""),
        Err(error) => text.refuse(format!("cannot read the secret: {error}"), ""),
    }
}
