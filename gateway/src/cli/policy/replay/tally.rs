//! What a replay counts, in bounded memory: sums, the examples kept of each change, and counts by name.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::judge::{Answer, Change, Comparison, Judged, Skip};
use crate::audit::read::Block;

/// How many examples of each change are kept: the latest.
const EXAMPLES: usize = 3;
/// How many names of one kind are counted apart.
const NAMES: usize = 100_000;
/// How many versions of records, and apps that are gone, are named.
const FEW: usize = 32;

/// A count for each [`Change`].
pub(super) type Counts = [u64; Change::ALL.len()];

/// What was found in all records, or in those that one thread has read.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Lines.
    pub(super) read: u64,
    /// Records that are not of the period.
    pub(super) out_of_period: u64,
    /// Records that were compared.
    pub(super) compared: u64,
    /// Of them, those whose answer is the recorded one: permit, observe, refuse.
    pub(super) same: [u64; 3],
    pub(super) skipped: Skipped,
    pub(super) changes: [Changed; Change::ALL.len()],
    pub(super) persons: ByName,
    pub(super) apps: ByName,
    pub(super) reasons: ByName,
    /// Segments that end in what is no whole line.
    pub(super) torn: usize,
}

/// Records that were not compared, by cause.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    pub(super) openings: u64,
    pub(super) attempts: u64,
    pub(super) other_class: u64,
    pub(super) before_policy: u64,
    pub(super) break_glass: u64,
    pub(super) question_cut: u64,
    pub(super) app_gone: u64,
    pub(super) other_version: u64,
    pub(super) malformed: u64,
    /// Other versions, by version.
    pub(super) versions: BTreeMap<u64, u64>,
    /// Apps that are gone, by name.
    pub(super) apps: BTreeMap<Box<str>, u64>,
    /// The first line of the log that is malformed: its segment, its number, and what is wrong with it.
    pub(super) first_malformed: Option<(Arc<Path>, u64, String)>,
}

/// How often a change was seen, and the latest requests with it.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) count: u64,
    /// Time and id, latest first.
    pub(super) latest: Vec<(i64, Box<str>)>,
}

/// Counts by name; names beyond a bound are counted together.
#[derive(Debug, Default)]
pub(super) struct ByName {
    pub(super) rows: HashMap<Box<str>, Row>,
    pub(super) others: Counts,
}

/// The counts of one name, and the latest request of it.
#[derive(Debug, Default, Clone)]
pub(super) struct Row {
    pub(super) counts: Counts,
    pub(super) latest: (i64, Box<str>),
}

impl Tally {
    /// Adds what became of a line of `block`.
    pub(super) fn add(&mut self, judged: Judged<'_>, block: &Block, line: u64) {
        self.read += 1;
        match judged {
            Judged::OutOfPeriod => self.out_of_period += 1,
            Judged::Skipped(skip) => self.skipped.add(skip, &block.segment, line),
            Judged::Compared(comparison) => self.compare(&comparison),
        }
    }

    fn compare(&mut self, comparison: &Comparison<'_>) {
        self.compared += 1;
        let Some((change, reason)) = &comparison.change else {
            let [permit, observe, refuse] = &mut self.same;
            *match comparison.answer {
                Answer::Permit => permit,
                Answer::Observe => observe,
                Answer::Refuse => refuse,
            } += 1;
            return;
        };
        let one = Change::ALL.map(|each| u64::from(each == *change));
        let latest = (comparison.time_ms, Box::from(comparison.id));
        for (changed, count) in self.changes.iter_mut().zip(one) {
            if count > 0 {
                changed.add(count, std::iter::once(latest.clone()));
            }
        }
        let question = &comparison.question;
        self.persons.add(&question.principal.id, &one, &latest);
        self.apps.add(&question.app, &one, &latest);
        self.reasons.add(reason, &one, &latest);
    }

    /// Adds what another thread has found.
    pub(super) fn merge(&mut self, other: Self) {
        self.read += other.read;
        self.out_of_period += other.out_of_period;
        self.compared += other.compared;
        self.torn += other.torn;
        add_all(&mut self.same, &other.same);
        self.skipped.merge(other.skipped);
        for (changed, other) in self.changes.iter_mut().zip(other.changes) {
            changed.add(other.count, other.latest);
        }
        self.persons.merge(other.persons);
        self.apps.merge(other.apps);
        self.reasons.merge(other.reasons);
    }
}

impl Skipped {
    fn add(&mut self, skip: Skip, segment: &Arc<Path>, line: u64) {
        match skip {
            Skip::Opening => self.openings += 1,
            Skip::Attempt => self.attempts += 1,
            Skip::OtherClass => self.other_class += 1,
            Skip::BeforePolicy => self.before_policy += 1,
            Skip::BreakGlass => self.break_glass += 1,
            Skip::QuestionCut => self.question_cut += 1,
            Skip::AppGone(app) => {
                self.app_gone += 1;
                add_few(&mut self.apps, app, 1);
            }
            Skip::Version(version) => {
                self.other_version += 1;
                add_few(&mut self.versions, version, 1);
            }
            Skip::Malformed(error) => {
                self.malformed += 1;
                self.first_malformed.get_or_insert_with(|| (Arc::clone(segment), line, error));
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.openings += other.openings;
        self.attempts += other.attempts;
        self.other_class += other.other_class;
        self.before_policy += other.before_policy;
        self.break_glass += other.break_glass;
        self.question_cut += other.question_cut;
        self.app_gone += other.app_gone;
        self.other_version += other.other_version;
        self.malformed += other.malformed;
        other.versions.into_iter().for_each(|(version, count)| add_few(&mut self.versions, version, count));
        other.apps.into_iter().for_each(|(app, count)| add_few(&mut self.apps, app, count));
        // Threads meet them in any order.
        self.first_malformed = [self.first_malformed.take(), other.first_malformed].into_iter().flatten().min();
    }
}

impl Changed {
    fn add(&mut self, count: u64, latest: impl IntoIterator<Item = (i64, Box<str>)>) {
        self.count += count;
        self.latest.extend(latest);
        self.latest.sort_unstable_by(|a, b| b.cmp(a));
        self.latest.truncate(EXAMPLES);
    }
}

impl ByName {
    fn add(&mut self, name: &str, counts: &Counts, latest: &(i64, Box<str>)) {
        if let Some(row) = self.rows.get_mut(name) {
            add_all(&mut row.counts, counts);
            if row.latest < *latest {
                row.latest.clone_from(latest);
            }
        } else if self.rows.len() < NAMES {
            self.rows.insert(name.into(), Row { counts: *counts, latest: latest.clone() });
        } else {
            add_all(&mut self.others, counts);
        }
    }

    fn merge(&mut self, other: Self) {
        add_all(&mut self.others, &other.others);
        for (name, row) in &other.rows {
            self.add(name, &row.counts, &row.latest);
        }
    }
}

fn add_all<const N: usize>(sums: &mut [u64; N], counts: &[u64; N]) {
    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
}

/// Counts by a key of which there are few by nature. Where there are many, not all are named.
fn add_few<K: Ord>(few: &mut BTreeMap<K, u64>, key: K, count: u64) {
    if few.len() < FEW || few.contains_key(&key) {
        *few.entry(key).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_bound_are_counted_together() {
        let mut names = ByName::default();
        let latest = (1, Box::from("id"));
        for n in 0..=NAMES {
            names.add(&n.to_string(), &[1, 0, 0, 0], &latest);
        }
        assert_eq!((names.rows.len(), names.others), (NAMES, [1, 0, 0, 0]));
        let mut merged = ByName::default();
        merged.add("0", &[0, 2, 0, 0], &(2, Box::from("later")));
        merged.add("one more", &[0, 1, 0, 0], &latest);
        merged.merge(names);
        assert_eq!(merged.rows.len(), NAMES);
        assert_eq!(merged.rows["0"].counts, [1, 2, 0, 0]);
        assert_eq!(&*merged.rows["0"].latest.1, "later");
        assert_eq!(merged.others[0], 2);
    }

    #[test]
    fn the_latest_examples_are_kept() {
        let mut changed = Changed::default();
        for time in [3, 1, 5, 2, 4] {
            changed.add(1, [(time, Box::from(""))]);
        }
        assert_eq!(changed.count, 5);
        assert_eq!(changed.latest.iter().map(|(time, _)| *time).collect::<Vec<_>>(), [5, 4, 3]);
    }
}
