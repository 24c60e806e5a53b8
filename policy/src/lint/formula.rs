//! Conditions in a form that can be compared: conjunctions and disjunctions, without order, of atoms that say what one
//! term can be.
//!
//! Only policies that cannot err are put into this form, so that the order in which Cedar evaluates does not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A condition without negation, but for that inside of atoms.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Formula {
    /// True if all are; without any, true.
    All(BTreeSet<Formula>),
    /// True if one of them is; without any, false.
    Any(BTreeSet<Formula>),
    Atom(Atom),
}

/// What is said of one term.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Atom {
    /// The term is, or is not, one of these literals.
    OneOf { term: Term, values: BTreeSet<Arc<str>>, is: bool },
    /// The number is at least `low` and at most `high`.
    Within { term: Term, low: i128, high: i128 },
    /// The term itself is true, or false.
    Holds { term: Term, is: bool },
}

/// An expression, known by its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Term {
    pub(super) text: Arc<str>,
    /// Whether it looks at the posture of the device.
    pub(super) is_posture: bool,
}

impl Formula {
    pub(super) const TRUE: Self = Self::All(BTreeSet::new());
    pub(super) const FALSE: Self = Self::Any(BTreeSet::new());

    pub(super) fn constant(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }

    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = BTreeSet::new();
        for part in parts {
            match part {
                Self::All(inner) => flat.extend(inner),
                Self::Any(none) if none.is_empty() => return Self::FALSE,
                other => drop(flat.insert(other)),
            }
        }
        single(&mut flat).unwrap_or(Self::All(flat))
    }

    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let (mut flat, mut one_of) = (BTreeSet::new(), BTreeMap::new());
        let mut add = |part: Self| match part {
            Self::Atom(Atom::OneOf { term, values, is: true }) => {
                one_of.entry(term).or_insert_with(BTreeSet::new).extend(values);
            }
            other => drop(flat.insert(other)),
        };
        for part in parts {
            match part {
                Self::Any(inner) => inner.into_iter().for_each(&mut add),
                Self::All(none) if none.is_empty() => return Self::TRUE,
                other => add(other),
            }
        }
        flat.extend(one_of.into_iter().map(|(term, values)| Self::Atom(Atom::OneOf { term, values, is: true })));
        single(&mut flat).unwrap_or(Self::Any(flat))
    }
}

fn single(parts: &mut BTreeSet<Formula>) -> Option<Formula> {
    if parts.len() == 1 { parts.pop_first() } else { None }
}
