//! Ours: compiled, and by Cedar's evaluator on the same slice.

use std::hint::black_box;

use gaccong_policy::{AppScope, Cause, Decision, Mode, PolicyId, PolicySet, Question, Sources, Vocabulary};

use super::{Answer, Effect, Engine};
use crate::policies;
use crate::questions::app_name;

pub(crate) struct Ours {
    pub(crate) set: PolicySet,
    pub(crate) decide: fn(&PolicySet, &Question<'_>, Mode) -> Decision,
}

/// The policies of this many apps.
pub(crate) fn load(apps: usize) -> PolicySet {
    let names: Vec<_> = (0..apps).map(app_name).collect();
    let sources = names.iter().map(|name| policies::app_cedar(name)).chain([policies::global_cedar()]);
    let sources = Sources { policies: sources.collect(), ..Sources::default() };
    let scope = |name| AppScope { name, groups: &[], owner: None, sensitivity: "internal" };
    let scopes: Vec<_> = names.iter().map(|name| scope(name)).collect();
    let vocabulary = Vocabulary { apps: &scopes, ..Vocabulary::default() };
    PolicySet::load(&sources, &vocabulary).expect("the policies are valid").set
}

impl Engine for Ours {
    fn spend(&mut self, question: &Question<'_>) {
        black_box((self.decide)(&self.set, black_box(question), Mode::Enforce));
    }

    fn answer(&mut self, question: &Question<'_>) -> Answer {
        let (effect, by) = match (self.decide)(&self.set, question, Mode::Enforce) {
            Decision::Permit(permit) => (Effect::Permit, names(permit.policies())),
            Decision::Deny(denial) if denial.cause == Cause::Forbid => (Effect::Forbid, names(&denial.policies)),
            Decision::Deny(denial) => {
                assert_eq!(denial.errors, [""; 0], "no policy errs");
                (Effect::None, Vec::new())
            }
        };
        Answer { effect, by }
    }
}

fn names(ids: &[PolicyId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
