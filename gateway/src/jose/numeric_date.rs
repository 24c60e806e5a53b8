//! Times in tokens.

use serde::Deserialize;

/// The last second of the year 9999.
const MAX_SECONDS: f64 = 253_402_300_799.0;

/// NumericDate (RFC 7519 §2): seconds since the Unix epoch, mostly whole ones. A whole second says of what happened in it
/// only that it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub struct NumericDate {
    ms: i64,
    whole: bool,
}

impl TryFrom<f64> for NumericDate {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        if !(0.0..=MAX_SECONDS).contains(&seconds) {
            return Err("this is not a time in seconds since 1970");
        }
        // In range, so neither cut nor wrapped.
        Ok(Self { ms: (seconds * 1000.0).floor() as i64, whole: seconds.fract() == 0.0 })
    }
}

impl NumericDate {
    /// The earliest millisecond that it can mean, since the Unix epoch.
    pub fn first_ms(self) -> i64 {
        self.ms
    }

    /// The latest millisecond that it can mean.
    pub fn last_ms(self) -> i64 {
        if self.whole { self.ms + 999 } else { self.ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_last_a_second() {
        for (text, first, last) in
            [("0", 0, 999), ("1615304991", 1_615_304_991_000, 1_615_304_991_999), ("1.25", 1250, 1250)]
        {
            let date: NumericDate = serde_json::from_str(text).unwrap();
            assert_eq!((date.first_ms(), date.last_ms()), (first, last), "{text}");
        }
        for text in ["-1", "253402300800", "1e308", "\"1\"", "null", "[]"] {
            assert!(serde_json::from_str::<NumericDate>(text).is_err(), "{text}");
        }
    }
}
