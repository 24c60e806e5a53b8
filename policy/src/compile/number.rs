//! Numbers: what is counted in 64 bits, which is also each time, duration and decimal. Arithmetic that overflows is an
//! error, as in Cedar.

use super::slot::ReadNumber;
use super::{Asked, Fault, If};

const DAY_MS: i64 = 86_400_000;

/// What a number counts. Numbers of different units are never equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    /// Whatever the policy means by it.
    Long,
    /// Milliseconds since the Unix epoch.
    Datetime,
    /// Milliseconds.
    Duration,
    /// Ten-thousandths.
    Decimal,
}

#[derive(Debug)]
pub(crate) enum Number {
    Constant(i64),
    Fails(Fault),
    Slot(ReadNumber),
    Step(Box<Number>, Step),
    Arithmetic(Box<(Number, Operator, Number)>),
    If(Box<If<Number>>),
}

/// What is done to one number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Negate,
    /// The midnight before a time.
    Date,
    /// The milliseconds of a time since midnight.
    TimeOfDay,
    /// Division, towards zero.
    Per(i64),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Number {
    pub(crate) fn step(of: Self, step: Step) -> Self {
        match of {
            Self::Fails(fault) => Self::Fails(fault),
            Self::Constant(value) => Self::computed(step.apply(value)),
            of => Self::Step(Box::new(of), step),
        }
    }

    pub(crate) fn arithmetic(left: Self, operator: Operator, right: Self) -> Self {
        match (left, right) {
            (Self::Fails(fault), _) | (_, Self::Fails(fault)) => Self::Fails(fault),
            (Self::Constant(left), Self::Constant(right)) => Self::computed(operator.apply(left, right)),
            (left, right) => Self::Arithmetic(Box::new((left, operator, right))),
        }
    }

    fn computed(value: Option<i64>) -> Self {
        value.map_or(Self::Fails(Fault::Overflow), Self::Constant)
    }

    pub(crate) fn read(&self, asked: &Asked<'_>) -> Result<i64, Fault> {
        match self {
            Self::Constant(value) => Ok(*value),
            Self::Fails(fault) => Err(*fault),
            Self::Slot(read) => read(asked.context()).ok_or(Fault::Absent),
            Self::Step(of, step) => step.apply(of.read(asked)?).ok_or(Fault::Overflow),
            Self::Arithmetic(parts) => {
                let (left, operator, right) = parts.as_ref();
                operator.apply(left.read(asked)?, right.read(asked)?).ok_or(Fault::Overflow)
            }
            Self::If(branches) => branches.branch(asked)?.read(asked),
        }
    }

    pub(crate) fn may_fail(&self) -> bool {
        !matches!(self, Self::Constant(_))
    }
}

impl Step {
    fn apply(self, value: i64) -> Option<i64> {
        match self {
            Self::Negate => value.checked_neg(),
            Self::Date => value.checked_sub(value.rem_euclid(DAY_MS)),
            Self::TimeOfDay => Some(value.rem_euclid(DAY_MS)),
            Self::Per(divisor) => value.checked_div(divisor),
        }
    }
}

impl Operator {
    fn apply(self, left: i64, right: i64) -> Option<i64> {
        match self {
            Self::Add => left.checked_add(right),
            Self::Subtract => left.checked_sub(right),
            Self::Multiply => left.checked_mul(right),
        }
    }
}

impl Comparison {
    pub(crate) fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }

    /// The comparison that says the same with its sides exchanged.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Equal => self,
        }
    }
}
