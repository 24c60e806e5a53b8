//! Grants for emergencies: their files are read again when something has changed, and whatever comes into force or ends
//! is recorded and logged.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::audit::event::{GrantChange, GrantEvent};
use crate::clock;
use crate::facts::break_glass::{Grants, Signed, Unsigned};
use crate::gateway::Gateway;
use crate::streams::sweep;

/// How often it is looked whether a grant has come into force or ended.
const PERIOD: Duration = Duration::from_millis(250);

/// Reads the grants by the configuration in force. Where they have changed, whatever runs is decided again.
pub fn read_again(gateway: &Gateway) {
    let snapshot = gateway.snapshot.load();
    let grants = snapshot.break_glass.as_ref().map(|settings| Grants::read(&settings.directory, &settings.signers));
    let grants = grants.unwrap_or_default();
    if grants != **gateway.grants.load() {
        gateway.grants.store(Arc::new(grants));
        sweep::decide_all_again(gateway);
    }
}

/// Announces changes of grants until the process ends.
pub async fn run(gateway: Arc<Gateway>) {
    let mut interval = tokio::time::interval(PERIOD);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut announced = Announced::default();
    loop {
        interval.tick().await;
        for event in announced.changes(&gateway.grants.load(), clock::now_ms()) {
            log(&event);
            gateway.audit.put(event);
        }
    }
}

/// What was announced so far.
#[derive(Debug, Default)]
struct Announced {
    in_force: HashMap<Arc<str>, Arc<Signed>>,
    refused: HashSet<Unsigned>,
}

impl Announced {
    /// What has changed since the last time.
    fn changes(&mut self, grants: &Grants, now_ms: i64) -> Vec<GrantEvent> {
        let now: HashMap<_, _> =
            grants.in_force(now_ms).map(|signed| (Arc::clone(&signed.grant.id), Arc::clone(signed))).collect();
        let mut events = Vec::new();
        for (id, signed) in self.in_force.iter().filter(|(id, signed)| now.get(*id) != Some(signed)) {
            let ended = now_ms >= signed.grant.not_after_ms();
            let change = if ended { GrantChange::Ended } else { GrantChange::Withdrawn };
            events.push(GrantEvent::of(change, Arc::clone(id), Some(Arc::clone(signed)), None, now_ms));
        }
        for (id, signed) in now.iter().filter(|(id, signed)| self.in_force.get(*id) != Some(signed)) {
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
        let mut other = fixtures::grant();
        other.signers.pop();
        let mut announced = Announced::default();
        let of = |signed| Grants { signed: vec![Arc::new(signed)], refused: Vec::new() };
        assert_eq!(changes(&mut announced, &of(first), begin), [GrantChange::InForce]);
        assert_eq!(changes(&mut announced, &of(other), begin), [GrantChange::Withdrawn, GrantChange::InForce]);
        let refused = vec![Unsigned { file: "a.json".into(), why: "no".to_owned() }];
        let none = Grants { signed: Vec::new(), refused };
        assert_eq!(changes(&mut announced, &none, begin), [GrantChange::Withdrawn, GrantChange::Refused]);
        assert_eq!(changes(&mut announced, &none, begin), []);
    }
}
