//! Properties over random policies, apps and questions.

use std::collections::HashMap;

use cedar_policy as cedar;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::load::{Policy, parse_policies};
use crate::names::Names;
use crate::translate::Translator;

const DAY_MS: i64 = 86_400_000;

/// Conditions that strict validation admits; some of them err for some questions.
const CONDITIONS: &[&str] = &[
    "true",
    "false",
    "context.request.path like \"/a*\"",
    "resource.sensitivity == \"high\"",
    "resource in AppGroup::\"g1\"",
    "context has device && context.device has patch_age_days && context.device.patch_age_days * 9223372036854775807 > 0",
    "context has device && context.device has patch_age_days && context.device.patch_age_days + 9223372036854775806 > 0",
    "context has session && context.session.auth_age_s * 922337203685477580 < 0",
    "context.now.offset(duration(\"9223372036854775807ms\")) > context.now",
    "App::\"nowhere\".sensitivity == \"low\"",
    "principal in Group::\"staff\"",
];

fn policy() -> impl Strategy<Value = String> {
    let scopes = [
        "resource",
        "resource is App",
        "resource == App::\"a0\"",
        "resource == App::\"a1\"",
        "resource in App::\"a1\"",
        "resource in AppGroup::\"g0\"",
        "resource in AppGroup::\"g1\"",
        "resource is App in AppGroup::\"g2\"",
        "resource is App in App::\"a2\"",
    ];
    let clause = (any::<bool>(), select(CONDITIONS))
        .prop_map(|(when, condition)| format!("{} {{ {condition} }}", if when { "when" } else { "unless" }));
    (prop::bool::weighted(0.7), select(scopes.to_vec()), prop::collection::vec(clause, 0..3)).prop_map(
        |(permit, scope, clauses)| {
            let effect = if permit { "permit" } else { "forbid" };
            format!("{effect} (principal, action, {scope}) {};", clauses.join(" "))
        },
    )
}

fn text(policies: &[String]) -> String {
    policies.join("\n")
}

/// What Cedar says when it evaluates every policy, whatever the app.
fn whole(policies: &[Policy], apps: &[AppScope<'_>], question: &Question<'_>) -> String {
    let names = Names::new().unwrap();
    let set = cedar::PolicySet::from_policies(policies.iter().map(|policy| policy.cedar.clone())).unwrap();
    let apps = apps.iter().map(|app| {
        let attributes = HashMap::from([(
            "sensitivity".to_owned(),
            cedar::RestrictedExpression::new_string(app.sensitivity.to_owned()),
        )]);
        let groups = app.groups.iter().map(|group| names.app_group(group)).collect();
        cedar::Entity::new(names.app(app.name), attributes, groups).unwrap()
    });
    let principal = names.principal(&question.principal);
    let groups = question.principal.groups.iter().map(|group| names.group(group)).collect();
    let entities = apps.chain([cedar::Entity::new_no_attrs(principal.clone(), groups)]);
    let entities = cedar::Entities::from_entities(entities, None).unwrap();
    let action = "Action::\"read\"".parse().unwrap();
    let context = Translator::new().unwrap().context(&question.context).unwrap().into();
    let request = cedar::Request::new(principal, action, names.app(question.app), context, None).unwrap();
    let response = cedar::Authorizer::new().is_authorized(&request, &set, &entities);
    let errors = response.diagnostics().errors().map(|error| {
        let cedar::AuthorizationError::PolicyEvaluationError(error) = error;
        error.policy_id().to_string()
    });
    let errors: Vec<_> = errors.collect();
    let reasons: Vec<_> = response.diagnostics().reason().map(ToString::to_string).collect();
    let (what, mut ids) = match (errors.is_empty(), response.decision()) {
        (false, _) => ("Error", errors),
        (true, cedar::Decision::Allow) => ("permit", reasons),
        (true, cedar::Decision::Deny) if reasons.is_empty() => ("NoPermit", reasons),
        (true, cedar::Decision::Deny) => ("Forbid", reasons),
    };
    ids.sort();
    ids.iter().fold(what.to_owned(), |summary, id| format!("{summary} {id}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// A slice answers as all policies together do; in particular, no error is ever a permit.
    #[test]
    fn slices_agree_with_the_whole_set(
        policies in prop::collection::vec(policy(), 0..8),
        memberships in prop::collection::vec(prop::collection::vec(select(&["g0", "g1", "g2"]), 0..3), 3),
        app in 0..3_usize,
        patch_age_days in prop::option::of(0..3_i64),
        staff in any::<bool>(),
    ) {
        let memberships: Vec<_> = memberships.iter().map(|names| groups(names)).collect();
        let names = ["a0", "a1", "a2"];
        let apps: Vec<_> = names.iter().zip(&memberships).map(|(name, groups)| {
            AppScope { name, groups, owner: None, sensitivity: if *name == "a0" { "high" } else { "low" } }
        }).collect();
        let text = text(&policies);
        let set = PolicySet::load(&sources(&text), &Vocabulary { apps: &apps, ..Vocabulary::default() }).unwrap().set;
        let staff = if staff { groups(&["staff"]) } else { vec![] };
        let mut question = Question { app: names[app], ..question(&staff) };
        question.context.device = Some(Device { id: "d", patch_age_days, ..Device::default() });
        let expected = whole(&parse_policies(&[source(&text)]).unwrap(), &apps, &question);
        prop_assert_eq!(&summary(&set.decide(&question, Mode::Enforce)), &expected);
        prop_assert_eq!(summary(&set.decide_by_cedar(&question, Mode::Enforce)), expected);
    }

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
    prop_oneof![instant, since, time, age]
}
