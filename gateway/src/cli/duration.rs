//! Durations on the command line: `90s`, `15m`, `1h`, `7d`.

use std::time::Duration;

/// The units and their seconds.
const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];

/// A whole number and its unit.
///
/// # Errors
/// It has no unit, or is too long to be meant.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration; expected a number from 1 and `s`, `m`, `h` or `d`, such as `15m`");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let (_, unit_s) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let number: u32 = text.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| wrong())?;
    match number {
        0 => Err(wrong()),
        number => Ok(Duration::from_secs(u64::from(number) * unit_s)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_needed() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("1h", 3_600), ("7d", 604_800)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)));
        }
        for text in ["", "h", "5", "0s", "-1h", "1.5h", "1 h", "1w", "99999999999s", "1hh"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
