//! Every construct, compared with Cedar.

use crate::tests::{NOW_MS, groups, load_erring, question, summary};
use crate::*;

/// Conditions over the questions below. Each must be compiled and answer as Cedar does.
const CONDITIONS: &[&str] = &[
    // Booleans.
    "true",
    "!false && (true || false)",
    "context has device.managed && context.device.managed",
    "context has device && context.device has managed && context.device.managed == (context.device has risk)",
    "context has device.managed && (context.device.managed == true) != (false == context.device.managed)",
    "if context has device then context.device has risk else context has session",
    "context has device && !(context.device has owner) || context has threat.list && context.threat.list == \"x\"",
    // What is certain may not hide what fails.
    "context has device.patch_age_days && context.device.patch_age_days * 9223372036854775807 > 0 && false",
    "context has device.patch_age_days && (context.device.patch_age_days * 9223372036854775807 > 0 || true)",
    "false && 9223372036854775807 + 1 > 0",
    "true || 9223372036854775807 + 1 > 0",
    "context.request.method == \"GET\" && 9223372036854775807 + 1 > 0",
    // Numbers.
    "context has device.patch_age_days && context.device.patch_age_days <= 30",
    "context has device.patch_age_days && 3 < context.device.patch_age_days",
    "context has device.patch_age_days && -context.device.patch_age_days - 4 >= -(7)",
    "context has device.patch_age_days && context.device.patch_age_days * 2 + 1 != 7",
    "context has device.patch_age_days && context.device.patch_age_days + 9223372036854775805 > 0",
    "context has device.patch_age_days && context.device.patch_age_days - 9223372036854775807 < -3",
    "context has device.patch_age_days && -(0 - 9223372036854775807 - context.device.patch_age_days) > 0",
    "context has device.age_s && context has session && context.device.age_s < context.session.auth_age_s",
    "(if context has session then context.session.auth_age_s else 7) > 6",
    // Text.
    "context.request.path like \"/a*\"",
    "context.request.path like \"*a\" || context.request.path like \"/*b*c*\" || context.request.path like \"\"",
    "context.request.path like \"/x\\*y\" || context.request.path like \"*\" && context.request.path like \"/b**\"",
    "context.request.path like \"/á*ạ\"",
    "\"abc\" like \"a*\" && !(\"abc\" like \"a\")",
    "context.request.path == \"/b/c\" || \"/a\" == context.request.path",
    "context.request.host == context.request.path",
    "(if context has session.acr then context.session.acr else \"none\") == \"none\"",
    // Addresses.
    "context.request.source_ip.isIpv4() && !context.request.source_ip.isIpv6()",
    "context.request.source_ip.isLoopback() || context.request.source_ip.isMulticast()",
    "context.request.source_ip.isInRange(ip(\"192.0.2.0/24\"))",
    "context.request.source_ip.isInRange(ip(\"2001:db8::/32\"))",
    "context.request.source_ip.isInRange(ip(\"0.0.0.0/0\")) || context.request.source_ip.isInRange(ip(\"::/0\"))",
    "ip(\"192.0.2.0/25\").isInRange(ip(\"192.0.2.0/24\")) && !ip(\"192.0.2.0/23\").isInRange(ip(\"192.0.2.0/24\"))",
    "ip(\"127.0.0.0/8\").isLoopback() && !ip(\"127.0.0.0/7\").isLoopback() && ip(\"ff00::/8\").isMulticast()",
    "context.request.source_ip == ip(\"192.0.2.1\") || ip(\"::1\") == context.request.source_ip",
    "ip(\"10.0.0.1/24\") == ip(\"10.0.0.0/24\") || ip(\"10.0.0.1\") == ip(\"10.0.0.1/32\")",
    // Decimals.
    "decimal(\"1.5\") == decimal(\"1.50\") && decimal(\"-0.1\").lessThan(decimal(\"0.0\"))",
    "decimal(\"1.9999\").greaterThanOrEqual(decimal(\"2.0\")) || decimal(\"2.0\").lessThanOrEqual(decimal(\"2.0\"))",
    "decimal(\"-922337203685477.5808\").greaterThan(decimal(\"922337203685477.5807\"))",
    // Times.
    "context.now >= datetime(\"2026-01-01\") && context.now < datetime(\"2026-01-01T07:30:00.001+0730\")",
    "context.now.offset(duration(\"-1ms\")).toDate() == datetime(\"2025-12-31\")",
    "context.now.offset(duration(\"25h\")).toTime() == duration(\"1h\")",
    "datetime(\"1969-12-31T23:00:00Z\").toTime() == duration(\"23h\")",
    "context.now.durationSince(datetime(\"2025-12-31\")).toHours() == 24",
    "duration(\"-1d2h3m4s5ms\").toMilliseconds() == -93784005 && duration(\"-90s\").toMinutes() == -1",
    "duration(\"36h\").toDays() == 1 && duration(\"1999ms\").toSeconds() == 1 && duration(\"1m\") > duration(\"59s\")",
    "context.now.offset(duration(\"9223372036854775807ms\")) > context.now",
    "context.now.durationSince(datetime(\"0000-01-01\").offset(duration(\"-9223372036854775807ms\"))) > duration(\"0s\")",
    "context has certificate && context.now < context.certificate.not_after",
    "context has certificate && context.certificate.not_after.toDate() == context.now.offset(duration(\"1d\"))",
    // Entities.
    "principal == User::\"alice\"",
    "User::\"bob\" == principal || principal != principal",
    "principal is User && !(principal is Workload)",
    "principal is User in Group::\"staff\"",
    "principal in Group::\"staff\" || principal in User::\"alice\"",
    "principal in [Group::\"nobody\", Group::\"staff\"] || principal in [User::\"bob\", User::\"al\"]",
    "User::\"alice\" in Group::\"staff\"",
    "Group::\"staff\" in Group::\"staff\" && !(Group::\"staff\" in Group::\"admins\")",
    "principal is User && [User::\"bob\", User::\"alice\"].contains(principal)",
    "(if principal is User then principal else User::\"bob\") in Group::\"staff\"",
    "(if principal in Group::\"staff\" then User::\"alice\" else User::\"bob\") == principal",
    "(if principal in Group::\"staff\" then User::\"alice\" else User::\"bob\") is User",
    "principal in (if context has device then Group::\"staff\" else Group::\"admins\")",
    "principal in [Group::\"admins\", if context has device then Group::\"staff\" else Group::\"admins\"]",
    "action == Action::\"read\"",
    "action in [Action::\"read\", Action::\"approve\"] && !(action in Action::\"write\")",
    "resource == App::\"hr\" && resource in AppGroup::\"internal\" && !(resource in AppGroup::\"public\")",
    "resource in [App::\"wiki\", App::\"x\"] || resource in [AppGroup::\"x\", AppGroup::\"internal\"]",
    "resource.sensitivity == \"high\" && resource has owner && resource.owner == \"alice\"",
    "App::\"wiki\" has owner || App::\"wiki\".sensitivity == \"low\"",
    "App::\"nowhere\" has sensitivity || App::\"nowhere\".sensitivity == \"low\"",
    "App::\"wiki\" in AppGroup::\"public\" && App::\"nowhere\" in App::\"nowhere\"",
    "principal has sensitivity || action has sensitivity",
    // Sets and records.
    "[\"GET\", \"HEAD\"].contains(context.request.method)",
    "context has device.risk && [\"low\", \"medium\"].contains(context.device.risk)",
    "[1, 2, 2].containsAll([2]) && [1].containsAny([2, 1]) && !([1].containsAll([1, 3]))",
    "context has device.patch_age_days && [1, context.device.patch_age_days].contains(3)",
    "context has device.patch_age_days && [context.device.patch_age_days * 9223372036854775807].contains(3)",
    "context has device.patch_age_days && [1, context.device.patch_age_days] == [3, 1, 1]",
    "[context.request.method].isEmpty() || [[1], [2, 2]].contains([2])",
    "(if context has device then [1] else [2]).contains(2)",
    "(if context has device then [1] else [2]) == [1]",
    "{a: context.request.method, b: 1} == {b: 1, a: \"GET\"}",
    "{a: \"x\", b: 1}.b == 1 && {a: 1} has a && !({a: 1} has b)",
    "[{a: 1}, {a: 2}].contains({a: 2})",
    "[{ip: ip(\"10.0.0.1\"), now: context.now}].contains({ip: ip(\"10.0.0.1/32\"), now: datetime(\"2026-01-01\")})",
    "context has device && context.device == context.device",
    "context has threat && context.threat == {list: \"scanners\"}",
    "context has target && context.target == {kind: \"user\", id: \"bob\"}",
    "context has target.id && context.target.kind == \"user\" && context.target.id == context.request.host",
    "context has risk && [\"medium\", \"high\"].contains(context.risk)",
    "context.alert_level > 1 || context.signal_lost",
    "context.alert_level * 9223372036854775807 > 1 || !context.signal_lost",
    "context has break_glass && context.break_glass.grant like \"fire-*\" && !(context has break_glass.approvers)",
    "context.request has site && context.request.site == \"cross-site\" || context.request has origin",
    "context has request.origin && context.request.origin like \"https://*\" && [context.request].contains(context.request)",
    "context == context && [context].contains(context)",
    "context has device && [context.device].contains(context.device)",
];

/// Questions that differ in what is present.
fn ask_all(mut ask: impl FnMut(&Question<'_>)) {
    let staff = groups(&["staff", "readers"]);
    let whole = question(&staff);
    ask(&whole);
    let workload = Principal { kind: PrincipalKind::Workload, ..whole.principal };
    ask(&Question { principal: workload, action: "write", ..whole });
    let mut bare = Question { principal: Principal { groups: &[], id: "bob", ..whole.principal }, ..whole };
    bare.context = Context { device: None, certificate: None, session: None, ..bare.context };
    bare.context.request.path = "/b/c";
    bare.context.request.source_ip = "2001:db8::1".parse().unwrap();
    ask(&bare);
    let mut full = question(&staff);
    full.action = "approve";
    full.context.device =
        Some(Device { managed: Some(true), risk: Some("low"), age_s: None, ..whole.context.device.unwrap() });
    full.context.session = Some(Session { method: "oidc", acr: Some("high"), auth_age_s: 5 });
    full.context.threat = Some(Threat { list: "scanners" });
    full.context.target = Some(Target { kind: "user", id: "bob" });
    full.context.risk = Some("high");
    full.context.break_glass = Some(BreakGlass { grant: "fire-1" });
    (full.context.alert_level, full.context.signal_lost) = (3, true);
    (full.context.request.site, full.context.request.origin) = (Some("cross-site"), Some("https://other.example"));
    full.context.now_ms = NOW_MS - 1;
    full.context.request.path = "/áđạ";
    full.context.request.source_ip = "::ffff:127.0.0.1".parse().unwrap();
    ask(&full);
}

#[test]
fn every_construct_means_what_cedar_says() {
    let mut wrong = Vec::new();
    for condition in CONDITIONS {
        let text = format!(
            "@id(\"p\") permit (principal, action, resource) when {{ {condition} }};
             @id(\"f\") forbid (principal, action, resource) unless {{ {condition} }};"
        );
        let set = match load_erring(&text) {
            Ok(loaded) => loaded.set,
            Err(errors) => {
                wrong.push(format!("{condition}: {}", errors[0]));
                continue;
            }
        };
        if set.interpreted() != 0 {
            wrong.push(format!("{condition}: is not compiled"));
        }
        ask_all(|question| {
            let expected = summary(&set.decide_by_cedar(question, Mode::Enforce));
            let found = summary(&set.decide(question, Mode::Enforce));
            if found != expected {
                wrong.push(format!("{condition}: {found} and not {expected} for {question:?}"));
            }
        });
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_not_compiled_is_interpreted() {
    let rare = "(if context has device then App::\"hr\" else App::\"wiki\").sensitivity == \"high\"";
    let set = load_erring(&format!(
        "@id(\"c\") permit (principal, action, resource);
         @id(\"i\") permit (principal, action == Action::\"read\", resource) when {{ {rare} }};"
    ));
    let set = set.unwrap().set;
    assert_eq!(set.interpreted(), 1);
    let mut answers = Vec::new();
    ask_all(|question| {
        let answer = summary(&set.decide(question, Mode::Enforce));
        assert_eq!(answer, summary(&set.decide_by_cedar(question, Mode::Enforce)));
        answers.push(answer);
    });
    assert_eq!(answers, ["permit c i", "permit c", "permit c", "permit c"]);
}

/// A time that Cedar's text cannot write, as certificates without an end have.
#[test]
fn certificates_may_end_after_the_last_day_of_the_calendar() {
    let text = "@id(\"p\") permit (principal, action, resource)
        when { context has certificate && context.certificate.not_after > datetime(\"9999-12-31T23:59:59Z\") };";
    let set = load_erring(text).unwrap().set;
    let mut question = question(&[]);
    for (not_after_ms, expected) in [(253_402_300_799_000, "NoPermit"), (i64::MAX, "permit p")] {
        question.context.certificate = question.context.certificate.map(|it| Certificate { not_after_ms, ..it });
        assert_eq!(summary(&set.decide(&question, Mode::Enforce)), expected);
        assert_eq!(summary(&set.decide_by_cedar(&question, Mode::Enforce)), expected);
    }
}
