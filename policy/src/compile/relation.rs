//! Relations: tests of values that have to be found first.

use super::address::{Address, Property};
use super::entity::{Entity, Kind};
use super::number::{Comparison, Number};
use super::test::{Test, is_among};
use super::text::{Pattern, Text};
use super::value::Term;
use super::{Asked, Fault};

#[derive(Debug)]
pub(crate) enum Relation {
    SameTest(Test, Test),
    Compare(Number, Comparison, Number),
    SameText(Text, Text),
    /// The text is one of these, which are sorted.
    TextIn(Text, Box<[Box<str>]>),
    Like(Text, Pattern),
    Has(Address, Property),
    SameAddress(Address, Address),
    IsInRange(Address, Address),
    Is(Entity, Kind),
    SameEntity(Entity, Entity),
    /// The entity is one of these or in one of them.
    IsIn(Entity, Box<[Entity]>),
    SameValue(Term, Term),
    Contains(Term, Term),
    ContainsAll(Term, Term),
    ContainsAny(Term, Term),
    IsEmpty(Term),
}

impl Relation {
    pub(crate) fn holds(&self, asked: &Asked<'_>) -> Result<bool, Fault> {
        Ok(match self {
            Self::SameTest(left, right) => left.holds(asked)? == right.holds(asked)?,
            Self::Compare(left, comparison, right) => comparison.holds(left.read(asked)?, right.read(asked)?),
            Self::SameText(left, right) => left.read(asked)? == right.read(asked)?,
            Self::TextIn(text, set) => is_among(text.read(asked)?, set),
            Self::Like(text, pattern) => pattern.matches(text.read(asked)?),
            Self::Has(address, property) => address.read(asked)?.has(*property),
            Self::SameAddress(left, right) => left.read(asked)? == right.read(asked)?,
            Self::IsInRange(address, range) => address.read(asked)?.is_within(range.read(asked)?),
            Self::Is(entity, kind) => entity.resolve(asked)?.kind == kind,
            Self::SameEntity(left, right) => left.resolve(asked)?.is(right.resolve(asked)?),
            Self::IsIn(entity, ancestors) => is_in_any(entity, ancestors, asked)?,
            Self::SameValue(left, right) => left.value(asked)? == right.value(asked)?,
            Self::Contains(set, element) => set.contains(element, asked)?,
            Self::ContainsAll(set, subset) => subset.set(asked)?.is_subset(&set.set(asked)?),
            Self::ContainsAny(left, right) => !left.set(asked)?.is_disjoint(&right.set(asked)?),
            Self::IsEmpty(set) => set.set(asked)?.is_empty(),
        })
    }

    /// Whether it may fail for some question. It may say so where it cannot.
    pub(crate) fn may_fail(&self) -> bool {
        match self {
            Self::SameEntity(left, right) => left.may_fail() || right.may_fail(),
            Self::IsIn(entity, ancestors) => entity.may_fail() || ancestors.iter().any(Entity::may_fail),
            _ => true,
        }
    }
}

impl From<Relation> for Test {
    fn from(relation: Relation) -> Self {
        Self::Relation(Box::new(relation))
    }
}

fn is_in_any(entity: &Entity, ancestors: &[Entity], asked: &Asked<'_>) -> Result<bool, Fault> {
    let entity = entity.resolve(asked)?;
    let mut is_in = false;
    for ancestor in ancestors {
        is_in |= entity.is_in(ancestor.resolve(asked)?, &asked.question.principal);
    }
    Ok(is_in)
}
