//! Properties over random policies and questions. That answers are those of Cedar is tested in `policy/differential/`.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const DAY_MS: i64 = 86_400_000;

fn text(policies: &[String]) -> String {
    policies.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Between a question and its `holds_until_ms`, time alone does not change the answer.
    #[test]
    fn answers_hold_as_long_as_they_say(
        conditions in prop::collection::vec(timed_condition(), 1..5),
        start_ms in -DAY_MS..DAY_MS,
        phase_ms in 0..1000_i64,
        ages_s in (0..20_i64, 0..20_i64),
        samples in prop::collection::vec(0.0..1.0_f64, 8),
    ) {
        let policies: Vec<_> = conditions.iter().enumerate().map(|(n, condition)| {
            let effect = if n % 3 == 0 { "permit" } else { "forbid" };
            format!("{effect} (principal, action, resource) when {{ {condition} }};")
        }).collect();
        let set = set(&text(&policies));
        let at = |elapsed_ms: i64| {
            let mut question = question(&[]);
            let later_s = (phase_ms + elapsed_ms) / 1000;
            question.context.now_ms = NOW_MS + start_ms + elapsed_ms;
            question.context.device = Some(Device { id: "d", age_s: Some(ages_s.0 + later_s), ..Device::default() });
            question.context.session = Some(Session { method: "oidc", acr: None, auth_age_s: ages_s.1 + later_s });
            set.decide(&question, Mode::Enforce)
        };
        let first = at(0);
        let until = match &first {
            Decision::Permit(permit) => permit.holds_until_ms(),
            Decision::Deny(denial) => denial.holds_until_ms,
        };
        let held_ms = until.map_or(3 * DAY_MS, |until| until - NOW_MS - start_ms);
        prop_assert!(held_ms > 0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any moment within will do")]
        let within = samples.iter().map(|part| (*part * held_ms as f64) as i64);
        for elapsed_ms in within.chain([held_ms - 1]) {
            prop_assert_eq!(summary(&at(elapsed_ms)), summary(&first), "after {} ms", elapsed_ms);
        }
    }
}

fn timed_condition() -> impl Strategy<Value = String> {
    let operator = || select(&["<", "<=", ">", ">=", "==", "!="]);
    let shift = || select(&["", ".offset(duration(\"7h\"))", ".offset(duration(\"-90m1ms\"))"]);
    let comparison = |clock: String, operator: &str, literal: String, swap: bool| match swap {
        true => format!("{literal} {operator} {clock}"),
        false => format!("{clock} {operator} {literal}"),
    };
    let instant = (shift(), operator(), -DAY_MS..DAY_MS, any::<bool>()).prop_map(move |(shift, operator, ms, swap)| {
        let literal = format!("datetime(\"2026-01-01\").offset(duration(\"{ms}ms\"))");
        comparison(format!("context.now{shift}"), operator, literal, swap)
    });
    let since = (operator(), -DAY_MS..DAY_MS, any::<bool>()).prop_map(move |(operator, ms, swap)| {
        let clock = "context.now.durationSince(datetime(\"2026-01-01T00:00:00Z\"))".to_owned();
        comparison(clock, operator, format!("duration(\"{ms}ms\")"), swap)
    });
    let time = (shift(), operator(), -5..=DAY_MS, any::<bool>()).prop_map(move |(shift, operator, ms, swap)| {
        comparison(format!("context.now{shift}.toTime()"), operator, format!("duration(\"{ms}ms\")"), swap)
    });
    let age = (any::<bool>(), operator(), -1..25_i64, any::<bool>()).prop_map(move |(device, operator, age, swap)| {
        let (guard, clock) = match device {
            true => ("context has device.age_s", "context.device.age_s"),
            false => ("context has session", "context.session.auth_age_s"),
        };
        format!("{guard} && {}", comparison(clock.to_owned(), operator, age.to_string(), swap))
    });
    let date = (shift(), operator(), -1..2_i64, any::<bool>()).prop_map(move |(shift, operator, days, swap)| {
        let literal = format!("datetime(\"2026-01-01\").offset(duration(\"{days}d\"))");
        comparison(format!("context.now{shift}.toDate()"), operator, literal, swap)
    });
    let certificate = (shift(), operator(), any::<bool>()).prop_map(move |(shift, operator, swap)| {
        let end = "context.certificate.not_after".to_owned();
        format!("context has certificate && {}", comparison(format!("context.now{shift}"), operator, end, swap))
    });
    let remaining = (operator(), -DAY_MS..2 * DAY_MS, any::<bool>()).prop_map(move |(operator, ms, swap)| {
        let clock = "context.certificate.not_after.durationSince(context.now)".to_owned();
        let literal = format!("duration(\"{ms}ms\")");
        format!("context has certificate && {}", comparison(clock, operator, literal, swap))
    });
    prop_oneof![instant, since, time, age, date, certificate, remaining]
}
