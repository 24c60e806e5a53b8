//! The shadow check: a fraction of all decisions is made again by Cedar's own evaluator, beside the requests. An answer
//! that differs is counted, logged and recorded.
//!
//! A request that is chosen costs a few counted references; one that is not, a subtraction. What the checking thread
//! cannot keep up with is dropped and counted.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use gaccong_policy::{Cause, Decision, Mode, Permit, PolicyId, PolicyIds, PolicySet};
use uuid::Uuid;

use crate::audit::event::ShadowMismatch;
use crate::audit::queue::AuditQueue;
use crate::metrics::ShadowCounters;
use crate::reason::Reason;
use crate::request::decide::{Asked, Permitted, Refused};
use crate::{clock, config};

/// How many decisions may wait to be checked.
const QUEUE: usize = 1024;
/// Cedar evaluates by recursion.
const STACK_BYTES: usize = 16 << 20;

/// The sending side. The thread ends when it is dropped.
#[derive(Debug)]
pub struct Shadow {
    sender: SyncSender<Sample>,
    counters: ShadowCounters,
}

/// What policy answered, as far as two evaluators must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether the request may go on.
    pub permitted: bool,
    /// Why it may not, or would not if the denial were enforced.
    pub cause: Option<Cause>,
    /// The policies that made the decision, in the order of their ids.
    pub policies: PolicyIds,
    /// Those that are only observed and would have made another.
    pub observed: PolicyIds,
}

/// A decision to be checked.
#[derive(Debug)]
struct Sample {
    request: Uuid,
    asked: Arc<Asked>,
    policies: Arc<PolicySet>,
    mode: Mode,
    answer: Answer,
}

impl Shadow {
    /// Starts the checking thread.
    pub fn start(audit: AuditQueue, counters: ShadowCounters) -> Self {
        let (sender, samples) = sync_channel(QUEUE);
        let checker = Checker { audit, counters: counters.clone() };
        let thread = thread::Builder::new().name("shadow".to_owned()).stack_size(STACK_BYTES);
        if let Err(error) = thread.spawn(move || checker.run(&samples)) {
            tracing::error!(%error, "decisions are not checked: the thread for it cannot be started");
        }
        Self { sender, counters }
    }

    /// Hands a decision on to be checked, if it is its turn and policy was asked.
    pub fn offer(
        &self,
        request: Uuid,
        settings: &config::Policy,
        policies: &Arc<PolicySet>,
        weighed: &Result<Permitted, Box<Refused>>,
    ) {
        let sampled = match weighed {
            Ok(permitted) => Some((&permitted.asked, Answer::of_permit(&permitted.permit))),
            Err(refused) => refused.asked.as_ref().zip(Answer::of_refusal(refused)),
        };
        let Some((asked, answer)) = sampled.filter(|_| is_next(settings.shadow_every)) else { return };
        let sample = Sample {
            request,
            asked: Arc::clone(asked),
            policies: Arc::clone(policies),
            mode: asked.mode(settings.mode),
            answer,
        };
        if self.sender.try_send(sample).is_err() {
            self.counters.dropped.inc();
        }
    }
}

thread_local! {
    /// How many decisions of this thread pass before the next one that is checked.
    static PASSING: Cell<u32> = const { Cell::new(0) };
}

/// Whether it is the turn of a decision, where each `every`th is checked.
fn is_next(every: u32) -> bool {
    let Some(others) = every.checked_sub(1) else { return false };
    PASSING.with(|passing| match passing.get().min(others) {
        0 => {
            passing.set(others);
            true
        }
        left => {
            passing.set(left - 1);
            false
        }
    })
}

impl Answer {
    fn of_permit(permit: &Permit) -> Self {
        let (cause, observed) = match permit.would_refuse() {
            Some(denial) => (Some(denial.cause), denial.policies.as_slice()),
            None => (None, Default::default()),
        };
        Self::new(true, cause, permit.policies(), observed)
    }

    /// `None` where policy was not asked.
    fn of_refusal(refused: &Refused) -> Option<Self> {
        let cause = match refused.reason {
            Reason::PolicyNoPermit => Cause::NoPermit,
            Reason::PolicyForbid => Cause::Forbid,
            Reason::PolicyError => Cause::Error,
            // A refusal that a login would lift is one all the same.
            Reason::SessionStepUp if refused.policies.is_empty() => Cause::NoPermit,
            Reason::SessionStepUp => Cause::Forbid,
            _ => return None,
        };
        Some(Self::new(false, Some(cause), &refused.policies, &refused.would_permit))
    }

    fn of(decision: &Decision) -> Self {
        match decision {
            Decision::Permit(permit) => Self::of_permit(permit),
            Decision::Deny(denial) => Self::new(false, Some(denial.cause), &denial.policies, &denial.would_permit),
        }
    }

    fn new(permitted: bool, cause: Option<Cause>, policies: &[PolicyId], observed: &[PolicyId]) -> Self {
        let sorted = |ids: &[PolicyId]| {
            let mut ids = PolicyIds::from(ids);
            ids.sort();
            ids
        };
        Self { permitted, cause, policies: sorted(policies), observed: sorted(observed) }
    }
}

/// What makes the decisions again.
struct Checker {
    audit: AuditQueue,
    counters: ShadowCounters,
}

impl Checker {
    fn run(&self, samples: &Receiver<Sample>) {
        while let Ok(sample) = samples.recv() {
            self.check(&sample, |sample| sample.policies.decide_by_cedar(&sample.asked.question(), sample.mode));
        }
    }

    fn check(&self, sample: &Sample, decide: impl FnOnce(&Sample) -> Decision) {
        let by_cedar = Answer::of(&decide(sample));
        self.counters.checks.inc();
        if by_cedar == sample.answer {
            return;
        }
        self.counters.mismatches.inc();
        let Sample { request, asked, policies, answer, .. } = sample;
        tracing::error!(
            %request, app = %asked.app.name, policies = %policies.digest(), decided = ?answer, by_cedar = ?by_cedar,
            "policy decided otherwise than Cedar does: report this, with the record of the request"
        );
        self.audit.put_blocking(ShadowMismatch {
            id: Uuid::now_v7(),
            time_ms: clock::now_ms(),
            request: *request,
            app: Arc::clone(&asked.app.name),
            policy_digest: Arc::clone(policies.digest()),
            decided: answer.clone(),
            by_cedar,
        });
    }
}

#[cfg(test)]
mod tests {
    use gaccong_policy::{AppScope, Source, Sources, Vocabulary};

    use super::*;
    use crate::audit::event::Event;
    use crate::audit::fixtures;
    use crate::metrics::Metrics;

    fn policies(text: &str) -> Arc<PolicySet> {
        let source = Source { name: "a.cedar".to_owned(), text: text.to_owned() };
        let sources = Sources { policies: vec![source], ..Sources::default() };
        let payroll = AppScope { name: "payroll", groups: &[], owner: None, sensitivity: "internal" };
        let vocabulary = Vocabulary { apps: &[payroll], ..Vocabulary::default() };
        Arc::new(PolicySet::load(&sources, &vocabulary).unwrap().set)
    }

    /// What is recorded and counted when `text` decides and `other` checks.
    fn checked(text: &str, other: &str, mode: Mode) -> (Option<ShadowMismatch>, [u64; 2]) {
        let (queue, mut records) = AuditQueue::new(8);
        let metrics = Metrics::new().unwrap();
        let checker = Checker { audit: queue, counters: metrics.shadow().clone() };
        let asked = Arc::new(fixtures::asked());
        let policies = policies(text);
        let answer = Answer::of(&policies.decide(&asked.question(), mode));
        let sample = Sample { request: Uuid::from_u128(1), asked, policies, mode, answer };
        let other = self::policies(other);
        checker.check(&sample, |sample| other.decide_by_cedar(&sample.asked.question(), sample.mode));
        let recorded = records.try_recv().ok().map(|event| match event {
            Event::ShadowMismatch(mismatch) => *mismatch,
            other => panic!("{other:?}"),
        });
        (recorded, [metrics.shadow().checks.get(), metrics.shadow().mismatches.get()])
    }

    const PERMIT: &str = "@id(\"p\") permit (principal, action, resource);";
    const FORBID: &str =
        "@id(\"p\") permit (principal, action, resource); @id(\"f\") forbid (principal, action, resource);";

    #[test]
    fn the_same_answer_is_counted_only() {
        for (text, mode) in [(PERMIT, Mode::Enforce), (FORBID, Mode::Enforce), (FORBID, Mode::Observe)] {
            let (recorded, counted) = checked(text, text, mode);
            assert!(recorded.is_none() && counted == [1, 0], "{text}");
        }
    }

    #[test]
    fn another_decision_or_another_reason_for_it_is_a_mismatch() {
        let renamed = PERMIT.replace("\"p\"", "\"q\"");
        let more = format!("{PERMIT} @id(\"q\") permit (principal, action, resource);");
        let observed = format!("{PERMIT} @id(\"f\") @mode(\"observe\") forbid (principal, action, resource);");
        let would_permit = format!("@mode(\"observe\") {PERMIT}");
        for (text, other, mode) in [
            (PERMIT, FORBID, Mode::Enforce),
            (FORBID, PERMIT, Mode::Enforce),
            (FORBID, PERMIT, Mode::Observe),
            (PERMIT, "", Mode::Enforce),
            (FORBID, "", Mode::Enforce),
            (PERMIT, &*renamed, Mode::Enforce),
            (PERMIT, &*more, Mode::Enforce),
            (PERMIT, &*observed, Mode::Enforce),
            ("", &*would_permit, Mode::Enforce),
        ] {
            let (recorded, counted) = checked(text, other, mode);
            assert_eq!(counted, [1, 1], "{text} {other}");
            let recorded = recorded.unwrap_or_else(|| panic!("{text} {other}"));
            assert_eq!(recorded.request, Uuid::from_u128(1));
            assert_ne!(recorded.decided, recorded.by_cedar);
        }
    }

    #[test]
    fn each_so_manyeth_decision_is_chosen() {
        let chosen = |every: u32| (0..1000).filter(|_| is_next(every)).count();
        assert_eq!(chosen(0), 0);
        assert_eq!(chosen(1), 1000);
        assert!((99..=101).contains(&chosen(10)));
        assert!(chosen(1_000_000) <= 1);
        assert_eq!(chosen(1), 1000, "a larger fraction holds at once");
    }
}
