//! One record: what was decided then, and what the policies at hand decide.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use gaccong_policy::{Decision, Mode, PolicySet, QuestionBuf};

use crate::audit::event::{Phase, Verdict};
use crate::audit::recorded::{Record, Unreadable};
use crate::config::App;
use crate::request::decide::reason_of;

/// Asks policies what records were asked.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    policies: &'a PolicySet,
    modes: HashMap<&'a str, Mode>,
    period_ms: Range<i64>,
}

/// What became of a line.
#[derive(Debug)]
pub(super) enum Judged<'a> {
    /// It is not of the period.
    OutOfPeriod,
    /// It cannot be compared.
    Skipped(Skip),
    /// It was compared.
    Compared(Box<Comparison<'a>>),
}

/// Why a record is not compared.
#[derive(Debug)]
pub(super) enum Skip {
    /// It opens a request; the final record counts.
    Opening,
    /// It is of a refused connection attempt: nothing was asked.
    Attempt,
    /// It is about the gateway itself.
    OtherClass,
    /// The request was refused before policy was asked.
    BeforePolicy,
    /// The policies for emergencies decided.
    BreakGlass,
    /// The question was too long for a record and had to be cut.
    QuestionCut,
    /// The configuration no longer has the app.
    AppGone(Box<str>),
    /// It was written by another version.
    Version(u64),
    /// It is no record.
    Malformed(String),
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Let through.
    Permit,
    /// Let through, with a note that enforcement would have refused.
    Observe,
    /// Refused.
    Refuse,
}

/// How an answer differs from the recorded one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// What was let through is refused.
    Refused,
    /// What was refused is let through.
    Permitted,
    /// What was let through still is, with a note that enforcement would refuse.
    Observed,
    /// The same without the note that it had.
    Cleared,
}

impl Change {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 4] = [Self::Refused, Self::Permitted, Self::Observed, Self::Cleared];

    fn between(before: Answer, after: Answer) -> Option<Self> {
        match (before, after) {
            (Answer::Permit | Answer::Observe, Answer::Refuse) => Some(Self::Refused),
            (Answer::Refuse, Answer::Permit | Answer::Observe) => Some(Self::Permitted),
            (Answer::Permit, Answer::Observe) => Some(Self::Observed),
            (Answer::Observe, Answer::Permit) => Some(Self::Cleared),
            (Answer::Permit, Answer::Permit)
            | (Answer::Observe, Answer::Observe)
            | (Answer::Refuse, Answer::Refuse) => None,
        }
    }
}

/// A recorded decision beside that of the policies at hand.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    pub(super) id: &'a str,
    pub(super) time_ms: i64,
    pub(super) question: QuestionBuf<'a>,
    /// The answer of the policies at hand.
    pub(super) answer: Answer,
    /// How it differs from the recorded one, and the reason: of the refusal that is new, or of the one that is gone.
    pub(super) change: Option<(Change, String)>,
}

impl<'a> Judge<'a> {
    /// A judge by these policies, for requests of these apps in this period.
    pub(super) fn new(policies: &'a PolicySet, apps: &'a [Arc<App>], mode: Mode, period_ms: Range<i64>) -> Self {
        let modes = apps.iter().map(|app| (&*app.name, app.mode.unwrap_or(mode))).collect();
        Self { policies, modes, period_ms }
    }

    /// Judges the record in a line.
    pub(super) fn judge<'r>(&self, line: &'r [u8]) -> Judged<'r> {
        let record = match Record::parse(line) {
            Ok(record) => record,
            Err(Unreadable::OtherClass(_)) => return Judged::Skipped(Skip::OtherClass),
            Err(Unreadable::Version(version)) => return Judged::Skipped(Skip::Version(version)),
            Err(error) => return Judged::Skipped(Skip::Malformed(error.to_string())),
        };
        if !self.period_ms.contains(&record.time) {
            return Judged::OutOfPeriod;
        }
        match self.compare(record) {
            Ok(comparison) => Judged::Compared(Box::new(comparison)),
            Err(skip) => Judged::Skipped(skip),
        }
    }

    fn compare<'r>(&self, record: Record<'r>) -> Result<Comparison<'r>, Skip> {
        if record.is_attempt() {
            return Err(Skip::Attempt);
        }
        if record.phase() == Phase::Opening {
            return Err(Skip::Opening);
        }
        let verdict = record.verdict().ok_or(Skip::BeforePolicy)?;
        let ours = record.unmapped.gaccong;
        let question = ours.question.filter(|_| ours.question_complete).ok_or(Skip::QuestionCut)?;
        if question.context.break_glass.is_some() {
            return Err(Skip::BreakGlass);
        }
        let mode = self.modes.get(&*question.app).ok_or_else(|| Skip::AppGone(question.app.as_ref().into()))?;
        let decision = self.policies.decide(&question.lend(), *mode);
        let denial = match &decision {
            Decision::Permit(permit) => permit.would_refuse(),
            Decision::Deny(denial) => Some(denial),
        };
        let answer = match (&decision, denial) {
            (Decision::Deny(_), _) => Answer::Refuse,
            (Decision::Permit(_), Some(_)) => Answer::Observe,
            (Decision::Permit(_), None) => Answer::Permit,
        };
        let change = Change::between(recorded(verdict), answer).map(|change| {
            let reason = match (change, denial) {
                (Change::Refused | Change::Observed, Some(denial)) => {
                    named(reason_of(denial.cause).code(), &denial.policies)
                }
                _ => named(ours.reason.unwrap_or_default(), &ours.policies),
            };
            (change, reason)
        });
        Ok(Comparison { id: record.metadata.uid, time_ms: record.time, question, answer, change })
    }
}

const fn recorded(verdict: Verdict) -> Answer {
    match verdict {
        Verdict::Permit => Answer::Permit,
        Verdict::ObservedDeny => Answer::Observe,
        Verdict::Deny => Answer::Refuse,
    }
}

/// `policy.forbid: no-unmanaged-devices, office-hours`
fn named(code: &str, policies: &[impl AsRef<str>]) -> String {
    /// More do not make it clearer, and every reason that occurs is kept.
    const NAMED: usize = 4;
    let mut named: Vec<&str> = policies.iter().take(NAMED).map(AsRef::as_ref).collect();
    if policies.len() > NAMED {
        named.push("…");
    }
    match named.is_empty() {
        true => code.to_owned(),
        false => format!("{code}: {}", named.join(", ")),
    }
}
