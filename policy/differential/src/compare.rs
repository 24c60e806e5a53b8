//! Asks all who know an answer, and finds where they differ.

use std::fmt;

use gaccong_policy::{Decision, Mode, PolicySet, QuestionBuf, bounds};

use crate::answer::Answer;
use crate::case::Case;
use crate::cedar::Cedar;

/// A case in which all agreed.
#[derive(Debug)]
pub struct Compared {
    /// What they answered.
    pub answers: Vec<Answer>,
    /// How many policies were asked.
    pub accepted: usize,
    /// How many policies the loader refused, and so were not.
    pub refused: usize,
}

/// Answers that should be the same and are not.
#[derive(Debug)]
pub struct Disagreement {
    case: Case,
    ours: Answer,
    other: Answer,
    /// Whose the other is.
    whose: String,
}

impl Case {
    /// Compares our answer to each question with Cedar's, and with our own as long as it says that it holds.
    ///
    /// # Errors
    ///
    /// The first disagreement, with as few policies as show it.
    pub fn compare(mut self) -> Result<Compared, Box<Disagreement>> {
        let (set, refusals) = self.load();
        let answers = self.compare_loaded(&set).map_err(Disagreement::minimal)?;
        let refused = refusals.iter().filter_map(|refusal| refusal.place.as_ref()).map(|place| place.line);
        let refused = refused.collect::<std::collections::BTreeSet<_>>().len();
        Ok(Compared { answers, accepted: self.policies.len(), refused })
    }

    fn compare_loaded(&self, set: &PolicySet) -> Result<Vec<Answer>, Box<Disagreement>> {
        let cedar = Cedar::new(self);
        self.questions.iter().map(|question| self.compare_one(question, set, &cedar)).collect()
    }

    fn compare_one(
        &self,
        question: &QuestionBuf<'static>,
        set: &PolicySet,
        cedar: &Cedar<'_>,
    ) -> Result<Answer, Box<Disagreement>> {
        let decision = set.decide(&question.lend(), Mode::Enforce);
        let ours = Answer::from(&decision);
        let agree = |ours: &Answer, other: Answer, whose: &str| match other == *ours {
            true => Ok(()),
            false => {
                let case = Self { questions: vec![question.clone()], ..self.clone() };
                Err(Box::new(Disagreement { case, ours: ours.clone(), other, whose: whose.to_owned() }))
            }
        };
        let sliced = set.decide_by_cedar(&question.lend(), Mode::Enforce);
        agree(&ours, Answer::from(&sliced), "Cedar's on the slice")?;
        agree(&ours, cedar.answer(question), "Cedar's")?;
        if let Decision::Permit(permit) = &decision {
            let would_refuse = permit.would_refuse().map_or(Answer::NoPermit, Answer::from);
            agree(&would_refuse, cedar.observed_refusal(question), "Cedar's of what is only observed")?;
        }
        for elapsed_ms in within(question, &decision) {
            if let Some(later) = later(question, elapsed_ms) {
                agree(&ours, cedar.answer(&later), &format!("Cedar's, {elapsed_ms} ms later"))?;
            }
        }
        Ok(ours)
    }
}

/// Moments between now and the time until which the decision says that it holds. One that depends on time in a way that
/// is not understood at load says a second, whatever happens within it.
fn within(question: &QuestionBuf<'_>, decision: &Decision) -> Vec<i64> {
    const MONTH_MS: i64 = 2_592_000_000;
    const UNCLEAR_MS: i64 = 1_000;
    let until = match decision {
        Decision::Permit(permit) => permit.holds_until_ms(),
        Decision::Deny(denial) => denial.holds_until_ms,
    };
    let held_ms = until.map_or(MONTH_MS, |until| until.saturating_sub(question.context.now_ms));
    let last = held_ms.saturating_sub(1);
    if last < 1 || held_ms == UNCLEAR_MS { vec![] } else { vec![last / 2, last] }
}

/// The same question when time has passed: facts are older, and whether they are there has not changed. Ages are rounded
/// down, so that the next second may begin with the very next millisecond.
fn later(question: &QuestionBuf<'static>, elapsed_ms: i64) -> Option<QuestionBuf<'static>> {
    let elapsed_s = elapsed_ms.checked_add(999)?.checked_div(1000)?;
    let mut later = question.clone();
    later.context.now_ms = later.context.now_ms.checked_add(elapsed_ms)?;
    // Outside the bounds nothing is decided that could hold.
    if ![question, &later].iter().all(|it| bounds::NOW_MS.contains(&it.context.now_ms)) {
        return None;
    }
    if let Some(age_s) = later.context.device.as_mut().and_then(|device| device.age_s.as_mut()) {
        *age_s = age_s.checked_add(elapsed_s)?;
    }
    if let Some(session) = &mut later.context.session {
        session.auth_age_s = session.auth_age_s.checked_add(elapsed_s)?;
    }
    Some(later)
}

impl Disagreement {
    /// Leaves out every policy without which they still disagree.
    fn minimal(self: Box<Self>) -> Box<Self> {
        (0..self.case.policies.len())
            .find_map(|at| {
                let mut case = self.case.clone();
                case.policies.remove(at);
                let (set, _) = case.load();
                case.compare_loaded(&set).err()
            })
            .map_or(self, Self::minimal)
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, ours, other, whose } = self;
        write!(f, "ours is {ours:?}, {whose} is {other:?}, of\n{case}")
    }
}
