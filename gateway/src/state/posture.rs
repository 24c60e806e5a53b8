//! What was reported of devices: the last report of each source, and what it comes to.

use std::sync::Arc;

use super::change::Outcome;
use super::entry::{Report, ReportedFact};
use crate::config;
use crate::facts::posture::{DevicePosture, Fact};

/// The reports by device.
#[derive(Debug, Default)]
pub struct Reports(papaya::HashMap<Arc<str>, Arc<Reported>>);

/// What was reported of one device.
#[derive(Debug, Default)]
pub struct Reported {
    /// The last report of each source.
    pub reports: Vec<Arc<Report>>,
    /// What they come to.
    pub posture: Arc<DevicePosture>,
}

impl Reported {
    fn of(mut reports: Vec<Arc<Report>>, settings: &config::Posture) -> Self {
        reports.sort_by_key(|report| settings.rank_of(Some(&report.source)));
        let owner = reports.iter().find_map(|report| report.owner.clone());
        let facts = reports.iter().flat_map(|report| report.facts.iter().map(|fact| judge(fact, report, settings)));
        let posture = Arc::new(DevicePosture::new(owner, facts));
        Self { reports, posture }
    }

    /// The last report of a source.
    pub fn by(&self, source: &str) -> Option<&Arc<Report>> {
        self.reports.iter().find(|report| &*report.source == source)
    }
}

fn judge(fact: &ReportedFact, report: &Report, settings: &config::Posture) -> Fact {
    let configured = settings.max_age_of(fact.name, Some(&report.source)).as_millis();
    let configured_ms = i64::try_from(configured).unwrap_or(i64::MAX);
    // Who reports may say that a fact dies sooner, not that it lives longer.
    let max_age_ms = fact.max_age_s.map_or(configured_ms, |seconds| configured_ms.min(i64::from(seconds) * 1000));
    Fact {
        name: fact.name,
        value: fact.value.clone(),
        source: Some(Arc::clone(&report.source)),
        rank: settings.rank_of(Some(&report.source)),
        observed_at_ms: fact.observed_at_ms,
        max_age_ms,
    }
}

impl Reports {
    /// What was reported of a device comes to this.
    pub fn of(&self, device: &str) -> Option<Arc<DevicePosture>> {
        if self.0.is_empty() {
            return None;
        }
        self.0.pin().get(device).map(|reported| Arc::clone(&reported.posture))
    }

    /// What was reported of a device, report by report.
    pub fn reported(&self, device: &str) -> Option<Arc<Reported>> {
        self.0.pin().get(device).cloned()
    }

    /// Every device of which something was reported, as of now.
    pub fn all(&self) -> Vec<(Arc<str>, Arc<Reported>)> {
        self.0.pin().iter().map(|(device, reported)| (Arc::clone(device), Arc::clone(reported))).collect()
    }

    /// Of how many devices a source has reported.
    pub fn reported_by(&self, source: &str) -> usize {
        self.0.pin().values().filter(|reported| reported.by(source).is_some()).count()
    }

    /// When the oldest fact was observed, milliseconds since the Unix epoch.
    pub fn oldest_ms(&self) -> Option<i64> {
        self.0.pin().values().filter_map(|reported| reported.posture.oldest_ms()).min()
    }

    /// How many devices there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives a report of some facts those of the one before, or finds it older than that.
    pub(super) fn complete(&self, report: &mut Report) -> Outcome {
        let Some(reported) = self.reported(&report.device) else { return Outcome::Applied };
        let Some(before) = reported.by(&report.source) else { return Outcome::Applied };
        if !report.partial {
            let newer = report.observed_at_ms >= before.observed_at_ms;
            return if newer { Outcome::Applied } else { Outcome::Outdated };
        }
        let mut facts = before.facts.clone();
        let mut news = false;
        for fact in std::mem::take(&mut report.facts) {
            match facts.iter_mut().find(|known| known.name == fact.name) {
                Some(known) if known.observed_at_ms > fact.observed_at_ms => continue,
                Some(known) => *known = fact,
                None => facts.push(fact),
            }
            news = true;
        }
        report.facts = facts;
        report.observed_at_ms = report.observed_at_ms.max(before.observed_at_ms);
        if news { Outcome::Applied } else { Outcome::Outdated }
    }

    pub(super) fn put(&self, report: Report, settings: &config::Posture) {
        let device = Arc::clone(&report.device);
        let mut reports = self.others(&device, &report.source);
        reports.push(Arc::new(report));
        self.0.pin().insert(device, Arc::new(Reported::of(reports, settings)));
    }

    pub(super) fn forget(&self, device: &Arc<str>, source: &str, settings: &config::Posture) {
        let reports = self.others(device, source);
        if reports.is_empty() {
            self.0.pin().remove(device);
        } else {
            self.0.pin().insert(Arc::clone(device), Arc::new(Reported::of(reports, settings)));
        }
    }

    /// What the reports come to under other settings.
    pub(super) fn judge_again(&self, settings: &config::Posture) {
        for (device, reported) in self.all() {
            self.0.pin().insert(device, Arc::new(Reported::of(reported.reports.clone(), settings)));
        }
    }

    fn others(&self, device: &str, source: &str) -> Vec<Arc<Report>> {
        let Some(reported) = self.reported(device) else { return Vec::new() };
        reported.reports.iter().filter(|report| &*report.source != source).cloned().collect()
    }
}
