//! Moments, for people and for programs that read pages.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Language;

/// As people write it, with the difference to UTC: `17:45, 22/11/2026 (UTC+07:00)`.
pub fn shown(at_ms: i64, zone: &TimeZone, language: Language) -> String {
    let format = match language {
        Language::Vietnamese => "%H:%M, %d/%m/%Y (UTC%:z)",
        Language::English => "%-d %B %Y, %H:%M (UTC%:z)",
    };
    timestamp(at_ms).to_zoned(zone.clone()).strftime(format).to_string()
}

/// As `datetime` of `<time>` wants it (RFC 3339).
pub fn iso(at_ms: i64) -> String {
    timestamp(at_ms).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The nearest moment that can be shown.
fn timestamp(at_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(at_ms).unwrap_or(if at_ms < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_it() {
        let zone = TimeZone::fixed(jiff::tz::offset(7));
        let at_ms = 1_795_344_300_000;
        assert_eq!(iso(at_ms), "2026-11-22T10:45:00Z");
        assert_eq!(shown(at_ms, &zone, Language::Vietnamese), "17:45, 22/11/2026 (UTC+07:00)");
        assert_eq!(shown(at_ms, &zone, Language::English), "22 November 2026, 17:45 (UTC+07:00)");
        for extreme in [i64::MIN, i64::MAX] {
            assert!(!shown(extreme, &zone, Language::English).is_empty() && !iso(extreme).is_empty());
        }
    }
}
