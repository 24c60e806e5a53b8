//! What a decision says.

use super::*;

const PERMIT: &str = "@id(\"p\") permit (principal, action, resource);";

#[test]
fn denies_by_default() {
    assert_eq!(asked("", &question(&[])), "NoPermit");
    assert_eq!(asked("permit (principal == User::\"bob\", action, resource);", &question(&[])), "NoPermit");
}

#[test]
fn forbid_wins() {
    let text = format!("{PERMIT} @id(\"f\") forbid (principal, action, resource);");
    assert_eq!(asked(&text, &question(&[])), "Forbid f");
}

#[test]
fn groups_actions_and_kinds_of_principal_are_seen() {
    let staff = groups(&["staff"]);
    let text = "@id(\"p\") permit (principal is User in Group::\"staff\", action == Action::\"approve\", resource);";
    let mut question = question(&staff);
    assert_eq!(asked(text, &question), "NoPermit");
    question.action = "approve";
    assert_eq!(asked(text, &question), "permit p");
    question.principal.kind = PrincipalKind::Workload;
    assert_eq!(asked(text, &question), "NoPermit");
}

#[test]
fn app_attributes_and_groups_are_seen() {
    let text = r#"@id("p") permit (principal, action, resource in AppGroup::"internal")
        when { resource has owner && resource.owner == "alice" && resource.sensitivity == "high" };"#;
    assert_eq!(asked(text, &question(&[])), "permit p");
    assert_eq!(asked(text, &Question { app: "wiki", ..question(&[]) }), "NoPermit");
}

#[test]
fn another_app_that_a_policy_names_has_its_attributes() {
    let text = r#"@id("p") permit (principal, action, resource) when { App::"wiki".sensitivity == "low" };"#;
    assert_eq!(asked(text, &question(&[])), "permit p");
}

#[test]
fn every_fact_is_seen() {
    let text = r#"@id("p") permit (principal, action, resource) when {
        context has device.managed && context.device.managed && context.device.id == "d"
        && context has device.platform && context.device.platform == "linux"
        && context has device.os_version && context.device.os_version == "6"
        && context has device.disk_encrypted && context.device.disk_encrypted
        && context has device.firewall && context.device.firewall
        && context has device.screen_lock && context.device.screen_lock
        && context has device.secure_boot && context.device.secure_boot
        && context has device.edr_running && context.device.edr_running
        && context has device.patch_age_days && context.device.patch_age_days == 3
        && context has device.compliant && context.device.compliant
        && context has device.risk && context.device.risk == "low"
        && context has device.owner && context.device.owner == "alice"
        && context has device.source && context.device.source == "mdm"
        && context has device.age_s && context.device.age_s == 10
        && context has certificate && context.certificate.trust_domain == "staff"
        && context.certificate.fingerprint == "00ff" && context.certificate.issuer == "CN=ca"
        && context.certificate.serial == "01" && context.certificate.not_after > context.now
        && context has session.acr && context.session.acr == "high" && context.session.method == "oidc"
        && context.session.auth_age_s == 60
        && context.request.host == "hr.test" && context.request.path like "/a*" && context.request.method == "GET"
        && context.request.source_ip.isInRange(ip("192.0.2.0/24"))
        && context.now == datetime("2026-01-01T00:00:00.000Z")
    };"#;
    let mut question = question(&[]);
    question.context.device = Some(Device {
        id: "d",
        managed: Some(true),
        platform: Some("linux"),
        os_version: Some("6"),
        disk_encrypted: Some(true),
        firewall: Some(true),
        screen_lock: Some(true),
        secure_boot: Some(true),
        edr_running: Some(true),
        patch_age_days: Some(3),
        compliant: Some(true),
        risk: Some("low"),
        owner: Some("alice"),
        source: Some("mdm"),
        age_s: Some(10),
    });
    question.context.session = Some(Session { method: "oidc", acr: Some("high"), auth_age_s: 60 });
    question.context.request.source_ip = "::ffff:192.0.2.9".parse().unwrap();
    assert_eq!(asked(text, &question), "permit p");
}

#[test]
fn absent_records_are_absent() {
    let text = "@id(\"p\") permit (principal, action, resource)
        unless { context has device || context has certificate || context has session };";
    let mut question = question(&[]);
    assert_eq!(asked(text, &question), "NoPermit");
    question.context.device = None;
    question.context.certificate = None;
    question.context.session = None;
    assert_eq!(asked(text, &question), "permit p");
}

#[test]
fn an_error_denies_even_beside_a_permit_and_a_forbid() {
    let overflow = "(principal, action, resource) when { context has device && context.device has patch_age_days
        && context.device.patch_age_days * 9223372036854775807 > 0 };";
    for effect in ["permit", "forbid"] {
        let text = format!(
            "{PERMIT} @id(\"e\") @reason(\"no\") {effect} {overflow} @id(\"f\") forbid (principal, action, resource);"
        );
        let Decision::Deny(denial) = set(&text).decide(&question(&[]), Mode::Enforce) else { panic!("permitted") };
        assert_eq!((denial.cause, denial.policies.as_slice()), (Cause::Error, ["e".into()].as_slice()));
        assert!(denial.errors[0].contains("overflow"), "{:?}", denial.errors);
        assert_eq!(denial.words, Words::default());
    }
}

#[test]
fn words_are_those_of_the_first_forbid_that_has_any() {
    let text = r#"@id("c") @reason("third") forbid (principal, action, resource);
        @id("a") forbid (principal, action, resource);
        @id("b") @reason("why") @advice("how") @reason_vi("vì sao") @advice_vi("") forbid (principal, action, resource);"#;
    let Decision::Deny(denial) = set(text).decide(&question(&[]), Mode::Enforce) else { panic!("permitted") };
    assert_eq!(denial.policies.as_slice(), ["a".into(), "b".into(), "c".into()]);
    let words = Words {
        reason: Some("why".into()),
        advice: Some("how".into()),
        reason_vi: Some("vì sao".into()),
        advice_vi: None,
    };
    assert_eq!(denial.words, words);
}

#[test]
fn observe_permits_and_says_what_it_would_refuse() {
    let cases = [
        ("", "hr", Cause::NoPermit),
        ("forbid (principal, action, resource);", "hr", Cause::Forbid),
        (PERMIT, "unknown", Cause::Error),
    ];
    for (text, app, cause) in cases {
        let question = Question { app, ..question(&[]) };
        let Decision::Permit(permit) = set(text).decide(&question, Mode::Observe) else { panic!("refused") };
        assert_eq!(permit.would_refuse().map(|denial| denial.cause), Some(cause));
    }
    let Decision::Permit(permit) = set(PERMIT).decide(&question(&[]), Mode::Observe) else { panic!("refused") };
    assert!(permit.would_refuse().is_none());
}

#[test]
fn questions_that_cannot_be_put_are_errors() {
    let unknown_app = Question { app: "hrr", ..question(&[]) };
    let unknown_action = Question { action: "delete", ..question(&[]) };
    let mut impossible_time = question(&[]);
    impossible_time.context.now_ms = i64::MAX;
    for question in [unknown_app, unknown_action, impossible_time] {
        let Decision::Deny(denial) = load(PERMIT).unwrap().set.decide(&question, Mode::Enforce) else {
            panic!("permitted")
        };
        assert_eq!((denial.cause, denial.errors.len()), (Cause::Error, 1));
    }
}

#[test]
fn an_action_of_an_extension_is_only_for_whom_it_says() {
    let extension = "action deploy in [write] appliesTo { principal: [Workload], resource: App, context: Facts };";
    let text = "@id(\"p\") permit (principal, action in Action::\"write\", resource);";
    let sources =
        Sources { policies: vec![source(text)], schema_extensions: vec![source(extension)], ..Sources::default() };
    let app = AppScope { name: "hr", groups: &[], owner: None, sensitivity: "low" };
    let set = PolicySet::load(&sources, &Vocabulary { apps: &[app], actions: &["deploy"], ..Vocabulary::default() })
        .unwrap()
        .set;
    let mut question = Question { action: "deploy", ..question(&[]) };
    assert_eq!(summary(&set.decide(&question, Mode::Enforce)), "Error");
    question.principal.kind = PrincipalKind::Workload;
    assert_eq!(summary(&set.decide(&question, Mode::Enforce)), "permit p");
}

#[test]
fn devices_ask_only_where_they_are_known_only_for_named_actions_and_without_groups() {
    let text = "@id(\"d\") permit (principal is Device, action == Action::\"approve\", resource)
        when { context has target && context.target == {kind: \"device\", id: \"laptop-7\"} };";
    assert!(load(text).is_err());
    let set =
        for_our_apps(|known| PolicySet::load(&sources(text), &Vocabulary { devices: true, ..*known })).unwrap().set;
    let mut asked = question(&[]);
    asked.principal = Principal { kind: PrincipalKind::Device, id: "laptop-7", groups: &[] };
    asked.action = "approve";
    let summary = |question: &Question<'_>| {
        let answer = summary(&set.decide(question, Mode::Enforce));
        assert_eq!(answer, summary(&set.decide_by_cedar(question, Mode::Enforce)));
        answer
    };
    assert_eq!(summary(&asked), "NoPermit");
    asked.context.target = Some(Target { kind: "device", id: "laptop-7" });
    assert_eq!(summary(&asked), "permit d");
    assert_eq!(summary(&Question { action: "read", ..asked }), "Error");
    let staff = groups(&["staff"]);
    assert_eq!(summary(&Question { principal: Principal { groups: &staff, ..asked.principal }, ..asked }), "Error");
    let unknown = for_our_apps(|known| PolicySet::load(&sources(""), known)).unwrap().set;
    assert_eq!(crate::tests::summary(&unknown.decide(&asked, Mode::Enforce)), "Error");
}

#[test]
fn hostile_names_are_only_names() {
    let mut question = question(&[]);
    question.principal.id = "alice\" || true || \"\0\u{202e}\\";
    question.context.request.path = "/\"*\\\n";
    assert_eq!(asked("permit (principal == User::\"alice\", action, resource);", &question), "NoPermit");
    assert_eq!(asked(PERMIT, &question), "permit p");
}
