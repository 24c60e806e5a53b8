//! Points in time, as cases write them.

use crate::config::reader::Text;

/// When a case happens that does not say: Monday, 5 January 2026, 10:00 in Hà Nội.
pub(super) const DEFAULT_MS: i64 = 1_767_582_000_000;

/// The end of a certificate that does not say.
pub(super) const YEAR_2100_MS: i64 = 4_102_444_800_000;

/// Milliseconds since the Unix epoch.
pub(super) fn read_ms(text: &Text<'_>) -> Option<i64> {
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => Some(time.as_millisecond()),
        Err(_) => {
            text.refuse(format!("`{}` is not a time", &**text), "date, time and zone: `\"2026-03-02T09:00:00+07:00\"`")
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn constants_are_what_they_say() {
        let ms = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        assert_eq!(super::DEFAULT_MS, ms("2026-01-05T10:00:00+07:00"));
        assert_eq!(super::YEAR_2100_MS, ms("2100-01-01T00:00:00Z"));
    }
}
