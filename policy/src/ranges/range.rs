//! Arithmetic over ranges of numbers, in which nothing overflows.

use std::ops::RangeInclusive;

/// The numbers that an expression can be: times and durations count in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Range {
    pub(crate) low: i128,
    pub(crate) high: i128,
    /// Whether the facts are known to stay within it; otherwise it is only what the type can hold.
    pub(crate) is_known: bool,
}

impl Range {
    /// What nothing is known of.
    pub(crate) const UNKNOWN: Self = Self { low: i64::MIN as i128, high: i64::MAX as i128, is_known: false };

    pub(crate) fn exactly(value: impl Into<i128>) -> Self {
        let value = value.into();
        Self { low: value, high: value, is_known: true }
    }

    pub(crate) fn fits(self) -> bool {
        self.low >= Self::UNKNOWN.low && self.high <= Self::UNKNOWN.high
    }

    /// What is left of it where it does not fit: an error ends the others.
    pub(crate) fn clamped(self) -> Self {
        let clamp = |value: i128| value.clamp(Self::UNKNOWN.low, Self::UNKNOWN.high);
        Self { low: clamp(self.low), high: clamp(self.high), is_known: false }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        self.spanning(other, [self.low, self.high, other.low, other.high])
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        self.spanning(other, [self.low.saturating_add(other.low), self.high.saturating_add(other.high)])
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        self.spanning(other, [self.low.saturating_sub(other.high), self.high.saturating_sub(other.low)])
    }

    pub(crate) fn times(self, other: Self) -> Self {
        let products = [(self.low, other.low), (self.low, other.high), (self.high, other.low), (self.high, other.high)];
        self.spanning(other, products.map(|(a, b)| a.saturating_mul(b)))
    }

    /// `each` applied to both ends: it must never fall.
    pub(crate) fn map(self, each: impl Fn(i128) -> i128) -> Self {
        Self { low: each(self.low), high: each(self.high), ..self }
    }

    fn spanning<const N: usize>(self, other: Self, ends: [i128; N]) -> Self {
        let (low, high) = ends.iter().fold((i128::MAX, i128::MIN), |(low, high), end| (low.min(*end), high.max(*end)));
        Self { low, high, is_known: self.is_known && other.is_known }
    }
}

impl From<RangeInclusive<i64>> for Range {
    fn from(bounds: RangeInclusive<i64>) -> Self {
        Self { low: (*bounds.start()).into(), high: (*bounds.end()).into(), is_known: true }
    }
}
