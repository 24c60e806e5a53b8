//! Proving: a property is judged for each app, each action and each kind of principal, by the cheapest way that decides it.
//!
//! 1. Nothing can be permitted, or a `forbid` says the very same: no solver is needed.
//! 2. One `forbid` matches all that the property matches: no permit matters. It is the certificate of the proof, and serves
//!    every app for which it reads the same.
//! 3. The permits, in bundles, and of the `forbid`s only those that turn out to matter; a bundle that is too hard is taken
//!    apart.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cedar_policy::pst::Effect;
use gaccong_policy::PolicyId;

use crate::ground::{Apps, Ground, Subject, ground};
use crate::literals::Literals;
use crate::model::{Model, in_force, of_effect};
use crate::property::{Claim, Property};
use crate::query::Answers;
use crate::search::{IsWitness, Left, Named, Search};
use crate::solver::{Session, Settings};
use crate::witness::Witness;
use crate::work::{self, Progress};

/// What came of a property.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It holds for every request.
    Proven(Proof),
    /// It does not hold: this question shows it.
    Refuted(Box<Witness>),
    /// It could be neither proven nor refuted: why.
    Undecided(String),
}

/// What a proof rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// How many apps the property speaks of.
    pub apps: usize,
    /// `forbid`s each of which alone covers the property for some app.
    pub certificates: BTreeSet<Arc<str>>,
}

/// What the property comes to for one subject.
enum Judgment {
    Holds(Option<Arc<str>>),
    Refuted(Box<Witness>),
    Stuck(String),
}

struct Job<'a> {
    subject: Subject<'a>,
    slice: usize,
    /// Which property, and what it matches here.
    claims: Vec<(usize, Vec<Ground>)>,
}

/// Judges each property.
///
/// # Errors
/// The threads or their timers cannot be started.
pub fn prove(
    model: &Model<'_>,
    properties: &[Property],
    settings: &Settings,
    progress: Progress<'_>,
) -> io::Result<Vec<Verdict>> {
    let apps = model.apps();
    let slices: Vec<_> = model.slices().collect();
    let jobs = jobs(model, properties, &apps);
    let refuted: Vec<AtomicBool> = properties.iter().map(|_| AtomicBool::new(false)).collect();
    let answers = Answers::default();
    let start = || Session::new(settings);
    let results = work::each(&jobs, settings.jobs, progress, start, |job, session| {
        let slice = slices.get(job.slice).map(|(_, slice)| slice.as_slice()).unwrap_or_default();
        let policies = in_force(slice, job.subject, &apps);
        let mut found = Vec::new();
        for (index, patterns) in &job.claims {
            let (Some(property), Some(refuted)) = (properties.get(*index), refuted.get(*index)) else { continue };
            if refuted.load(Ordering::Relaxed) {
                continue;
            }
            let refutes = |question: &Witness| {
                property.matches(question) && model.permits(question) == (property.claim == Claim::NeverPermitted)
            };
            let refusing = |question: &Witness| model.refusing(question);
            let search = Search::new(job.subject, model.schema(), &answers, session);
            let judge = Judge { property, policies: &policies, search, refutes: &refutes, refusing: &refusing };
            let judgment = judge.judge(patterns);
            refuted.fetch_or(matches!(judgment, Judgment::Refuted(_)), Ordering::Relaxed);
            found.push((*index, judgment));
        }
        found
    })?;
    Ok(verdicts(&jobs, results, properties.len()))
}

/// One job for each subject that some property speaks of.
fn jobs<'a>(model: &'a Model<'_>, properties: &[Property], apps: &Apps<'_>) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    for (slice, (app, _)) in model.slices().enumerate() {
        for action in &model.actions {
            for principal in action.principals() {
                let subject = Subject { app, action, principal };
                let here = |property: &Property| -> Vec<Ground> {
                    property.patterns.iter().filter_map(|pattern| ground(pattern, subject, apps)).collect()
                };
                let claims = properties.iter().map(here).enumerate().filter(|(_, patterns)| !patterns.is_empty());
                let claims: Vec<_> = claims.collect();
                if !claims.is_empty() {
                    jobs.push(Job { subject, slice, claims });
                }
            }
        }
    }
    jobs
}

/// Puts together what was found for each property.
fn verdicts(jobs: &[Job<'_>], results: Vec<Option<Vec<(usize, Judgment)>>>, properties: usize) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = (0..properties).map(|_| Verdict::Proven(Proof::default())).collect();
    let mut apps: Vec<BTreeSet<&str>> = (0..properties).map(|_| BTreeSet::new()).collect();
    for (job, result) in jobs.iter().zip(results) {
        let failed = || job.claims.iter().map(|(index, _)| (*index, Judgment::Stuck("the analysis failed".to_owned())));
        for (index, judgment) in result.unwrap_or_else(|| failed().collect()) {
            let (Some(verdict), Some(apps)) = (verdicts.get_mut(index), apps.get_mut(index)) else { continue };
            apps.insert(job.subject.app.name);
            match (&mut *verdict, judgment) {
                (Verdict::Refuted(_), _) => {}
                (_, Judgment::Refuted(witness)) => *verdict = Verdict::Refuted(witness),
                (Verdict::Undecided(_), _) => {}
                (_, Judgment::Stuck(why)) => *verdict = Verdict::Undecided(format!("{}: {why}", job.subject)),
                (Verdict::Proven(proof), Judgment::Holds(certificate)) => {
                    proof.certificates.extend(certificate);
                    proof.apps = apps.len();
                }
            }
        }
    }
    verdicts
}

/// Judges a property for one subject.
struct Judge<'j, 'a, 's> {
    property: &'j Property,
    /// The policies in force, with their ids.
    policies: &'j [(&'j str, Ground)],
    search: Search<'a, 's>,
    refutes: IsWitness<'j>,
    refusing: &'j dyn Fn(&Witness) -> Vec<PolicyId>,
}

impl<'j> Judge<'j, '_, '_> {
    fn judge(mut self, patterns: &[Ground]) -> Judgment {
        let mut certificate = None;
        for pattern in patterns {
            let judged = match self.property.claim {
                Claim::NeverPermitted => self.never(pattern),
                Claim::AlwaysPermitted => self.always(pattern),
            };
            match judged {
                Judgment::Holds(found) => certificate = certificate.or(found),
                other => return other,
            }
        }
        Judgment::Holds(certificate)
    }

    fn never(&mut self, pattern: &Ground) -> Judgment {
        let (permits, forbids) = (of_effect(self.policies, Effect::Permit), of_effect(self.policies, Effect::Forbid));
        if permits.is_empty() {
            return Judgment::Holds(None);
        }
        if let Some((id, _)) = forbids.iter().find(|(_, forbid)| forbid.text == pattern.text) {
            return Judgment::Holds(Some((*id).into()));
        }
        if let Some(certificate) = self.certificate(pattern, &forbids) {
            return Judgment::Holds(Some(certificate));
        }
        let everything = Ground::everything();
        let (permits, allowed) =
            (permits.iter().map(|(_, permit)| *permit).collect::<Vec<_>>(), [&everything, pattern]);
        let beside = Left { forbids: &forbids, refusing: self.refusing };
        Judgment::of(self.search.find_among(&permits, beside, &allowed, self.refutes))
    }

    /// The `forbid` that alone matches all that the pattern matches. One that looks at more than the pattern does would match
    /// all of it only by chance. What is not found here may yet be found in another way.
    fn certificate(&mut self, pattern: &Ground, forbids: &Named<'_>) -> Option<Arc<str>> {
        let facts = |ground| Literals::of(std::iter::once(ground)).of_fact;
        let looked_at = facts(pattern);
        let pattern = pattern.with_effect(Effect::Permit);
        for (id, forbid) in forbids {
            let is_candidate = facts(*forbid).keys().all(|fact| looked_at.contains_key(fact));
            if is_candidate && self.search.holds(&pattern, vec![&forbid.with_effect(Effect::Permit)]) == Ok(true) {
                return Some((*id).into());
            }
        }
        None
    }

    fn always(&mut self, pattern: &Ground) -> Judgment {
        let policies = self.policies.iter().map(|(_, ground)| ground).collect();
        Judgment::of(self.search.find(vec![pattern], policies, self.refutes))
    }
}

impl Judgment {
    fn of(found: Result<Option<Witness>, String>) -> Self {
        match found {
            Err(why) => Self::Stuck(why),
            Ok(Some(witness)) => Self::Refuted(Box::new(witness)),
            Ok(None) => Self::Holds(None),
        }
    }
}
