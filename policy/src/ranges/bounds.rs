//! Within which bounds the numbers of a question lie. Policies are proven not to err within them, and a question outside
//! of them is an error: a denial.

use std::ops::RangeInclusive;

use crate::question::Question;

/// `context.now`, milliseconds since the Unix epoch: 1970 to 9999.
pub const NOW_MS: RangeInclusive<i64> = 0..=253_402_300_799_999;
/// `context.certificate.not_after`, milliseconds since the Unix epoch: 1970 to 9999.
pub const NOT_AFTER_MS: RangeInclusive<i64> = NOW_MS;
/// `context.device.age_s` and `context.session.auth_age_s`: up to three centuries.
pub const AGE_S: RangeInclusive<i64> = 0..=10_000_000_000;
/// `context.device.patch_age_days`: up to three centuries.
pub const PATCH_AGE_DAYS: RangeInclusive<i64> = 0..=100_000;
/// `context.alert_level`: 0 is normal.
pub const ALERT_LEVEL: RangeInclusive<i64> = 0..=5;

/// The bounds of the number at this path of `context`, times in milliseconds.
pub(crate) fn of(path: &[&str]) -> Option<RangeInclusive<i64>> {
    Some(match path {
        ["now"] => NOW_MS,
        ["alert_level"] => ALERT_LEVEL,
        ["certificate", "not_after"] => NOT_AFTER_MS,
        ["device", "age_s"] | ["session", "auth_age_s"] => AGE_S,
        ["device", "patch_age_days"] => PATCH_AGE_DAYS,
        _ => return None,
    })
}

/// Whether every number of the question lies within its bounds.
pub(crate) fn check(question: &Question<'_>) -> Result<(), String> {
    let context = &question.context;
    let device = context.device.as_ref();
    within("now", Some(context.now_ms), NOW_MS)?;
    within("alert_level", Some(context.alert_level), ALERT_LEVEL)?;
    within("certificate.not_after", context.certificate.as_ref().map(|it| it.not_after_ms), NOT_AFTER_MS)?;
    within("device.age_s", device.and_then(|device| device.age_s), AGE_S)?;
    within("device.patch_age_days", device.and_then(|device| device.patch_age_days), PATCH_AGE_DAYS)?;
    within("session.auth_age_s", context.session.as_ref().map(|session| session.auth_age_s), AGE_S)
}

fn within(path: &str, value: Option<i64>, bounds: RangeInclusive<i64>) -> Result<(), String> {
    match value {
        Some(value) if !bounds.contains(&value) => {
            Err(format!("`context.{path}` is {value}, not within {} and {}", bounds.start(), bounds.end()))
        }
        _ => Ok(()),
    }
}
