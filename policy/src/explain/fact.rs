//! A fact that stands in the way: what it is, and what it must be.

use std::fmt;

use cedar_policy_core::ast::{Literal, Value, ValueKind};
use serde::Serialize;

/// A fact and what is demanded of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is about, as policies write it: `context.device.patch_age_days`, `principal`.
    pub subject: String,
    /// What it is; `None` where it is absent.
    pub actual: Option<FactValue>,
    /// How it must stand to the operand.
    pub must: Relation,
    /// What it is measured against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operand: Option<Operand>,
}

/// A value. What JSON does not have is written as in Cedar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FactValue {
    /// `true`
    Bool(bool),
    /// `41`
    Long(i64),
    /// `"windows"`
    Text(String),
    /// `Group::"finance"`, `ip("192.0.2.0/24")`, `["low", "medium"]`
    Other(String),
}

/// The other side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operand {
    /// What it is; `None` where it is absent.
    pub value: Option<FactValue>,
    /// How the policy writes it, where it is no constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// How a fact must stand to its operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Relation {
    /// It has no operand.
    Present,
    Absent,
    Equal,
    Different,
    Below,
    AtLeast,
    AtMost,
    Above,
    /// Of entities.
    In,
    NotIn,
    /// Of a set.
    OneOf,
    NoneOf,
    Like,
    Unlike,
    OfType,
    NotOfType,
    /// Any other expression must be true, or false.
    Satisfying,
    NotSatisfying,
}

impl Relation {
    /// The relation that holds where this one does not.
    pub(crate) fn negated(self) -> Self {
        match self {
            Self::Present => Self::Absent,
            Self::Absent => Self::Present,
            Self::Equal => Self::Different,
            Self::Different => Self::Equal,
            Self::Below => Self::AtLeast,
            Self::AtLeast => Self::Below,
            Self::AtMost => Self::Above,
            Self::Above => Self::AtMost,
            Self::In => Self::NotIn,
            Self::NotIn => Self::In,
            Self::OneOf => Self::NoneOf,
            Self::NoneOf => Self::OneOf,
            Self::Like => Self::Unlike,
            Self::Unlike => Self::Like,
            Self::OfType => Self::NotOfType,
            Self::NotOfType => Self::OfType,
            Self::Satisfying => Self::NotSatisfying,
            Self::NotSatisfying => Self::Satisfying,
        }
    }

    /// The relation that says the same with the sides exchanged, of those that compare numbers and times.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::Below => Self::Above,
            Self::AtMost => Self::AtLeast,
            Self::Above => Self::Below,
            Self::AtLeast => Self::AtMost,
            other => other,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Present => "be present",
            Self::Absent => "be absent",
            Self::Equal => "be",
            Self::Different => "not be",
            Self::Below => "be <",
            Self::AtLeast => "be ≥",
            Self::AtMost => "be ≤",
            Self::Above => "be >",
            Self::In => "be in",
            Self::NotIn => "not be in",
            Self::OneOf => "be one of",
            Self::NoneOf => "be none of",
            Self::Like => "be like",
            Self::Unlike => "not be like",
            Self::OfType => "be of type",
            Self::NotOfType => "not be of type",
            Self::Satisfying => "be such that",
            Self::NotSatisfying => "not be such that",
        }
    }
}

impl From<Value> for FactValue {
    fn from(value: Value) -> Self {
        match value.value {
            ValueKind::Lit(Literal::Bool(value)) => Self::Bool(value),
            ValueKind::Lit(Literal::Long(value)) => Self::Long(value),
            ValueKind::Lit(Literal::String(value)) => Self::Text(value.to_string()),
            other => Self::Other(other.to_string()),
        }
    }
}

impl fmt::Display for FactValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Long(value) => value.fmt(f),
            Self::Text(value) => write!(f, "\"{}\"", value.escape_debug()),
            Self::Other(value) => f.write_str(value),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.text, &self.value) {
            (None, Some(value)) => value.fmt(f),
            (Some(text), Some(value)) => write!(f, "`{text}`, which is {value}"),
            (Some(text), None) => write!(f, "`{text}`, which is absent"),
            (None, None) => f.write_str("what cannot be known"),
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, actual, must, operand } = self;
        write!(f, "`{subject}` is ")?;
        match (must, actual, operand) {
            (Relation::Present, ..) => return f.write_str("absent"),
            (Relation::Absent, ..) => return f.write_str("present, must be absent"),
            (Relation::In, Some(_), Some(group)) => return write!(f, "not in {group}"),
            (Relation::NotIn, Some(_), Some(group)) => return write!(f, "in {group}, must not be"),
            (_, Some(actual), _) => write!(f, "{actual}")?,
            (_, None, _) => f.write_str("absent")?,
        }
        write!(f, ", must {}", must.words())?;
        operand.as_ref().map_or(Ok(()), |operand| write!(f, " {operand}"))
    }
}
