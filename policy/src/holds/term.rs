//! The two sides of a comparison: a literal, or a clock with something added to it.

use cedar_policy::pst::{BinaryOp, Expr, Literal, UnaryOp};

use crate::compile::milliseconds;
use crate::syntax::context_path;

pub(super) const DAY_MS: i64 = 86_400_000;
/// The largest shift of a clock that is understood: nothing that is shifted so far can overflow.
const MAX_SHIFT_MS: i64 = 1 << 53;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    Now,
    TimeOfDay,
    /// The midnight before a time.
    Date,
    /// It stands still, but nobody knows where.
    CertificateEnd,
    SinceCertificateEnd,
    /// This one falls.
    UntilCertificateEnd,
    DeviceAge,
    SessionAge,
}

/// A literal, or a clock with something added to it. Times and durations are in milliseconds.
pub(super) struct Term {
    pub(super) clock: Option<Clock>,
    /// Of a time of day or a date, what is added to the time that it is of.
    pub(super) value: i64,
}

impl Term {
    pub(super) fn of(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::Literal(Literal::Long(value)) => Some(Self { clock: None, value: *value }),
            Expr::UnaryOp { op: UnaryOp::Neg, expr } => Self::literal(-i128::from(Self::of(expr)?.as_literal()?)),
            Expr::UnaryOp { op: op @ (UnaryOp::Datetime | UnaryOp::Duration), expr } => match expr.as_ref() {
                Expr::Literal(Literal::String(text)) => Self::literal(milliseconds(*op, text)?.into()),
                _ => None,
            },
            Expr::UnaryOp { op: UnaryOp::ToTime, expr } => Self::of(expr)?.time_of_day(),
            Expr::UnaryOp { op: UnaryOp::ToDate, expr } => Self::of(expr)?.date(),
            Expr::BinaryOp { op: BinaryOp::Offset, left, right } => {
                Self::of(left)?.shifted(Self::of(right)?.as_literal()?.into())
            }
            Expr::BinaryOp { op: BinaryOp::DurationSince, left, right } => Self::of(left)?.since(&Self::of(right)?),
            _ => Self::clock(match context_path(expr)?.as_slice() {
                ["now"] => Clock::Now,
                ["certificate", "not_after"] => Clock::CertificateEnd,
                ["device", "age_s"] => Clock::DeviceAge,
                ["session", "auth_age_s"] => Clock::SessionAge,
                _ => return None,
            }),
        }
    }

    fn literal(value: i128) -> Option<Self> {
        Some(Self { clock: None, value: value.try_into().ok()? })
    }

    fn clock(clock: Clock) -> Option<Self> {
        Some(Self { clock: Some(clock), value: 0 })
    }

    fn as_literal(&self) -> Option<i64> {
        self.clock.is_none().then_some(self.value)
    }

    fn shifted(self, by: i128) -> Option<Self> {
        if matches!(self.clock, Some(Clock::TimeOfDay | Clock::Date)) {
            return None;
        }
        let value = i64::try_from(i128::from(self.value).checked_add(by)?).ok()?;
        (-MAX_SHIFT_MS..=MAX_SHIFT_MS).contains(&value).then_some(Self { value, ..self })
    }

    fn since(self, other: &Self) -> Option<Self> {
        let clock = match (self.clock, other.clock) {
            (_, None) => self.clock,
            (Some(Clock::Now), Some(Clock::CertificateEnd)) => Some(Clock::SinceCertificateEnd),
            (Some(Clock::CertificateEnd), Some(Clock::Now)) => Some(Clock::UntilCertificateEnd),
            _ => return None,
        };
        Self { clock, ..self }.shifted(-i128::from(other.value))
    }

    fn date(self) -> Option<Self> {
        match self.clock {
            Some(Clock::Now) => Some(Self { clock: Some(Clock::Date), ..self }),
            None => Self::literal(i128::from(self.value) - i128::from(self.value.rem_euclid(DAY_MS))),
            _ => None,
        }
    }

    fn time_of_day(self) -> Option<Self> {
        match self.clock {
            Some(Clock::Now) => Some(Self { clock: Some(Clock::TimeOfDay), ..self }),
            None => Some(Self { clock: None, value: self.value.rem_euclid(DAY_MS) }),
            _ => None,
        }
    }
}

/// The values of a rising `x` at which `x op literal` changes; `None` if `op` is no comparison.
pub(super) fn turning_points(op: BinaryOp, literal: i64) -> Option<Vec<i64>> {
    let after = literal.saturating_add(1);
    match op {
        BinaryOp::Less | BinaryOp::GreaterEq => Some(vec![literal]),
        BinaryOp::LessEq | BinaryOp::Greater => Some(vec![after]),
        BinaryOp::Eq | BinaryOp::NotEq => Some(vec![literal, after]),
        _ => None,
    }
}

/// The operator that says the same with its operands exchanged.
pub(super) fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessEq => BinaryOp::GreaterEq,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterEq => BinaryOp::LessEq,
        other => other,
    }
}
