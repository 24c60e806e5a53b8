//! Tests: what is true or false of a question.

use super::number::Comparison;
use super::relation::Relation;
use super::slot::{Part, ReadFlag, ReadNumber, ReadText, Slot};
use super::{Asked, Fault, If};
use crate::question::PrincipalKind;

#[derive(Debug)]
pub(crate) enum Test {
    Always(bool),
    Fails(Fault),

    /// The principal is a person, or a workload.
    PrincipalKind(PrincipalKind),
    /// The principal is one of these, which are sorted.
    Principal(PrincipalKind, Box<[Box<str>]>),
    /// The principal is in the group of this number.
    Member(u32),
    /// The action is one of these, by their places in [`super::World::actions`].
    Action(Box<[usize]>),

    /// A fact is present.
    Has(Slot),
    /// True, but fails where the record is absent.
    Requires(&'static Part),
    Flag(ReadFlag),
    NumberIs(ReadNumber, Comparison, i64),
    TextIs(ReadText, Box<str>),

    Not(Box<Test>),
    All(Box<[Test]>),
    Any(Box<[Test]>),
    If(Box<If<Test>>),

    Relation(Box<Relation>),
}

impl Test {
    pub(crate) fn holds(&self, asked: &Asked<'_>) -> Result<bool, Fault> {
        let principal = &asked.question.principal;
        Ok(match self {
            Self::Always(value) => *value,
            Self::Fails(fault) => return Err(*fault),

            Self::PrincipalKind(kind) => principal.kind == *kind,
            Self::Principal(kind, ids) => principal.kind == *kind && is_among(principal.id, ids),
            Self::Member(group) => asked.memberships.contains(group),
            Self::Action(actions) => actions.contains(&asked.action_index),

            Self::Has(slot) => slot.is_present(asked.context()),
            Self::Requires(part) => (part.is_present)(asked.context()) || return Err(Fault::Absent),
            Self::Flag(read) => read(asked.context()).ok_or(Fault::Absent)?,
            Self::NumberIs(read, comparison, value) => {
                comparison.holds(read(asked.context()).ok_or(Fault::Absent)?, *value)
            }
            Self::TextIs(read, text) => read(asked.context()).ok_or(Fault::Absent)? == &**text,

            Self::Not(test) => !test.holds(asked)?,
            Self::All(tests) => all(tests, asked)?,
            Self::Any(tests) => any(tests, asked)?,
            Self::If(branches) => branches.branch(asked)?.holds(asked)?,
            Self::Relation(relation) => relation.holds(asked)?,
        })
    }

    /// Whether it may fail for some question. It may say so where it cannot.
    pub(crate) fn may_fail(&self) -> bool {
        match self {
            Self::Always(_)
            | Self::PrincipalKind(_)
            | Self::Principal(..)
            | Self::Member(_)
            | Self::Action(_)
            | Self::Has(_) => false,
            Self::Not(test) => test.may_fail(),
            Self::All(tests) | Self::Any(tests) => tests.iter().any(Self::may_fail),
            Self::If(branches) => [&branches.condition, &branches.yes, &branches.no].into_iter().any(Self::may_fail),
            Self::Fails(_) | Self::Requires(_) | Self::Flag(_) | Self::NumberIs(..) | Self::TextIs(..) => true,
            Self::Relation(relation) => relation.may_fail(),
        }
    }
}

/// Whether all tests hold. Those after one that does not are not asked.
pub(crate) fn all(tests: &[Test], asked: &Asked<'_>) -> Result<bool, Fault> {
    for test in tests {
        if !test.holds(asked)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn any(tests: &[Test], asked: &Asked<'_>) -> Result<bool, Fault> {
    for test in tests {
        if test.holds(asked)? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn is_among(text: &str, sorted: &[Box<str>]) -> bool {
    sorted.binary_search_by(|known| (**known).cmp(text)).is_ok()
}

/// Making tests, with what is certain computed.
impl Test {
    pub(crate) fn not(test: Self) -> Self {
        match test {
            Self::Always(value) => Self::Always(!value),
            Self::Fails(fault) => Self::Fails(fault),
            Self::Not(test) => *test,
            test => Self::Not(Box::new(test)),
        }
    }

    /// The conjunction, in this order.
    pub(crate) fn all(tests: impl IntoIterator<Item = Self>) -> Self {
        Self::chain(tests, true)
    }

    /// The disjunction, in this order.
    pub(crate) fn any(tests: impl IntoIterator<Item = Self>) -> Self {
        Self::chain(tests, false)
    }

    /// A chain that stops at the first test that is not `neutral`.
    fn chain(tests: impl IntoIterator<Item = Self>, neutral: bool) -> Self {
        let mut links = Vec::new();
        for test in tests {
            match test {
                Self::All(inner) if neutral => links.extend(inner),
                Self::Any(inner) if !neutral => links.extend(inner),
                Self::Always(value) if value == neutral => {}
                test => links.push(test),
            }
        }
        // Nothing is asked after a test that always stops the chain.
        if let Some(last) = links.iter().position(|test| matches!(test, Self::Always(_) | Self::Fails(_))) {
            links.truncate(last.saturating_add(1));
            let stops = matches!(links.last(), Some(Self::Always(_)));
            if stops && !links.iter().any(Self::may_fail) {
                return Self::Always(!neutral);
            }
        }
        match links.pop() {
            None => Self::Always(neutral),
            Some(only) if links.is_empty() => only,
            Some(last) => {
                links.push(last);
                if neutral { Self::All(drop_certain(links)) } else { Self::Any(links.into()) }
            }
        }
    }

    pub(crate) fn choice(condition: Self, yes: Self, no: Self) -> Self {
        match condition {
            Self::Always(true) => yes,
            Self::Always(false) => no,
            Self::Fails(fault) => Self::Fails(fault),
            condition => Self::If(Box::new(If { condition, yes, no })),
        }
    }
}

/// Leaves out what an earlier test of the conjunction has made certain: that a record is present.
fn drop_certain(tests: Vec<Test>) -> Box<[Test]> {
    let mut present: Vec<&'static Part> = Vec::new();
    let mut is_needed = |test: &Test| match test {
        Test::Has(Slot::Part(part)) => {
            present.push(part);
            true
        }
        Test::Requires(part) => !present.iter().any(|known| std::ptr::eq(*known, *part)),
        _ => true,
    };
    tests.into_iter().filter(|test| is_needed(test)).collect()
}
