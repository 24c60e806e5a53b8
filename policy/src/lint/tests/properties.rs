//! Random policies and questions: what the linter says of the policies is true of the answers.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::tests::{for_our_apps, groups, question, set, sources, summary};
use crate::{Device, Diagnostic, Mode, PolicySet, Principal, PrincipalKind, Question, Session, Vocabulary, lint};

fn condition() -> impl Strategy<Value = String> {
    let operator = || select(&["<", "<=", ">", ">=", "==", "!="]);
    let method = || select(&["\"GET\"", "\"PUT\"", "\"POST\""]);
    let leaf = prop_oneof![
        (operator(), -1..4_i64).prop_map(|(operator, age)| {
            format!("context has device.patch_age_days && context.device.patch_age_days {operator} {age}")
        }),
        (operator(), 0..4_i64).prop_map(|(operator, age)| {
            format!("context has session && {age} {operator} context.session.auth_age_s")
        }),
        (operator(), 0..3_i64)
            .prop_map(|(operator, day)| format!("context.now {operator} datetime(\"2026-01-0{}\")", day + 1)),
        (select(&["==", "!="]), method())
            .prop_map(|(operator, method)| format!("context.request.method {operator} {method}")),
        (method(), method()).prop_map(|(a, b)| format!("[{a}, {b}].contains(context.request.method)")),
        select(&[
            "true",
            "context has device",
            "context has device.managed && context.device.managed",
            "context has device.managed && context.device.managed == false",
            "resource.sensitivity == \"high\"",
            "resource.sensitivity != \"high\"",
            "resource has owner && resource.owner == \"alice\"",
            "resource in [AppGroup::\"public\", AppGroup::\"internal\"]",
            "resource == App::\"wiki\"",
            "principal in Group::\"staff\"",
            "principal in [Group::\"staff\", Group::\"admins\"]",
            "principal == User::\"alice\"",
            "principal is Workload",
            "action == Action::\"read\"",
            "action in [Action::\"read\", Action::\"write\"]",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), select(&["&&", "||"]), inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("(if {a} then {b} else {c})")),
        ]
    })
}

fn policy() -> impl Strategy<Value = String> {
    let principal =
        select(&["principal", "principal is User", "principal in Group::\"staff\"", "principal == User::\"bob\""]);
    let action = select(&["action", "action == Action::\"read\"", "action in [Action::\"read\", Action::\"write\"]"]);
    let resource = select(&[
        "resource",
        "resource == App::\"hr\"",
        "resource in AppGroup::\"public\"",
        "resource in AppGroup::\"internal\"",
        "resource == App::\"nowhere\"",
    ]);
    let clause = (any::<bool>(), condition())
        .prop_map(|(when, condition)| format!("{} {{ {condition} }}", if when { "when" } else { "unless" }));
    let clauses = prop::collection::vec(clause, 0..3);
    (prop::bool::weighted(0.7), principal, action, resource, clauses).prop_map(|(permit, p, a, r, clauses)| {
        format!("{} ({p}, {a}, {r}) {};", if permit { "permit" } else { "forbid" }, clauses.join(" "))
    })
}

/// The parts of a random question.
#[derive(Debug, Clone)]
struct Asked {
    kind: PrincipalKind,
    id: &'static str,
    groups: Vec<&'static str>,
    action: &'static str,
    app: &'static str,
    device: Option<(Option<bool>, Option<i64>)>,
    auth_age_s: Option<i64>,
    method: &'static str,
    day: i64,
}

fn asked() -> impl Strategy<Value = Asked> {
    let who = (
        select(&[PrincipalKind::User, PrincipalKind::Workload]),
        select(&["alice", "bob"]),
        subsequence(vec!["staff", "admins"], 0..=2),
    );
    let what = (select(&["read", "write", "approve"]), select(&["hr", "wiki"]), select(&["GET", "PUT", "DELETE"]));
    let device = prop::option::of((prop::option::of(any::<bool>()), prop::option::of(0..4_i64)));
    (who, what, device, prop::option::of(0..4_i64), 0..3_i64).prop_map(
        |((kind, id, groups), (action, app, method), device, auth_age_s, day)| Asked {
            kind,
            id,
            groups,
            action,
            app,
            device,
            auth_age_s,
            method,
            day,
        },
    )
}

impl Asked {
    /// The answer in short, without the policies that gave it.
    fn of(&self, set: &PolicySet) -> String {
        let groups = groups(&self.groups);
        let mut question = Question { action: self.action, app: self.app, ..question(&groups) };
        question.principal = Principal { kind: self.kind, id: self.id, groups: &groups };
        question.context.request.method = self.method;
        question.context.now_ms += self.day * 86_400_000;
        question.context.device = self.device.map(|(managed, patch_age_days)| Device {
            id: "d",
            managed,
            patch_age_days,
            ..Device::default()
        });
        question.context.session = self.auth_age_s.map(|auth_age_s| Session { method: "oidc", acr: None, auth_age_s });
        let answer = summary(&set.decide(&question, Mode::Enforce));
        answer.split(' ').next().unwrap_or_default().to_owned()
    }
}

fn found(text: &str) -> Vec<Diagnostic> {
    for_our_apps(|vocabulary| {
        lint(&sources(text), &Vocabulary { groups: Some(&["staff", "admins"]), ..*vocabulary }).unwrap()
    })
}

fn line(found: &Diagnostic) -> usize {
    found.place.as_ref().unwrap().line
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Without whatever the linter calls superfluous, every answer is the same.
    #[test]
    fn superfluous_policies_decide_nothing(
        policies in prop::collection::vec(policy(), 1..7),
        questions in prop::collection::vec(asked(), 24),
    ) {
        let found = found(&policies.join("\n"));
        let superfluous = |line_of: usize| found.iter().any(|found| {
            line(found) == line_of
                && (matches!(found.code, Some("shadowed" | "unreachable" | "duplicate")) || found.message.contains("never applies"))
        });
        let kept = policies.iter().enumerate().filter(|(index, _)| !superfluous(index + 1)).map(|(_, policy)| policy.as_str());
        let kept = kept.collect::<Vec<_>>().join("\n");
        let all = policies.join("\n");
        if kept != all {
            let (before, after) = (set(&all), set(&kept));
            for question in questions {
                prop_assert_eq!(question.of(&before), question.of(&after), "{:?}\n{}\nkept:\n{}", question, all, kept);
            }
        }
    }

    /// What never applies permits nobody, and what is always true permits everybody.
    #[test]
    fn constant_conditions_are_constant(condition in condition(), questions in prop::collection::vec(asked(), 24)) {
        let text = format!("permit (principal, action, resource)\nwhen {{ {condition} }};");
        let found = found(&text);
        let says = |what: &str| found.iter().any(|found| found.message.contains(what));
        let is_whole = |found: &Diagnostic| found.message == format!("the condition `{condition}` of policy `a.cedar:1` always holds");
        let set = set(&text);
        for question in questions {
            if says("never applies") {
                prop_assert_eq!(question.of(&set), "NoPermit", "{}", text);
            }
            if found.iter().any(is_whole) {
                prop_assert_eq!(question.of(&set), "permit", "{}", text);
            }
        }
    }
}
