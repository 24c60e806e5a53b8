//! Grants for emergencies: their files are read again when something has changed, and whatever comes into force or ends
//! is recorded and logged.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;

use crate::audit::event::{GrantChange, GrantEvent};
use crate::audit::queue::AuditQueue;
use crate::clock;
use crate::facts::break_glass::{Grants, Signed, Unsigned};
use crate::gateway::Gateway;
use crate::streams::sweep;

/// How often it is looked whether the time of a grant has come, or is over.
const PERIOD: Duration = Duration::from_millis(250);

/// The grants as they were read last, and what was announced of them.
#[derive(Debug, Default)]
pub struct Current {
    grants: ArcSwap<Grants>,
    /// Rises with each change.
    version: AtomicU64,
    announced: Mutex<Announced>,
}

impl Current {
    /// The grants.
    pub fn load(&self) -> Guard<Arc<Grants>> {
        self.grants.load()
    }

    /// The version of the grants.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Logs and records what has changed since it was called last.
    fn announce(&self, audit: &AuditQueue) {
        let mut announced = self.announced.lock();
        for event in announced.changes(&self.grants.load(), clock::now_ms()) {
            log(&event);
            audit.put(event);
        }
    }
}

/// Reads the grants by the configuration in force. Where they have changed, whatever runs is decided again.
pub fn read_again(gateway: &Gateway) {
    let snapshot = gateway.snapshot.load();
    let grants = snapshot.break_glass.as_ref().map(|settings| Grants::read(&settings.directory, &settings.signers));
    let grants = grants.unwrap_or_default();
    if grants != **gateway.grants.load() {
        gateway.grants.grants.store(Arc::new(grants));
        gateway.grants.version.fetch_add(1, Ordering::AcqRel);
        // At once: one that is gone before the next look was in force all the same.
        gateway.grants.announce(&gateway.audit);
        sweep::decide_all_again(gateway);
    }
}

/// Announces that grants come into force and end, until the process ends.
pub async fn run(gateway: Arc<Gateway>) {
    let mut interval = tokio::time::interval(PERIOD);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        gateway.grants.announce(&gateway.audit);
    }
}

/// Grants in force, by their ids.
type InForce = HashMap<Arc<str>, Arc<Signed>>;

/// What was announced so far.
#[derive(Debug, Default)]
struct Announced {
    in_force: InForce,
    refused: HashSet<Unsigned>,
}

impl Announced {
    /// What has changed since the last time.
    fn changes(&mut self, grants: &Grants, now_ms: i64) -> Vec<GrantEvent> {
        let now: InForce =
            grants.in_force(now_ms).map(|signed| (Arc::clone(&signed.grant.id), Arc::clone(signed))).collect();
        let mut events = Vec::new();
        for (id, signed) in self.in_force.iter().filter(|it| !holds(it, &now)) {
            let ended = now_ms >= signed.grant.not_after_ms();
            let change = if ended { GrantChange::Ended } else { GrantChange::Withdrawn };
            events.push(GrantEvent::of(change, Arc::clone(id), Some(Arc::clone(signed)), None, now_ms));
        }
        for (id, signed) in now.iter().filter(|it| !holds(it, &self.in_force)) {
            events.push(GrantEvent::of(GrantChange::InForce, Arc::clone(id), Some(Arc::clone(signed)), None, now_ms));
        }
        for Unsigned { file, why } in grants.refused.iter().filter(|refused| !self.refused.contains(refused)) {
            let file = file.display().to_string();
            events.push(GrantEvent::of(GrantChange::Refused, file.into(), None, Some(why.clone()), now_ms));
        }
        self.in_force = now;
        self.refused = grants.refused.iter().cloned().collect();
        events
    }
}

/// Whether a grant is among these, whoever has signed it.
fn holds((id, signed): &(&Arc<str>, &Arc<Signed>), grants: &InForce) -> bool {
    grants.get(*id).is_some_and(|known| known.grant == signed.grant)
}

fn log(event: &GrantEvent) {
    let GrantEvent { name, why, .. } = event;
    match event.change {
        GrantChange::InForce => tracing::warn!(grant = %name, "break-glass: a grant is in force"),
        GrantChange::Ended => tracing::warn!(grant = %name, "break-glass: a grant has ended"),
        GrantChange::Withdrawn => tracing::warn!(grant = %name, "break-glass: a grant was withdrawn or changed"),
        GrantChange::Refused => {
            tracing::warn!(file = %name, why = why.as_deref(), "break-glass: this is not a good grant");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::fixtures;

    fn changes(announced: &mut Announced, grants: &Grants, now_ms: i64) -> Vec<GrantChange> {
        announced.changes(grants, now_ms).into_iter().map(|event| event.change).collect()
    }

    #[test]
    fn each_change_is_announced_once() {
        let signed = Arc::new(fixtures::grant());
        let (begin, end) = (signed.grant.not_before_ms(), signed.grant.not_after_ms());
        let grants = Grants { signed: vec![signed], refused: Vec::new() };
        let mut announced = Announced::default();
        assert_eq!(changes(&mut announced, &grants, begin - 1), []);
        assert_eq!(changes(&mut announced, &grants, begin), [GrantChange::InForce]);
        assert_eq!(changes(&mut announced, &grants, end - 1), []);
        assert_eq!(changes(&mut announced, &grants, end), [GrantChange::Ended]);
        assert_eq!(changes(&mut announced, &grants, end + 1), []);
    }

    #[test]
    fn what_is_withdrawn_changed_or_refused_is_announced() {
        let first = fixtures::grant();
        let begin = first.grant.not_before_ms();
        let mut signed_by_one_more = fixtures::grant();
        signed_by_one_more.signers.push("hoa".into());
        let mut other = fixtures::grant();
        other.grant.apps.clear();
        let mut announced = Announced::default();
        let of = |signed| Grants { signed: vec![Arc::new(signed)], refused: Vec::new() };
        assert_eq!(changes(&mut announced, &of(first), begin), [GrantChange::InForce]);
        assert_eq!(changes(&mut announced, &of(signed_by_one_more), begin), []);
        assert_eq!(changes(&mut announced, &of(other), begin), [GrantChange::Withdrawn, GrantChange::InForce]);
        let refused = vec![Unsigned { file: "a.json".into(), why: "no".to_owned() }];
        let none = Grants { signed: Vec::new(), refused };
        assert_eq!(changes(&mut announced, &none, begin), [GrantChange::Withdrawn, GrantChange::Refused]);
        assert_eq!(changes(&mut announced, &none, begin), []);
    }
}
