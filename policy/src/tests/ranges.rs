//! Policies that can err do not load, and questions outside of the bounds are refused.

use proptest::prelude::*;

use super::*;

const PATCHED: &str = "context has device.patch_age_days && context.device.patch_age_days";

fn text(condition: &str) -> String {
    format!("permit (principal, action, resource)\nwhen {{ {condition} }};")
}

fn error(condition: &str) -> String {
    errors(&text(condition)).join("\n")
}

#[test]
fn arithmetic_that_can_overflow_does_not_load() {
    let found = error(&format!("{PATCHED} * 9223372036854775807 > 0"));
    assert!(
        found.starts_with("a.cedar:2:45: `context.device.patch_age_days * 9223372036854775807` can overflow"),
        "{found}"
    );
    assert!(found.contains("from 0 to 922337203685477580700000; compare the facts without arithmetic"), "{found}");
    let erring = [
        format!("{PATCHED} + 9223372036854775806 > 0"),
        format!("{PATCHED} - 1 < 0 && -9223372036854775807 - context.device.patch_age_days < 0"),
        "context.now.offset(duration(\"9223372036854775807ms\")) > context.now".to_owned(),
        "context has session && context.session.auth_age_s * context.session.auth_age_s > 5".to_owned(),
        "context has session && (if true then context.session.auth_age_s else 9223372036854775807) + 1 > 5".to_owned(),
        "(-9223372036854775807 - 1) * -1 > 0".to_owned(),
        "datetime(\"2026-01-01\").offset(duration(\"-9223372036854775807ms\")).durationSince(context.now) > duration(\"1d\")"
            .to_owned(),
    ];
    for condition in erring {
        assert!(error(&condition).contains("can overflow"), "{condition}: {}", error(&condition));
    }
}

#[test]
fn attributes_of_entities_that_do_not_exist_do_not_load() {
    let found = error("App::\"wikki\".sensitivity == \"low\"");
    assert!(
        found.contains("a.cedar:2:8: `App::\"wikki\"` does not exist") && found.contains("did you mean `wiki`?"),
        "{found}"
    );
    assert!(
        error("(if true then App::\"hr\" else App::\"x\").sensitivity == \"low\"").contains("`App::\"x\"` does not")
    );
    assert!(load(&text("App::\"wiki\".sensitivity == \"low\"")).is_ok());
}

#[test]
fn literals_that_mean_nothing_do_not_load() {
    for literal in ["ip(\"300.0.0.1\")", "datetime(\"2026-13-01\")", "duration(\"1y\")", "decimal(\"1.23456\")"] {
        assert!(error(&format!("{literal} == {literal}")).starts_with("a.cedar:2:"), "{literal}");
    }
    assert!(error("ip(context.request.host).isIpv4()").starts_with("a.cedar:2:"));
}

#[test]
fn ordinary_arithmetic_loads() {
    let fine = [
        "context.now.offset(duration(\"-7d\")) > datetime(\"2026-01-01\")".to_owned(),
        "context.now.durationSince(datetime(\"1970-01-01\")).toDays() * 24 > 5".to_owned(),
        "context.now.toDate() == datetime(\"2026-01-01\") && context.now.toTime() < duration(\"18h\")".to_owned(),
        format!("{PATCHED} * 24 + 5 - 3 <= -(-30)"),
        "context has certificate && context.certificate.not_after.durationSince(context.now) > duration(\"30d\")"
            .to_owned(),
    ];
    for condition in fine {
        assert_eq!(warnings(&text(&condition)), Vec::<String>::new(), "{condition}");
    }
}

#[test]
fn what_has_no_bounds_is_warned_of() {
    let extension = "action \"pay\" appliesTo { principal: [User], resource: App, context: { amount: Long } };";
    let policy = "permit (principal, action == Action::\"pay\", resource)\nwhen { context.amount * 2 > 5 };";
    let sources = Sources { schema_extensions: vec![source(extension)], ..sources(policy) };
    let found = load_sources(&sources).unwrap().warnings;
    assert!(
        found[0].to_string().starts_with("a.cedar:2:8: `context.amount * 2` may overflow: nothing bounds"),
        "{found:?}"
    );
}

#[test]
fn questions_outside_of_the_bounds_are_errors() {
    let set = load("permit (principal, action, resource);").unwrap().set;
    let decided = |change: &dyn Fn(&mut Context<'_>)| {
        let mut question = question(&[]);
        change(&mut question.context);
        summary(&set.decide(&question, Mode::Enforce))
    };
    assert_eq!(decided(&|context| context.now_ms = *bounds::NOW_MS.end()), "permit a.cedar:1");
    assert_eq!(decided(&|context| context.now_ms = *bounds::NOW_MS.end() + 1), "Error");
    assert_eq!(decided(&|context| context.now_ms = -1), "Error");
    assert_eq!(decided(&|context| context.alert_level = 5), "permit a.cedar:1");
    assert_eq!(decided(&|context| context.alert_level = 6), "Error");
    assert_eq!(decided(&|context| context.device.as_mut().unwrap().patch_age_days = Some(-1)), "Error");
    assert_eq!(decided(&|context| context.device.as_mut().unwrap().age_s = Some(i64::MAX)), "Error");
    assert_eq!(decided(&|context| context.session.as_mut().unwrap().auth_age_s = -5), "Error");
    assert_eq!(decided(&|context| context.certificate.as_mut().unwrap().not_after_ms = i64::MIN), "Error");
}

/// Numbers, and times in milliseconds, of arithmetic over facts.
fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("context.device.patch_age_days".to_owned()),
        Just("context.session.auth_age_s".to_owned()),
        Just("context.now.durationSince(datetime(\"2000-01-01\")).toMilliseconds()".to_owned()),
        Just("context.now.toTime().toHours()".to_owned()),
        any::<i64>().prop_filter("`-` of the least is no literal", |n| *n != i64::MIN).prop_map(|n| format!("({n})")),
        (-20_i64..20).prop_map(|n| format!("({n})")),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(&["+", "-", "*"]), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            inner.clone().prop_map(|a| format!("(-({a}))")),
            (inner.clone(), inner)
                .prop_map(|(a, b)| format!("(if context.request.path like \"/a*\" then {a} else {b})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// What loads does not err, whatever the facts within their bounds.
    #[test]
    fn what_loads_does_not_err(
        number in number(),
        ages in prop::collection::vec((bounds::PATCH_AGE_DAYS, bounds::AGE_S, bounds::NOW_MS), 8),
    ) {
        let text = text(&format!("context has device.patch_age_days && context has session && {number} > 0"));
        let Ok(loaded) = load(&text) else { return Ok(()) };
        let ends = [
            (*bounds::PATCH_AGE_DAYS.end(), *bounds::AGE_S.end(), *bounds::NOW_MS.end()),
            (*bounds::PATCH_AGE_DAYS.end(), 0, 0),
            (0, *bounds::AGE_S.end(), 0),
        ];
        for (patch_age_days, auth_age_s, now_ms) in ages.into_iter().chain(ends) {
            let mut question = question(&[]);
            question.context.now_ms = now_ms;
            question.context.device = Some(Device { id: "d", patch_age_days: Some(patch_age_days), ..Device::default() });
            question.context.session = Some(Session { method: "oidc", acr: None, auth_age_s });
            let decided = summary(&loaded.set.decide(&question, Mode::Enforce));
            prop_assert!(!decided.starts_with("Error"), "{}: {}", text, decided);
        }
    }
}
