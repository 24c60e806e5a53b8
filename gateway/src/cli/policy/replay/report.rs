//! What a replay found, in the form in which it is printed: names in the order of their counts.

use gaccong_policy::PolicySet;
use serde::Serialize;

use super::ReplayArgs;
use super::tally::{ByName, Changed, Counts, Skipped, Tally};

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The policies that were asked: where they are from, their digest and number.
    pub(super) policy: String,
    pub(super) digest: String,
    pub(super) policies: usize,
    pub(super) records: u64,
    pub(super) out_of_period: u64,
    pub(super) compared: u64,
    pub(super) same: Same,
    pub(super) changes: Changes,
    pub(super) skipped: NotCompared,
    pub(super) persons: Names,
    pub(super) apps: Names,
    pub(super) reasons: Names,
}

/// Decisions that stay as they were.
#[derive(Debug, Serialize)]
pub(super) struct Same {
    pub(super) permit: u64,
    pub(super) observe: u64,
    pub(super) refuse: u64,
}

/// Decisions that change.
#[derive(Debug, Serialize)]
pub(super) struct Changes {
    /// Was let through, is refused.
    pub(super) refused: Examples,
    /// Was refused, is let through.
    pub(super) permitted: Examples,
    /// Is let through as before, but enforcement would refuse.
    pub(super) observed: Examples,
    /// Is let through as before, and enforcement would no longer refuse.
    pub(super) cleared: Examples,
}

/// How many, and the ids of some.
#[derive(Debug, Serialize)]
pub(super) struct Examples {
    pub(super) count: u64,
    pub(super) examples: Vec<Box<str>>,
}

/// Records that could not be compared.
#[derive(Debug, Serialize)]
pub(super) struct NotCompared {
    pub(super) openings: u64,
    pub(super) connection_attempts: u64,
    pub(super) about_the_gateway: u64,
    pub(super) refused_before_policy: u64,
    pub(super) break_glass: u64,
    pub(super) question_cut: u64,
    pub(super) app_gone: u64,
    pub(super) apps_gone: Vec<Box<str>>,
    pub(super) other_version: u64,
    pub(super) versions: Vec<u64>,
    pub(super) malformed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_malformed: Option<String>,
    /// Segments that end in what is no whole line.
    pub(super) torn_segments: usize,
}

/// The names with the most changes.
#[derive(Debug, Serialize)]
pub(super) struct Names {
    /// How many names were counted.
    pub(super) count: usize,
    pub(super) top: Vec<Name>,
    /// All changes of names that are not shown.
    pub(super) others: Numbers,
}

/// The changes of one name.
#[derive(Debug, Serialize)]
pub(super) struct Name {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) numbers: Numbers,
    /// The id of its latest request that changes.
    pub(super) example: Box<str>,
}

/// A count for each change; see [`Changes`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Numbers {
    pub(super) refused: u64,
    pub(super) permitted: u64,
    pub(super) observed: u64,
    pub(super) cleared: u64,
}

impl Report {
    /// The report of a finished replay.
    pub(super) fn new(tally: Tally, policies: &PolicySet, args: &ReplayArgs) -> Self {
        let [permit, observe, refuse] = tally.same;
        let [refused, permitted, observed, cleared] = tally.changes.map(Examples::from);
        Self {
            policy: args.policy.display().to_string(),
            digest: policies.digest().to_string(),
            policies: policies.len(),
            records: tally.read,
            out_of_period: tally.out_of_period,
            compared: tally.compared,
            same: Same { permit, observe, refuse },
            changes: Changes { refused, permitted, observed, cleared },
            skipped: NotCompared::new(tally.skipped, tally.torn),
            persons: Names::new(tally.persons, args.limit),
            apps: Names::new(tally.apps, args.limit),
            reasons: Names::new(tally.reasons, args.limit),
        }
    }
}

impl From<Changed> for Examples {
    fn from(Changed { count, latest }: Changed) -> Self {
        Self { count, examples: latest.into_iter().map(|(_, id)| id).collect() }
    }
}

impl NotCompared {
    fn new(skipped: Skipped, torn_segments: usize) -> Self {
        Self {
            openings: skipped.openings,
            connection_attempts: skipped.attempts,
            about_the_gateway: skipped.other_class,
            refused_before_policy: skipped.before_policy,
            break_glass: skipped.break_glass,
            question_cut: skipped.question_cut,
            app_gone: skipped.app_gone,
            apps_gone: skipped.apps.into_keys().collect(),
            other_version: skipped.other_version,
            versions: skipped.versions.into_keys().collect(),
            malformed: skipped.malformed,
            first_malformed: skipped
                .first_malformed
                .map(|(segment, line, error)| format!("{}:{line}: {error}", segment.display())),
            torn_segments,
        }
    }
}

impl Names {
    fn new(ByName { rows, others }: ByName, limit: usize) -> Self {
        let count = rows.len();
        let mut rows: Vec<_> = rows.into_iter().collect();
        let total = |counts: &Counts| counts.iter().sum::<u64>();
        rows.sort_unstable_by(|(a, x), (b, y)| total(&y.counts).cmp(&total(&x.counts)).then_with(|| a.cmp(b)));
        let hidden = rows.split_off(limit.min(count));
        let others = hidden.iter().fold(Numbers::from(others), |sum, (_, row)| sum.plus(row.counts.into()));
        let top = rows.into_iter().map(|(name, row)| Name {
            name: name.into(),
            numbers: row.counts.into(),
            example: row.latest.1,
        });
        Self { count, top: top.collect(), others }
    }
}

impl From<Counts> for Numbers {
    fn from([refused, permitted, observed, cleared]: Counts) -> Self {
        Self { refused, permitted, observed, cleared }
    }
}

impl Numbers {
    const fn plus(self, other: Self) -> Self {
        Self {
            refused: self.refused + other.refused,
            permitted: self.permitted + other.permitted,
            observed: self.observed + other.observed,
            cleared: self.cleared + other.cleared,
        }
    }
}
