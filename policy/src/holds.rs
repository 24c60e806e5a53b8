//! For how long an answer holds: the moments at which the passage of time alone can change it, found in the policies
//! at load.
//!
//! Three clocks run in a question: `context.now`, `context.device.age_s` and `context.session.auth_age_s`. Conditions
//! compare them with literals, or the time with the end of the certificate, and such a comparison changes its value only at
//! moments known beforehand.

mod term;

use cedar_policy::pst::{BinaryOp, Expr};

use self::term::{Clock, DAY_MS, Term, mirrored, turning_points};
use crate::question::Context;
use crate::syntax::{children, context_path};

/// How long an answer is held that depends on time in a way not understood here.
const UNCLEAR_MS: i64 = 1_000;

/// The moments at which the conditions of a slice can change by time alone. Each list is sorted.
#[derive(Debug, Default)]
pub(crate) struct Horizon {
    /// Values of `context.now`, milliseconds since the Unix epoch.
    instants_ms: Vec<i64>,
    /// Milliseconds after midnight UTC.
    times_of_day_ms: Vec<i64>,
    /// Values of `context.now` less the end of the certificate, in milliseconds.
    after_certificate_ms: Vec<i64>,
    /// Values of `context.device.age_s`.
    device_ages_s: Vec<i64>,
    /// Values of `context.session.auth_age_s`.
    session_ages_s: Vec<i64>,
    /// A clock is used in a way not understood here.
    is_unclear: bool,
}

impl Horizon {
    pub(crate) fn of<'a>(conditions: impl Iterator<Item = &'a Expr>) -> Self {
        let mut horizon = Self::default();
        conditions.for_each(|condition| horizon.visit(condition));
        horizon.sorted()
    }

    /// The moments of all of these.
    pub(crate) fn union<'a>(horizons: impl Iterator<Item = &'a Self>) -> Self {
        let mut union = Self::default();
        for horizon in horizons {
            union.instants_ms.extend(&horizon.instants_ms);
            union.times_of_day_ms.extend(&horizon.times_of_day_ms);
            union.after_certificate_ms.extend(&horizon.after_certificate_ms);
            union.device_ages_s.extend(&horizon.device_ages_s);
            union.session_ages_s.extend(&horizon.session_ages_s);
            union.is_unclear |= horizon.is_unclear;
        }
        union.sorted()
    }

    fn sorted(mut self) -> Self {
        let Self { instants_ms, times_of_day_ms, after_certificate_ms, device_ages_s, session_ages_s, .. } = &mut self;
        for moments in [instants_ms, times_of_day_ms, after_certificate_ms, device_ages_s, session_ages_s] {
            moments.sort_unstable();
            moments.dedup();
        }
        self
    }

    /// The earliest time after the question's at which the conditions can change; `None` if they cannot.
    pub(crate) fn holds_until_ms(&self, context: &Context<'_>) -> Option<i64> {
        let now = context.now_ms;
        let device_age = context.device.and_then(|device| device.age_s);
        let session_age = context.session.map(|session| session.auth_age_s);
        let certificate_end = context.certificate.map(|certificate| certificate.not_after_ms);
        [
            next_after(&self.instants_ms, now),
            self.next_time_of_day(now),
            certificate_end.and_then(|end| {
                Some(end.saturating_add(next_after(&self.after_certificate_ms, now.saturating_sub(end))?))
            }),
            device_age.and_then(|age| next_age(&self.device_ages_s, age, now)),
            session_age.and_then(|age| next_age(&self.session_ages_s, age, now)),
            self.is_unclear.then(|| now.saturating_add(UNCLEAR_MS)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn next_time_of_day(&self, now: i64) -> Option<i64> {
        let today = now.rem_euclid(DAY_MS);
        let midnight = now.saturating_sub(today);
        match next_after(&self.times_of_day_ms, today) {
            Some(time) => Some(midnight.saturating_add(time)),
            None => Some(midnight.saturating_add(DAY_MS).saturating_add(*self.times_of_day_ms.first()?)),
        }
    }

    fn visit(&mut self, expr: &Expr) {
        if let Expr::BinaryOp { op, left, right } = expr
            && self.comparison(*op, left, right).is_some()
        {
            return;
        }
        match expr {
            // Whether a fact is present does not change by time alone, as policy sees it.
            Expr::HasAttr { expr, .. } if context_path(expr).is_some() => return,
            _ => {}
        }
        if let Some(path) = context_path(expr) {
            self.is_unclear |= contains_clock(&path);
            return;
        }
        match children(expr) {
            Some(inner) => inner.into_iter().for_each(|expr| self.visit(expr)),
            None => self.is_unclear = true,
        }
    }

    /// Notes when a comparison changes its value; `None` if it is not one of a clock with something that stands still.
    fn comparison(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Option<()> {
        let (left, right) = (Term::of(left)?, Term::of(right)?);
        let (clock, shift, value, op) = match (left.clock, right.clock) {
            (Some(Clock::Now), Some(Clock::CertificateEnd)) => {
                (Clock::SinceCertificateEnd, left.value, right.value, op)
            }
            (Some(Clock::CertificateEnd), Some(Clock::Now)) => {
                (Clock::SinceCertificateEnd, right.value, left.value, mirrored(op))
            }
            (Some(clock), None) => (clock, left.value, right.value, op),
            (None, Some(clock)) => (clock, right.value, left.value, mirrored(op)),
            _ => return None,
        };
        // What falls turns where what rises has the opposite value.
        let (shift, value, op) = match clock {
            Clock::UntilCertificateEnd => (shift.checked_neg()?, value.checked_neg()?, mirrored(op)),
            _ => (shift, value, op),
        };
        for value in turning_points(op, value)? {
            match clock {
                Clock::Now => self.instants_ms.push(value.checked_sub(shift)?),
                Clock::TimeOfDay => self.add_time_of_day(value, shift),
                Clock::Date => self.add_time_of_day(0, shift),
                Clock::SinceCertificateEnd | Clock::UntilCertificateEnd => {
                    self.after_certificate_ms.push(value.checked_sub(shift)?);
                }
                Clock::CertificateEnd => {}
                Clock::DeviceAge => self.device_ages_s.push(value),
                Clock::SessionAge => self.session_ages_s.push(value),
            }
        }
        Some(())
    }

    /// A time of day turns at `value`, and at the midnight that puts it back to zero.
    fn add_time_of_day(&mut self, value: i64, shift: i64) {
        for value in [value.clamp(0, DAY_MS), 0] {
            self.times_of_day_ms.push(value.saturating_sub(shift).rem_euclid(DAY_MS));
        }
    }
}

/// The earliest moment of `moments` that is after `now`.
fn next_after(moments: &[i64], now: i64) -> Option<i64> {
    moments.get(moments.partition_point(|moment| *moment <= now)).copied()
}

/// When an age that is now `age_s` can first reach the next of `ages_s`. Ages are rounded down, so that up to
/// 999 milliseconds of the next second may have passed already.
fn next_age(ages_s: &[i64], age_s: i64, now: i64) -> Option<i64> {
    let seconds = next_after(ages_s, age_s)?.saturating_sub(age_s);
    Some(now.saturating_add(seconds.saturating_mul(1_000).saturating_sub(999)))
}

/// Whether the value at this path of `context` is a clock or contains one.
fn contains_clock(path: &[&str]) -> bool {
    matches!(path, [] | ["now"] | ["device"] | ["device", "age_s"] | ["session"] | ["session", "auth_age_s"])
}

#[cfg(test)]
mod tests {
    use crate::tests::{NOW_MS, question, set};
    use crate::{Decision, Mode, Question};

    const HOUR_MS: i64 = 3_600_000;

    /// For how long the answer to Alice's question holds, where a permit has this condition.
    fn held_ms(condition: &str, question: &Question<'_>) -> Option<i64> {
        let set = set(&format!("permit (principal, action, resource) when {{ {condition} }};"));
        let until = match set.decide(question, Mode::Enforce) {
            Decision::Permit(permit) => permit.holds_until_ms(),
            Decision::Deny(denial) => denial.holds_until_ms,
        };
        until.map(|until| until - question.context.now_ms)
    }

    /// It is midnight, the device's facts are 10 s old and the login 60 s.
    fn at_midnight(condition: &str) -> Option<i64> {
        held_ms(condition, &question(&[]))
    }

    #[test]
    fn without_a_clock_it_holds_for_ever() {
        assert_eq!(at_midnight("context.request.method == \"GET\""), None);
        assert_eq!(at_midnight("context has device && context.device has age_s && context.device.id == \"x\""), None);
    }

    #[test]
    fn an_instant_in_the_future_ends_it_and_one_in_the_past_does_not() {
        let until = |operator: &str| at_midnight(&format!("context.now {operator} datetime(\"2026-01-01T01:00:00Z\")"));
        assert_eq!(until("<"), Some(HOUR_MS));
        assert_eq!(until(">="), Some(HOUR_MS));
        assert_eq!(until("<="), Some(HOUR_MS + 1));
        assert_eq!(until(">"), Some(HOUR_MS + 1));
        assert_eq!(until("=="), Some(HOUR_MS));
        assert_eq!(at_midnight("context.now < datetime(\"2025-01-01\")"), None);
        assert_eq!(at_midnight("context.now <= datetime(\"2026-01-01\")"), Some(1));
        assert_eq!(at_midnight("datetime(\"2026-01-01T01:00:00Z\") >= context.now"), Some(HOUR_MS + 1));
    }

    #[test]
    fn shifts_are_followed() {
        let later = "context.now.offset(duration(\"30m\")) < datetime(\"2026-01-01T01:00:00Z\")";
        assert_eq!(at_midnight(later), Some(HOUR_MS / 2));
        let since = "context.now.durationSince(datetime(\"2025-12-31T23:00:00Z\")) < duration(\"90m\")";
        assert_eq!(at_midnight(since), Some(HOUR_MS / 2));
    }

    #[test]
    fn times_of_day_come_round() {
        let office = "context.now.offset(duration(\"7h\")).toTime() < duration(\"18h\")";
        assert_eq!(at_midnight(office), Some(11 * HOUR_MS));
        let mut question = question(&[]);
        question.context.now_ms = NOW_MS + 17 * HOUR_MS;
        assert_eq!(held_ms(office, &question), Some(18 * HOUR_MS));
        assert_eq!(held_ms("context.now.toTime() < duration(\"18h\")", &question), Some(HOUR_MS));
    }

    #[test]
    fn dates_change_at_midnight() {
        assert_eq!(at_midnight("context.now.toDate() == datetime(\"2026-01-01\")"), Some(24 * HOUR_MS));
        let local = "context.now.offset(duration(\"7h\")).toDate() < datetime(\"2026-01-02\").toDate()";
        assert_eq!(at_midnight(local), Some(17 * HOUR_MS));
    }

    /// The certificate ends after 24 h.
    #[test]
    fn the_end_of_the_certificate_ends_it() {
        let until = |condition: &str| at_midnight(&format!("context has certificate && {condition}"));
        assert_eq!(until("context.now < context.certificate.not_after"), Some(24 * HOUR_MS));
        assert_eq!(until("context.certificate.not_after >= context.now"), Some(24 * HOUR_MS + 1));
        assert_eq!(until("context.now.offset(duration(\"20h\")) < context.certificate.not_after"), Some(4 * HOUR_MS));
        let remaining = "context.certificate.not_after.durationSince(context.now)";
        assert_eq!(until(&format!("{remaining} > duration(\"20h\")")), Some(4 * HOUR_MS));
        assert_eq!(until(&format!("{remaining} >= duration(\"20h\")")), Some(4 * HOUR_MS + 1));
        assert_eq!(until("context.certificate.not_after > datetime(\"2026-01-01\")"), None);
    }

    #[test]
    fn ages_end_it_as_early_as_they_can_be_reached() {
        let device =
            |condition: &str| at_midnight(&format!("context has device.age_s && context.device.age_s {condition}"));
        assert_eq!(device("< 11"), Some(1));
        assert_eq!(device("< 20"), Some(9_001));
        assert_eq!(device("<= 20"), Some(10_001));
        assert_eq!(device("< 10"), None);
        assert_eq!(at_midnight("context has session && context.session.auth_age_s < 61"), Some(1));
    }

    #[test]
    fn what_is_not_understood_holds_for_a_second() {
        let unclear = [
            "context has device.age_s && context.device.age_s * 2 < 100",
            "context has certificate && context.now.toDate() < context.certificate.not_after",
            "context.now.toDate().offset(duration(\"1h\")) == datetime(\"2026-01-01\")",
            "context == context",
            "context has device && [context.device].contains(context.device)",
            "context has session && (if true then context.session else context.session).auth_age_s < 100",
            "context.now.offset(duration(\"9223370000000000000ms\")) > datetime(\"2026-01-01\")",
            "context.now.offset(duration(\"-9223372036854775808ms\")) < datetime(\"2026-01-01\")",
        ];
        for condition in unclear {
            assert_eq!(at_midnight(condition), Some(1_000), "{condition}");
        }
    }
}
