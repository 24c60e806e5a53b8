//! What is known when some formulas are taken to be true, and what follows from it. Sound, and not complete: a yes is
//! certain, a no is not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::formula::{Atom, Formula, Term};
use super::normal::PRINCIPAL_TYPE;

/// What is taken to be true.
#[derive(Debug, Clone, Default)]
pub(super) struct Assumptions {
    /// What terms can still be.
    allowed: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// What terms are not.
    denied: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    within: BTreeMap<Arc<str>, (i128, i128)>,
    holds: BTreeMap<Arc<str>, bool>,
    alternatives: Vec<BTreeSet<Formula>>,
    is_contradictory: bool,
}

impl Assumptions {
    pub(super) fn of(formula: &Formula) -> Self {
        Self::default().and(formula)
    }

    /// With one more.
    pub(super) fn and(mut self, formula: &Formula) -> Self {
        self.assume(formula);
        self.propagate();
        self
    }

    /// Whether they cannot all be true.
    pub(super) fn are_contradictory(&self) -> bool {
        self.is_contradictory
    }

    /// The values that a term can have; `None` if that is not known.
    pub(super) fn allowed(&self, term: &str) -> Option<&BTreeSet<Arc<str>>> {
        self.allowed.get(term)
    }

    /// Whether the formula is true too.
    pub(super) fn imply(&self, formula: &Formula) -> bool {
        match formula {
            Formula::All(parts) => parts.iter().all(|part| self.imply(part)),
            Formula::Any(parts) => {
                parts.iter().any(|part| self.imply(part))
                    || self.alternatives.iter().any(|known| known.is_subset(parts))
            }
            Formula::Atom(Atom::OneOf { term, values, is: true }) => {
                self.allowed.get(&term.text).is_some_and(|allowed| allowed.is_subset(values))
            }
            Formula::Atom(Atom::OneOf { term, values, is: false }) => {
                self.allowed.get(&term.text).is_some_and(|allowed| allowed.is_disjoint(values))
                    || self.denied.get(&term.text).is_some_and(|denied| values.is_subset(denied))
            }
            Formula::Atom(Atom::Within { term, low, high }) => {
                self.within.get(&term.text).is_some_and(|known| known.0 >= *low && known.1 <= *high)
            }
            Formula::Atom(Atom::Holds { term, is }) => self.holds.get(&term.text) == Some(is),
        }
    }

    /// Whether the formula cannot be true.
    pub(super) fn exclude(&self, formula: &Formula) -> bool {
        match formula {
            Formula::All(parts) => parts.iter().any(|part| self.exclude(part)),
            Formula::Any(parts) => parts.iter().all(|part| self.exclude(part)),
            Formula::Atom(Atom::OneOf { term, values, is: true }) => {
                self.allowed.get(&term.text).is_some_and(|allowed| allowed.is_disjoint(values))
                    || self.denied.get(&term.text).is_some_and(|denied| values.is_subset(denied))
            }
            Formula::Atom(Atom::OneOf { term, values, is: false }) => {
                self.allowed.get(&term.text).is_some_and(|allowed| allowed.is_subset(values))
            }
            Formula::Atom(Atom::Within { term, low, high }) => {
                self.within.get(&term.text).is_some_and(|known| known.0 > *high || known.1 < *low)
            }
            Formula::Atom(Atom::Holds { term, is }) => self.holds.get(&term.text).is_some_and(|known| known != is),
        }
    }

    fn assume(&mut self, formula: &Formula) {
        if self.exclude(formula) {
            self.is_contradictory = true;
            return;
        }
        match formula {
            Formula::All(parts) => parts.iter().for_each(|part| self.assume(part)),
            Formula::Any(parts) => self.alternatives.push(parts.clone()),
            Formula::Atom(Atom::OneOf { term, values, is: true }) => self.allow(term, values),
            Formula::Atom(Atom::OneOf { term, values, is: false }) => self.deny(term, values),
            Formula::Atom(Atom::Within { term, low, high }) => {
                let known = self.within.entry(Arc::clone(&term.text)).or_insert((*low, *high));
                *known = (known.0.max(*low), known.1.min(*high));
            }
            Formula::Atom(Atom::Holds { term, is }) => drop(self.holds.insert(Arc::clone(&term.text), *is)),
        }
    }

    fn allow(&mut self, term: &Term, values: &BTreeSet<Arc<str>>) {
        let denied = self.denied.get(&term.text).cloned().unwrap_or_default();
        let allowed = self.allowed.entry(Arc::clone(&term.text)).or_insert_with(|| values.clone());
        allowed.retain(|value| values.contains(value) && !denied.contains(value));
        self.is_contradictory |= allowed.is_empty();
        if &*term.text == "principal" {
            let types = allowed.iter().filter_map(|uid| uid.split_once("::\"")).map(|(kind, _)| kind.into()).collect();
            let term = Term { text: PRINCIPAL_TYPE.into(), is_posture: false };
            self.assume(&Formula::Atom(Atom::OneOf { term, values: types, is: true }));
        }
    }

    fn deny(&mut self, term: &Term, values: &BTreeSet<Arc<str>>) {
        self.denied.entry(Arc::clone(&term.text)).or_default().extend(values.iter().cloned());
        if let Some(allowed) = self.allowed.get_mut(&term.text) {
            allowed.retain(|value| !values.contains(value));
            self.is_contradictory |= allowed.is_empty();
        }
    }

    /// Takes what is left of alternatives of which all others are excluded.
    fn propagate(&mut self) {
        let mut settled = false;
        while !settled && !self.is_contradictory {
            settled = true;
            for parts in std::mem::take(&mut self.alternatives) {
                let mut left = parts.iter().filter(|part| !self.exclude(part));
                match (left.next(), left.next()) {
                    (None, _) => self.is_contradictory = true,
                    (Some(only), None) => {
                        self.assume(&only.clone());
                        settled = false;
                    }
                    _ => self.alternatives.push(parts),
                }
            }
        }
    }
}
