//! What a change of policies changes: for each app and action, whether the new ones admit the same, less, or more.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use cedar_policy::pst::Effect;
use serde::Serialize;

use crate::ground::{Ground, Subject};
use crate::model::{Model, in_force, of_effect};
use crate::query::Answers;
use crate::sample::Sampler;
use crate::search::{Left, Search};
use crate::solver::{Session, Settings};
use crate::witness::{self, Witness};
use crate::work::{self, Progress};

/// How many samples are asked where nothing can be proven.
const SAMPLES: usize = 4096;

/// How the new policies stand to the old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// They permit the same.
    Same,
    /// They permit less.
    Stricter,
    /// They permit more.
    Looser,
    /// They permit some that was refused, and refuse some that was permitted.
    Incomparable,
}

/// What the answer rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The policies that apply are the same.
    Text,
    /// It was proven for every request.
    Proof,
    /// It holds for the requests that were tried; others may differ.
    Samples,
}

/// What changes for one action of one app.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// The app.
    pub app: String,
    /// The action.
    pub action: String,
    /// How the new policies stand to the old ones.
    pub relation: Relation,
    /// What this rests on.
    pub basis: Basis,
    /// A request that is permitted now and was refused.
    pub loosened: Option<Witness>,
    /// A request that is refused now and was permitted.
    pub tightened: Option<Witness>,
    /// Why there is no proof, where one was sought.
    pub undecided: Option<String>,
}

/// A policy set, and what of it is in force for a subject.
struct Side<'c, 'm> {
    model: &'c Model<'m>,
    /// With their ids.
    policies: Vec<(&'c str, Ground)>,
}

/// Compares two policy sets that are loaded for the same configuration. Without settings there is no solver, and samples
/// must do.
///
/// # Errors
/// The threads or their timers cannot be started.
pub fn diff(
    old: &Model<'_>,
    new: &Model<'_>,
    settings: Option<&Settings>,
    progress: Progress<'_>,
) -> io::Result<Vec<Change>> {
    let apps = new.apps();
    let slices: Vec<_> = old.slices().zip(new.slices()).map(|((app, old), (_, new))| (app, old, new)).collect();
    let mut jobs = Vec::new();
    for (app, before, after) in &slices {
        for action in &new.actions {
            jobs.extend(action.principals().map(|principal| (Subject { app, action, principal }, before, after)));
        }
    }
    let answers = Answers::default();
    let start = || settings.map(Session::new).transpose();
    let workers = settings.map_or(2, |settings| settings.jobs);
    let changes = work::each(&jobs, workers, progress, start, |(subject, before, after), session| {
        let comparison = Comparison {
            subject: *subject,
            old: Side { model: old, policies: in_force(before, *subject, &apps) },
            new: Side { model: new, policies: in_force(after, *subject, &apps) },
        };
        let search = session.as_mut().map(|session| Search::new(*subject, new.schema(), &answers, session));
        comparison.change(search)
    })?;
    let failed = |subject: &Subject<'_>| Change {
        relation: Relation::Incomparable,
        undecided: Some("the analysis failed".to_owned()),
        ..Change::new(*subject, Basis::Samples, None, None)
    };
    let changes = changes.into_iter().zip(&jobs);
    Ok(together(changes.map(|(change, (subject, ..))| change.unwrap_or_else(|| failed(subject)))))
}

/// The old and the new policies for one subject.
struct Comparison<'c, 'm> {
    subject: Subject<'c>,
    old: Side<'c, 'm>,
    new: Side<'c, 'm>,
}

impl Comparison<'_, '_> {
    fn change(&self, search: Option<Search<'_, '_>>) -> Change {
        if self.old.texts() == self.new.texts() {
            return self.found(Basis::Text, None, None);
        }
        let undecided = match search.map(|search| self.proven(search)) {
            Some(Ok((loosened, tightened))) => return self.found(Basis::Proof, loosened, tightened),
            Some(Err(why)) => Some(why),
            None => None,
        };
        let (loosened, tightened) = self.sampled();
        Change { undecided, ..self.found(Basis::Samples, loosened, tightened) }
    }

    fn proven(&self, mut search: Search<'_, '_>) -> Result<(Option<Witness>, Option<Witness>), String> {
        Ok((beyond(&self.new, &self.old, &mut search)?, beyond(&self.old, &self.new, &mut search)?))
    }

    fn sampled(&self) -> (Option<Witness>, Option<Witness>) {
        let (old, new) = (&self.old, &self.new);
        let (mut loosened, mut tightened) = (None, None);
        let samples = Sampler::new(self.subject, old.policies.iter().chain(&new.policies).map(|(_, policy)| policy));
        for question in samples.take(SAMPLES) {
            match (old.permits(&question), new.permits(&question)) {
                (false, true) if loosened.is_none() => loosened = Some(question),
                (true, false) if tightened.is_none() => tightened = Some(question),
                _ => {}
            }
            if loosened.is_some() && tightened.is_some() {
                break;
            }
        }
        let simplify = |found: Option<Witness>, left: &Side<'_, '_>, right: &Side<'_, '_>| {
            found.map(|question| witness::simplify(question, |question| left.permits_beyond(right, question)))
        };
        (simplify(loosened, new, old), simplify(tightened, old, new))
    }

    fn found(&self, basis: Basis, loosened: Option<Witness>, tightened: Option<Witness>) -> Change {
        Change::new(self.subject, basis, loosened, tightened)
    }
}

impl Change {
    fn new(subject: Subject<'_>, basis: Basis, loosened: Option<Witness>, tightened: Option<Witness>) -> Self {
        let (app, action) = (subject.app.name.to_owned(), subject.action.name.clone());
        let relation = Relation::of(loosened.is_some(), tightened.is_some());
        Self { app, action, relation, basis, loosened, tightened, undecided: None }
    }

    /// Takes in what was found for another kind of principal.
    fn join(&mut self, other: Self) {
        self.relation = self.relation.and(other.relation);
        self.basis = self.basis.max(other.basis);
        self.loosened = self.loosened.take().or(other.loosened);
        self.tightened = self.tightened.take().or(other.tightened);
        self.undecided = self.undecided.take().or(other.undecided);
    }
}

/// A request that `left` permits and `right` does not.
fn beyond(left: &Side<'_, '_>, right: &Side<'_, '_>, search: &mut Search<'_, '_>) -> Result<Option<Witness>, String> {
    let mut permits = grounds(&of_effect(&left.policies, Effect::Permit));
    let forbids = of_effect(&left.policies, Effect::Forbid);
    // Where nothing is forbidden on the right that is not on the left, the permits of both sides need not be looked at.
    let theirs = of_effect(&right.policies, Effect::Forbid);
    if theirs.iter().all(|(_, theirs)| forbids.iter().any(|(_, ours)| ours.text == theirs.text)) {
        let known = right.texts();
        permits.retain(|permit| !known.contains(&*permit.text));
    }
    let everything: Vec<&Ground> = right.policies.iter().map(|(_, ground)| ground).collect();
    let beside = Left { forbids: &forbids, refusing: &|question| left.model.refusing(question) };
    search.find_among(&permits, beside, &everything, &|question| left.permits_beyond(right, question))
}

fn grounds<'g>(policies: &[(&str, &'g Ground)]) -> Vec<&'g Ground> {
    policies.iter().map(|(_, ground)| *ground).collect()
}

impl Side<'_, '_> {
    fn texts(&self) -> BTreeSet<&str> {
        self.policies.iter().map(|(_, policy)| &*policy.text).collect()
    }

    fn permits(&self, question: &Witness) -> bool {
        self.model.permits(question)
    }

    fn permits_beyond(&self, other: &Self, question: &Witness) -> bool {
        self.permits(question) && !other.permits(question)
    }
}

impl Relation {
    fn of(loosened: bool, tightened: bool) -> Self {
        match (loosened, tightened) {
            (false, false) => Self::Same,
            (false, true) => Self::Stricter,
            (true, false) => Self::Looser,
            (true, true) => Self::Incomparable,
        }
    }

    /// The relation where this one holds for some requests, and `other` for the rest.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Same, relation) | (relation, Self::Same) => relation,
            (one, other) if one == other => one,
            _ => Self::Incomparable,
        }
    }
}

/// One change for each action of each app, from those for people and for workloads.
fn together(changes: impl Iterator<Item = Change>) -> Vec<Change> {
    let mut found: BTreeMap<(String, String), Change> = BTreeMap::new();
    for change in changes {
        match found.entry((change.app.clone(), change.action.clone())) {
            Entry::Vacant(place) => drop(place.insert(change)),
            Entry::Occupied(mut known) => known.get_mut().join(change),
        }
    }
    found.into_values().collect()
}
