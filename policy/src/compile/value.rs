//! Terms: expressions of any type, and the values of those that are compared as wholes.

use std::collections::{BTreeMap, BTreeSet};

use super::address::{Address, Network};
use super::entity::{Entity, Kind};
use super::number::{Number, Unit};
use super::slot::{Part, Slot};
use super::test::Test;
use super::text::Text;
use super::{Asked, Fault, If};

/// An expression.
#[derive(Debug)]
pub(crate) enum Term {
    Fails(Fault),
    Test(Test),
    Number(Unit, Number),
    Text(Text),
    Address(Address),
    Entity(Entity),
    /// A record of the context.
    Part(&'static Part),
    Record(BTreeMap<Box<str>, Term>),
    Set(Box<[Term]>),
    /// Of sets or records.
    If(Box<If<Term>>),
}

/// What a term is for one question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value<'a> {
    Flag(bool),
    Number(Unit, i64),
    Text(&'a str),
    Address(Network),
    Entity(&'a Kind, &'a str),
    Record(BTreeMap<&'a str, Value<'a>>),
    Set(BTreeSet<Value<'a>>),
}

impl Term {
    pub(crate) fn value<'a>(&'a self, asked: &Asked<'a>) -> Result<Value<'a>, Fault> {
        Ok(match self {
            Self::Fails(fault) => return Err(*fault),
            Self::Test(test) => Value::Flag(test.holds(asked)?),
            Self::Number(unit, number) => Value::Number(*unit, number.read(asked)?),
            Self::Text(text) => Value::Text(text.read(asked)?),
            Self::Address(address) => Value::Address(address.read(asked)?),
            Self::Entity(entity) => {
                let entity = entity.resolve(asked)?;
                Value::Entity(entity.kind, entity.id)
            }
            Self::Part(part) => part.value(asked).ok_or(Fault::Absent)?,
            Self::Record(fields) => {
                let fields = fields.iter().map(|(name, term)| Ok((&**name, term.value(asked)?)));
                Value::Record(fields.collect::<Result<_, _>>()?)
            }
            Self::Set(elements) => Value::Set(elements.iter().map(|term| term.value(asked)).collect::<Result<_, _>>()?),
            Self::If(branches) => branches.branch(asked)?.value(asked)?,
        })
    }

    pub(crate) fn set<'a>(&'a self, asked: &Asked<'a>) -> Result<BTreeSet<Value<'a>>, Fault> {
        match self.value(asked)? {
            Value::Set(elements) => Ok(elements),
            _ => Err(Fault::WrongType),
        }
    }

    /// Whether this is a set that contains the other.
    pub(crate) fn contains<'a>(&'a self, other: &'a Self, asked: &Asked<'a>) -> Result<bool, Fault> {
        let Self::Set(elements) = self else {
            return Ok(self.set(asked)?.contains(&other.value(asked)?));
        };
        let other = other.value(asked)?;
        let mut contains = false;
        for element in elements {
            contains |= element.value(asked)? == other;
        }
        Ok(contains)
    }

    /// Whether it may fail for some question. It may say so where it cannot.
    pub(crate) fn may_fail(&self) -> bool {
        match self {
            Self::Fails(_) | Self::If(_) => true,
            Self::Test(test) => test.may_fail(),
            Self::Number(_, number) => number.may_fail(),
            Self::Text(text) => text.may_fail(),
            Self::Address(address) => address.may_fail(),
            Self::Entity(entity) => entity.may_fail(),
            Self::Part(part) => !part.is_certain,
            Self::Record(fields) => fields.values().any(Self::may_fail),
            Self::Set(elements) => elements.iter().any(Self::may_fail),
        }
    }
}

impl Part {
    /// The record of what is present.
    fn value<'a>(&self, asked: &Asked<'a>) -> Option<Value<'a>> {
        if !(self.is_present)(asked.context()) {
            return None;
        }
        let fields = self.slots.iter().filter_map(|(name, slot)| Some((*name, slot.value(asked)?)));
        Some(Value::Record(fields.collect()))
    }
}

impl Slot {
    fn value<'a>(self, asked: &Asked<'a>) -> Option<Value<'a>> {
        let context = asked.context();
        Some(match self {
            Self::Flag(read) => Value::Flag(read(context)?),
            Self::Number(unit, read) => Value::Number(unit, read(context)?),
            Self::Text(read) => Value::Text(read(context)?),
            Self::Address(read) => Value::Address(Network::single(read(context)?)),
            Self::Part(part) => return part.value(asked),
        })
    }
}
