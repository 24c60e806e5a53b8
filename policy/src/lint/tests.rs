//! What the linter finds, and that what it finds is true.

use crate::tests::{for_our_apps, sources};
use crate::{Diagnostic, Vocabulary, lint};

mod properties;

/// What is found for `hr` (internal, secret) and `wiki` (internal and public), where there are staff and admins.
fn found(text: &str) -> Vec<Diagnostic> {
    for_our_apps(|vocabulary| {
        let mut apps = vocabulary.apps.to_vec();
        apps.iter_mut().filter(|app| app.name == "hr").for_each(|app| app.sensitivity = "secret");
        let vocabulary = Vocabulary { apps: &apps, groups: Some(&["staff", "admins"]), ..*vocabulary };
        lint(&sources(text), &vocabulary).unwrap_or_else(|errors| panic!("{text}: {errors:#?}"))
    })
}

/// The codes and places of what is found, `no-posture` aside.
fn codes(text: &str) -> Vec<String> {
    let found = found(text).into_iter().filter(|found| found.code != Some("no-posture"));
    found.map(|found| format!("{} {}", found.code.unwrap(), found.place.unwrap())).collect()
}

fn when(condition: &str) -> Vec<String> {
    codes(&format!("permit (principal, action, resource)\nwhen {{ {condition} }};"))
}

#[test]
fn conditions_that_contradict_one_another() {
    let never = [
        "context.request.method == \"GET\" && context.request.method == \"PUT\"",
        "context.request.method == \"GET\" && [\"PUT\", \"POST\"].contains(context.request.method)",
        "context has device.age_s && context.device.age_s < 5 && context.device.age_s > 10",
        "context has device.age_s && context.device.age_s < 0",
        "context.now < datetime(\"2026-01-01\") && context.now.offset(duration(\"0h\")) < datetime(\"1960-01-01\")",
        "context has session && !(context has session)",
        "principal is Workload && principal == User::\"alice\"",
        "principal in Group::\"stuff\"",
        "resource == App::\"nowhere\"",
        "action == Action::\"read\" && action in [Action::\"write\", Action::\"approve\"]",
        "context.request.path like \"/a*\" && (context.request.method == \"GET\" || !(context.request.path like \"/a*\")) \
            && context.request.method != \"GET\"",
    ];
    for condition in never {
        let found = when(condition);
        assert_eq!(found.len(), 1, "{condition}: {found:?}");
        assert!(found[0].starts_with("vacuous a.cedar:2:"), "{condition}: {found:?}");
    }
    assert_eq!(codes("permit (principal, action, resource == App::\"nowhere\");"), ["vacuous a.cedar:1:1"]);
}

#[test]
fn conditions_that_are_always_true() {
    assert_eq!(when("true"), ["vacuous a.cedar:2:8"]);
    assert_eq!(when("resource is App"), ["vacuous a.cedar:2:8"]);
    assert_eq!(when("context has device.age_s && context.device.age_s >= 0"), ["vacuous a.cedar:2:36"]);
    assert_eq!(codes("forbid (principal, action, resource) unless { false };").len(), 1);
}

#[test]
fn conditions_that_say_something() {
    let fine = [
        "context.request.method == \"GET\" || context.request.method == \"PUT\"",
        "context has device.age_s && context.device.age_s > 5 && context.device.age_s < 10",
        "principal is User && principal in Group::\"staff\"",
        "resource in AppGroup::\"public\" && resource.sensitivity == \"secret\"",
        "resource in AppGroup::\"internal\" && resource.sensitivity != \"confidential\"",
        "context.request.host == context.request.path",
        "action in [Action::\"read\", Action::\"write\"]",
    ];
    for condition in fine {
        assert_eq!(when(condition), Vec::<String>::new(), "{condition}");
    }
}

#[test]
fn permits_that_another_makes_superfluous() {
    let wide = "@id(\"wide\") permit (principal in Group::\"staff\", action, resource in AppGroup::\"internal\");\n";
    let narrow =
        "@id(\"narrow\") permit (principal in Group::\"staff\", action == Action::\"read\", resource == App::\"wiki\")";
    let text = format!("{wide}{narrow} when {{ context.request.path like \"/a*\" }};");
    assert_eq!(codes(&text), ["shadowed a.cedar:2:1"]);
    assert!(
        found(&text)
            .iter()
            .any(|found| found.message.contains("permit `wide` at a.cedar:1:1 allows whatever it allows"))
    );
    let other =
        format!("permit (principal in Group::\"admins\", action, resource in AppGroup::\"internal\");\n{narrow};");
    assert!(codes(&other).is_empty());
    let ages = |age: u32| {
        let age = format!("context has session && context.session.auth_age_s < {age}");
        format!("permit (principal, action, resource) when {{ {age} }};\n")
    };
    assert_eq!(codes(&(ages(100) + &ages(50))), ["shadowed a.cedar:2:1"]);
    assert_eq!(codes(&(ages(50) + &ages(100))), ["shadowed a.cedar:1:1"]);
    let each = "permit (principal, action, resource == App::\"hr\");\npermit (principal, action, resource == App::\"wiki\");\n\
        permit (principal, action == Action::\"read\", resource);";
    assert_eq!(codes(each), ["shadowed a.cedar:3:1"]);
}

#[test]
fn what_is_only_observed_covers_nothing() {
    let observed = "@mode(\"observe\") permit (principal, action, resource);\n";
    let narrow = "permit (principal, action == Action::\"read\", resource);";
    assert!(codes(&format!("{observed}{narrow}")).is_empty());
}

#[test]
fn permits_that_a_forbid_refuses() {
    let forbid =
        "@id(\"f\") forbid (principal, action, resource in AppGroup::\"public\") unless { context has device };\n";
    let permit =
        |condition: &str| format!("{forbid}permit (principal, action, resource == App::\"wiki\") {condition};");
    assert_eq!(codes(&permit("unless { context has device }")), ["unreachable a.cedar:2:1"]);
    assert!(codes(&permit("unless { context has session }")).is_empty());
    let elsewhere = format!("{forbid}permit (principal, action, resource) unless {{ context has device }};");
    assert!(codes(&elsewhere).is_empty());
}

#[test]
fn policies_that_say_the_same() {
    let text = "permit (principal, action in [Action::\"read\", Action::\"write\"], resource == App::\"hr\")\n\
        when { context has session && context.session.auth_age_s <= 5 };\n\
        @id(\"b\") permit (principal, action, resource)\n\
        when { action == Action::\"write\" || action == Action::\"read\" }\n\
        when { resource.sensitivity == \"secret\" } when { context has session } unless { context.session.auth_age_s > 5 };";
    assert_eq!(codes(text), ["duplicate a.cedar:3:1"]);
}

#[test]
fn permits_for_sensitive_apps_that_never_look_at_the_device() {
    let lacking = |text: &str| found(text).iter().filter(|found| found.code == Some("no-posture")).count();
    let permit = "permit (principal in Group::\"staff\", action, resource)";
    let managed = "context has device.managed && context.device.managed";
    assert_eq!(lacking(&format!("{permit};")), 1);
    assert_eq!(lacking(&format!("{permit} when {{ context has device.managed }};")), 1);
    assert_eq!(lacking(&format!("{permit} when {{ context has device && context.device.id == \"x\" }};")), 1);
    assert_eq!(lacking(&format!("{permit} when {{ context.request.method == \"GET\" || ({managed}) }};")), 1);
    assert_eq!(lacking(&format!("{permit} when {{ {managed} }};")), 0);
    assert_eq!(lacking(&format!("{permit} when {{ resource in AppGroup::\"public\" }};")), 0);
    assert_eq!(lacking("permit (principal is Workload, action, resource);"), 0);
    let forbid = |scope: &str| format!("{permit};\nforbid ({scope}) unless {{ {managed} }};");
    assert_eq!(lacking(&forbid("principal is User, action, resource")), 0);
    assert_eq!(lacking(&forbid("principal, action, resource == App::\"hr\"")), 0);
    assert_eq!(lacking(&forbid("principal, action, resource == App::\"wiki\"")), 1);
    assert_eq!(lacking(&forbid("principal, action == Action::\"write\", resource")), 1);
}

#[test]
fn step_ups_that_no_session_can_fulfil() {
    let annotated =
        |condition: &str| codes(&format!("@step_up_acr(\"phr\") permit (principal, action, resource) {condition};"));
    assert_eq!(annotated(""), ["idle-step-up a.cedar:1:1"]);
    assert_eq!(annotated("when { context has session }"), ["idle-step-up a.cedar:1:1"]);
    assert_eq!(annotated("when { context has session && context.session.auth_age_s < 60 }"), Vec::<String>::new());
}

#[test]
fn tests_within_tests_do_not_multiply() {
    let deep = (0..60).fold("context has device".to_owned(), |test, n| {
        format!("if ({test}) then context.request.path == \"/{n}\" else context has session")
    });
    assert_eq!(when(&deep), Vec::<String>::new());
}

#[test]
fn what_does_not_load_is_not_linted() {
    for_our_apps(|vocabulary| assert!(lint(&sources("permit (principal, action, resorce);"), vocabulary).is_err()));
}
