//! How many devices a source has changed lately, so that one that changes half the fleet within minutes is held.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::HoldRule;
use crate::facts::posture::{FactName, FactValue};
use crate::state::{Report, ReportedFact};

const DAY_MS: i64 = 86_400_000;

/// The devices that one source has changed, and when it last did.
#[derive(Debug, Default)]
pub(super) struct Window {
    changed: HashMap<Arc<str>, Instant>,
    /// A person has looked: until then changes are not counted.
    open_until: Option<Instant>,
}

impl Window {
    /// Notes that the source is about to change these devices, unless that would be too many of the `known` ones. Then
    /// nothing is noted, and the number is returned that it would have been.
    pub(super) fn change(
        &mut self,
        devices: &[Arc<str>],
        known: usize,
        rule: HoldRule,
        now: Instant,
    ) -> Result<(), usize> {
        if self.open_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        self.changed.retain(|_, at| now.saturating_duration_since(*at) < rule.window);
        let news = devices.iter().filter(|device| !self.changed.contains_key(*device)).count();
        let total = self.changed.len() + news;
        if known >= rule.min_devices && total as f64 > known as f64 * rule.share {
            return Err(total);
        }
        self.changed.extend(devices.iter().map(|device| (Arc::clone(device), now)));
        Ok(())
    }

    /// A person lets the source go on: what it was held for may come now.
    pub(super) fn open(&mut self, window: Duration, now: Instant) {
        self.changed.clear();
        self.open_until = now.checked_add(window);
    }
}

/// Whether a report says something else of a device than the last one of the same source. What comes with time alone, and
/// what is said for the first time of a device, is no change.
pub(super) fn changes(before: &Report, after: &Report) -> bool {
    let elapsed_ms = after.observed_at_ms.saturating_sub(before.observed_at_ms);
    let changed = |fact: &ReportedFact| {
        let old = before.facts.iter().find(|old| old.name == fact.name);
        old.is_none_or(|old| differ(fact.name, &old.value, &fact.value, elapsed_ms))
    };
    let gone = |old: &&ReportedFact| !after.facts.iter().any(|fact| fact.name == old.name);
    after.facts.iter().any(changed) || (!after.partial && before.facts.iter().any(|old| gone(&old)))
}

fn differ(name: FactName, before: &FactValue, after: &FactValue, elapsed_ms: i64) -> bool {
    match (name, before, after) {
        // Patches grow older by themselves, give or take a day.
        (FactName::PatchAgeDays, FactValue::Long(before), FactValue::Long(after)) => {
            let grown = after.saturating_sub(*before);
            grown < -1 || grown > elapsed_ms / DAY_MS + 1
        }
        _ => before != after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: HoldRule = HoldRule { share: 0.2, window: Duration::from_secs(600), min_devices: 10 };

    fn names(range: std::ops::Range<usize>) -> Vec<Arc<str>> {
        range.map(|number| format!("laptop-{number}").into()).collect()
    }

    #[test]
    fn more_than_the_share_within_the_window_is_too_many() {
        let (mut window, start) = (Window::default(), Instant::now());
        assert_eq!(window.change(&names(0..2), 10, RULE, start), Ok(()));
        assert_eq!(window.change(&names(0..2), 10, RULE, start), Ok(()), "the same devices again");
        assert_eq!(window.change(&names(2..3), 10, RULE, start + RULE.window / 2), Err(3));
        assert_eq!(window.change(&names(2..3), 10, RULE, start + RULE.window), Ok(()), "the window has passed");
    }

    #[test]
    fn one_batch_can_be_too_many() {
        let mut window = Window::default();
        assert_eq!(window.change(&names(0..21), 100, RULE, Instant::now()), Err(21));
        assert_eq!(window.change(&names(0..20), 100, RULE, Instant::now()), Ok(()), "nothing was noted before");
    }

    #[test]
    fn of_few_devices_a_share_says_nothing() {
        assert_eq!(Window::default().change(&names(0..9), 9, RULE, Instant::now()), Ok(()));
    }

    #[test]
    fn who_has_looked_lets_it_pass_for_as_long_as_changes_are_counted() {
        let (mut window, start) = (Window::default(), Instant::now());
        assert_eq!(window.change(&names(0..50), 100, RULE, start), Err(50));
        window.open(RULE.window, start);
        assert_eq!(window.change(&names(0..50), 100, RULE, start), Ok(()));
        assert_eq!(window.change(&names(0..50), 100, RULE, start + RULE.window), Err(50));
    }

    fn report(observed_at_ms: i64, facts: &[(FactName, FactValue)]) -> Report {
        let fact = |(name, value): &(FactName, FactValue)| ReportedFact {
            name: *name,
            value: value.clone(),
            observed_at_ms,
            max_age_s: None,
        };
        Report {
            device: "d".into(),
            source: "mdm".into(),
            owner: None,
            observed_at_ms,
            received_at_ms: observed_at_ms,
            partial: false,
            facts: facts.iter().map(fact).collect(),
        }
    }

    #[test]
    fn what_counts_as_a_change() {
        let yes = |name| (name, FactValue::Bool(true));
        let no = |name| (name, FactValue::Bool(false));
        let days = |days| (FactName::PatchAgeDays, FactValue::Long(days));
        let (firewall, disk) = (FactName::Firewall, FactName::DiskEncrypted);
        let day = |number: i64| number * DAY_MS;
        for (before, after, expected) in [
            (report(0, &[yes(firewall)]), report(9, &[yes(firewall)]), false),
            (report(0, &[yes(firewall)]), report(9, &[no(firewall)]), true),
            (report(0, &[no(firewall)]), report(9, &[yes(firewall)]), true),
            (report(0, &[yes(firewall)]), report(9, &[]), true),
            (report(0, &[yes(firewall)]), report(9, &[yes(firewall), yes(disk)]), true),
            (report(0, &[yes(firewall)]), Report { partial: true, ..report(9, &[]) }, false),
            (report(0, &[days(3)]), report(day(2), &[days(5)]), false),
            (report(0, &[days(3)]), report(day(2), &[days(7)]), true),
            (report(0, &[days(30)]), report(day(1), &[days(0)]), true),
        ] {
            assert_eq!(changes(&before, &after), expected, "{before:?} {after:?}");
        }
    }
}
