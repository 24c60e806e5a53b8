//! Proving: a property is judged for each app, each action and each kind of principal, by the cheapest way that decides it.
//!
//! 1. Nothing can be permitted, or a `forbid` says the very same: no solver is needed.
//! 2. The `forbid`s together match all that the property matches: no permit matters, and the answer serves every app for
//!    which these `forbid`s read the same. Where one alone suffices, it is the certificate of the proof.
//! 3. The permits, in bundles, against the `forbid`s; a bundle that is too hard is taken apart.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cedar_policy::pst::Effect;

use crate::ground::{Apps, Ground, Subject, ground};
use crate::model::{Model, in_force};
use crate::property::{Claim, Property};
use crate::query::Answers;
use crate::search::{IsWitness, Search};
use crate::solver::{Session, Settings, Stuck};
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
            let search = Search::new(job.subject, model.schema(), &answers, session);
            let judgment = Judge { property, policies: &policies, search, refutes: &refutes }.judge(patterns);
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
        let (permits, forbids) = (self.of_effect(Effect::Permit), self.of_effect(Effect::Forbid));
        if permits.is_empty() {
            return Judgment::Holds(None);
        }
        if let Some((id, _)) = forbids.iter().find(|(_, forbid)| forbid.text == pattern.text) {
            return Judgment::Holds(Some((*id).into()));
        }
        // What could not be found in this way may yet be found in the other.
        if let Ok(Some(certificate)) = self.covered(pattern, &forbids) {
            return Judgment::Holds(certificate);
        }
        let everything = Ground::everything();
        let allowed = [&everything, pattern];
        Judgment::of(self.search.find_among(&grounds(&permits), &grounds(&forbids), &allowed, self.refutes))
    }

    /// Whether the forbids match all that the pattern matches; and if one alone does, which.
    fn covered(&mut self, pattern: &Ground, forbids: &[(&str, &Ground)]) -> Result<Option<Option<Arc<str>>>, Stuck> {
        let pattern = pattern.with_effect(Effect::Permit);
        let as_permits: Vec<_> = forbids.iter().map(|(_, forbid)| forbid.with_effect(Effect::Permit)).collect();
        if forbids.is_empty() || !self.search.holds(&pattern, as_permits.iter().collect())? {
            return Ok(None);
        }
        for ((id, _), forbid) in forbids.iter().zip(&as_permits) {
            if self.search.holds(&pattern, vec![forbid])? {
                return Ok(Some(Some((*id).into())));
            }
        }
        Ok(Some(None))
    }

    fn always(&mut self, pattern: &Ground) -> Judgment {
        let policies = self.policies.iter().map(|(_, ground)| ground).collect();
        Judgment::of(self.search.find(vec![pattern], policies, self.refutes))
    }

    fn of_effect(&self, effect: Effect) -> Vec<(&'j str, &'j Ground)> {
        let wanted = self.policies.iter().filter(|(_, ground)| ground.template.effect == effect);
        wanted.map(|(id, ground)| (*id, ground)).collect()
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

fn grounds<'g>(policies: &[(&str, &'g Ground)]) -> Vec<&'g Ground> {
    policies.iter().map(|(_, ground)| *ground).collect()
}
