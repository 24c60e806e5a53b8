//! Compiled policies: what a policy asks, lowered once at load to a tree that is evaluated straight from a question.
//!
//! Everything that is certain at load is computed then: the app with its groups and attributes, entities that policies
//! name, times and networks. What remains are tests of the facts of a question. A tree is typed, so that no value has to be
//! inspected for what it is, and nothing is allocated but for sets and records that are compared as wholes.
//!
//! The meaning is Cedar's, errors included: `&&` and `||` go from left to right and stop, everything else evaluates all of
//! its operands. Only the words of an error differ, and that an expression may be left out whose value cannot matter and
//! which cannot fail. What is not known here is [`Unsupported`], and Cedar itself evaluates it.

mod address;
mod attribute;
mod entity;
mod literal;
mod lower;
mod number;
mod relate;
mod relation;
mod slot;
mod test;
mod text;
mod value;
mod world;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::question::{Context, Question};

pub(crate) use entity::Known;
pub(crate) use literal::milliseconds;
pub(crate) use lower::compile;
pub(crate) use test::{Test, all};
pub(crate) use world::{Groups, World};

/// A question with its action looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) question: &'a Question<'a>,
    pub(crate) action: &'a Known,
    /// The place of the action in [`World::actions`].
    pub(crate) action_index: usize,
    pub(crate) memberships: &'a [u32],
}

impl<'a> Asked<'a> {
    fn context(&self) -> &'a Context<'a> {
        &self.question.context
    }
}

/// Why an evaluation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A result does not fit into 64 bits.
    Overflow,
    /// An attribute, a tag or an entity that does not exist was read.
    Absent,
    /// A value is not of the type that is needed.
    WrongType,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Overflow => "integer overflow",
            Self::Absent => "an attribute is read that is not there",
            Self::WrongType => "a value is of the wrong type",
        })
    }
}

/// One of two, as a condition says.
#[derive(Debug)]
pub(crate) struct If<T> {
    condition: Test,
    yes: T,
    no: T,
}

impl<T> If<T> {
    fn branch(&self, asked: &Asked<'_>) -> Result<&T, Fault> {
        Ok(if self.condition.holds(asked)? { &self.yes } else { &self.no })
    }
}
