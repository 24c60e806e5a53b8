//! Explanations.

use super::*;

/// A condition in short: clause, text, what it came to, whether it was reached.
fn outcomes(text: &str, question: &Question<'_>) -> Vec<(Clause, String, Option<bool>, bool)> {
    let found = set(text).conditions(question);
    let conditions = found.into_iter().flat_map(|policy| policy.conditions);
    conditions.map(|it| (it.clause, it.text, it.outcome, it.reached)).collect()
}

#[test]
fn conditions_are_told_in_the_words_of_the_policy() {
    let text = r#"permit (principal in Group::"finance", action in [Action::"read", Action::"write"], resource)
        when { context has device.managed && context.device.managed && (context.device.id == "x" || false) }
        unless { context has device && context.device.managed } when { true };"#;
    let found = outcomes(text, &question(&groups(&["finance"])));
    let expected = [
        (Clause::Scope, r#"principal in Group::"finance""#, Some(true), true),
        (Clause::Scope, r#"action in [Action::"read",Action::"write"]"#, Some(true), true),
        (Clause::When, "context has device.managed", Some(false), true),
        (Clause::When, "context.device.managed", None, false),
        (Clause::When, r#"context.device.id == "x" || false"#, Some(false), false),
        (Clause::Unless, "context has device", Some(true), false),
        (Clause::Unless, "context.device.managed", None, false),
    ];
    assert_eq!(found, expected.map(|(clause, text, outcome, reached)| (clause, text.to_owned(), outcome, reached)));
}

#[test]
fn conditions_are_those_of_the_policies_that_can_apply_to_the_app() {
    let text = r#"@id("any") permit (principal, action, resource);
        @id("group") permit (principal, action, resource in AppGroup::"internal");
        @id("wiki") permit (principal, action, resource == App::"wiki");
        @id("hr") permit (principal, action == Action::"write", resource == App::"hr");"#;
    let set = set(text);
    let found = set.conditions(&question(&[]));
    let names: Vec<_> =
        found.iter().map(|policy| (&*policy.policy, policy.place.line, policy.scope_matches())).collect();
    assert_eq!(names, [("any", 1, true), ("group", 2, true), ("hr", 4, false)]);
    assert_eq!(set.all_conditions().len(), 4);
    assert!(set.conditions(&Question { app: "absent", ..question(&[]) }).is_empty());
}

/// Bob's laptop: the disk is not encrypted, the last patch is 41 days old, nothing is known of the firewall.
fn bob(groups: &[Arc<str>]) -> Question<'_> {
    let mut question = question(groups);
    question.principal.id = "bob";
    question.context.device = Some(Device {
        id: "laptop",
        managed: Some(true),
        disk_encrypted: Some(false),
        patch_age_days: Some(41),
        risk: Some("high"),
        ..Device::default()
    });
    question
}

fn sentences(change: &Change) -> Vec<String> {
    change.facts().into_iter().map(ToString::to_string).collect()
}

/// What would have to change for a permit with this condition, as sentences.
fn lacking(condition: &str, question: &Question<'_>) -> Vec<String> {
    let set = set(&format!("permit (principal, action, resource) when {{ {condition} }};"));
    let explanation = set.explain(question);
    assert_eq!(explanation.refused, Some(Cause::NoPermit), "{condition}");
    explanation.permits[0].changes().flat_map(sentences).collect()
}

#[test]
fn each_kind_of_condition_says_what_is_and_what_must_be() {
    for (condition, sentence) in [
        ("context has session.acr", "`context.session.acr` is absent"),
        ("context has threat", "`context.threat` is absent"),
        ("!(context has device)", "`context.device` is present, must be absent"),
        (
            "context has device.disk_encrypted && context.device.disk_encrypted",
            "`context.device.disk_encrypted` is false, must be true",
        ),
        (
            "context has device.managed && context.device.managed != true",
            "`context.device.managed` is true, must be false",
        ),
        ("context has device.managed && !context.device.managed", "`context.device.managed` is true, must be false"),
        (
            "context has device.managed && context.device.managed == false",
            "`context.device.managed` is true, must be false",
        ),
        (
            "context has device.patch_age_days && context.device.patch_age_days <= 30",
            "`context.device.patch_age_days` is 41, must be ≤ 30",
        ),
        (
            "context has device.patch_age_days && 30 > context.device.patch_age_days",
            "`context.device.patch_age_days` is 41, must be < 30",
        ),
        (
            "context has device.patch_age_days && context.device.patch_age_days >= 50",
            "`context.device.patch_age_days` is 41, must be ≥ 50",
        ),
        (
            "context has device.patch_age_days && !(context.device.patch_age_days > 40)",
            "`context.device.patch_age_days` is 41, must be ≤ 40",
        ),
        (
            "context has device.risk && [\"low\", \"medium\"].contains(context.device.risk)",
            "`context.device.risk` is \"high\", must be one of [\"low\", \"medium\"]",
        ),
        (
            "context has device.risk && context.device.risk != \"high\"",
            "`context.device.risk` is \"high\", must not be \"high\"",
        ),
        ("principal in Group::\"finance\"", "`principal` is not in Group::\"finance\""),
        ("!(principal in Group::\"staff\")", "`principal` is in Group::\"staff\", must not be"),
        ("principal == User::\"alice\"", "`principal` is User::\"bob\", must be User::\"alice\""),
        ("principal is Workload", "`principal` is User::\"bob\", must be of type Workload"),
        (
            "resource has owner && resource.owner == context.device.id",
            "`resource.owner` is \"alice\", must be `context.device.id`, which is \"laptop\"",
        ),
        ("context.request.path like \"/b*\"", "`context.request.path` is \"/a\", must be like \"/b*\""),
        (
            "context.request.source_ip.isInRange(ip(\"10.0.0.0/8\"))",
            "`context.request.source_ip` is ip(\"192.0.2.1\"), must be such that `context.request.source_ip.isInRange(ip(\"10.0.0.0/8\"))`, which is false",
        ),
        (
            "context.now.toTime() >= duration(\"8h\")",
            "`context.now.toTime()` is duration(\"0ms\"), must be ≥ duration(\"8h\")",
        ),
        (
            "if context has session then context.request.method == \"PUT\" else true",
            "`context.request.method` is \"GET\", must be \"PUT\"",
        ),
        ("false", "`false` is false, must be true"),
    ] {
        let condition = condition.replace(
            "resource.owner == context.device.id",
            "context has device && resource.owner == context.device.id",
        );
        assert_eq!(lacking(&condition, &bob(&groups(&["staff"]))), [sentence], "{condition}");
    }
}

#[test]
fn a_fact_that_is_absent_is_told_with_what_it_must_be() {
    let guarded = "context has device && context.device has firewall && context.device.firewall";
    let sentences = ["`context.device.firewall` is absent", "`context.device.firewall` is absent, must be true"];
    assert_eq!(lacking(guarded, &bob(&[])), sentences);
}

#[test]
fn alternatives_are_told_as_such() {
    let text = r#"@id("p") permit (principal, action, resource)
        when { principal in Group::"it" || (context has device.risk && context.device.risk == "low") };"#;
    let explanation = set(text).explain(&bob(&[]));
    let changes: Vec<_> = explanation.permits[0].changes().collect();
    let [Change::Any(alternatives)] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(alternatives.len(), 2);
    assert_eq!(explanation.permits[0].steps, Some(1));
}

#[test]
fn the_nearest_permits_come_first_and_those_of_other_actions_last() {
    let text = r#"@id("far") permit (principal in Group::"a", action, resource) when { principal in Group::"b" };
        @id("other-action") permit (principal, action == Action::"write", resource);
        @id("near") permit (principal in Group::"staff", action, resource)
        when { context has device && context.device has patch_age_days && context.device.patch_age_days <= 30 };
        @id("other-app") permit (principal, action, resource == App::"wiki");
        @id("tried") @mode("observe") permit (principal == User::"x", action, resource);"#;
    let explanation = set(text).explain(&bob(&groups(&["staff"])));
    let permits: Vec<_> = explanation.permits.iter().map(|it| (&*it.policy, it.steps)).collect();
    assert_eq!(permits, [("near", Some(1)), ("far", Some(2)), ("other-action", Some(1))]);
    assert_eq!(explanation.permits[0].conditions[3].text, "context.device.patch_age_days <= 30");
    assert_eq!(explanation.permits[0].conditions[3].met, Some(false));
}

#[test]
fn a_forbid_is_told_with_what_would_lift_it() {
    let text = r#"@id("p") permit (principal, action, resource);
        @id("healthy") forbid (principal is User, action, resource)
        unless { context has device && context.device has disk_encrypted && context.device.disk_encrypted
            && context.device has patch_age_days && context.device.patch_age_days <= 30 };
        @id("never") forbid (principal == User::"bob", action, resource);"#;
    let explanation = set(text).explain(&bob(&[]));
    assert_eq!(explanation.refused, Some(Cause::Forbid));
    let determining: Vec<_> = explanation.policies.iter().map(|it| (&*it.policy, it.place.line)).collect();
    assert_eq!(determining, [("healthy", 2), ("never", 5)]);
    let [healthy, never] = explanation.forbids.as_slice() else { panic!("{:?}", explanation.forbids) };
    let sentence = [
        "`context.device.disk_encrypted` is false, must be true",
        "`context.device.patch_age_days` is 41, must be ≤ 30",
    ];
    assert_eq!(healthy.changes().flat_map(sentences).collect::<Vec<_>>(), sentence);
    assert_eq!((healthy.steps, never.steps), (Some(2), None));
    assert!(healthy.applies() && explanation.permits[0].applies());
}

#[test]
fn a_permit_names_its_policies_and_an_error_its_cause() {
    let permitted = set("@id(\"p\") permit (principal, action, resource);").explain(&bob(&[]));
    assert_eq!((permitted.refused, &*permitted.policies[0].policy, permitted.permits.len()), (None, "p", 0));
    let unknown = set("permit (principal, action, resource);").explain(&Question { app: "absent", ..bob(&[]) });
    assert_eq!((unknown.refused, unknown.errors.len(), unknown.permits.len()), (Some(Cause::Error), 1, 0));
}

const HEALTHY: &str = r#"@id("healthy") forbid (principal is User, action, resource)
    unless { context has device && context.device has disk_encrypted && context.device.disk_encrypted
        && context.device has patch_age_days && context.device.patch_age_days < 31 };"#;

fn remedies(text: &str, question: &Question<'_>) -> Vec<Remedy> {
    set(text).explain(question).mendable()
}

#[test]
fn what_the_person_can_mend_is_told() {
    let staff = groups(&["staff"]);
    let permit = "permit (principal in Group::\"staff\", action, resource);";
    let both = [Remedy::DiskEncrypted, Remedy::PatchAgeDays { actual: 41, max: 30 }];
    assert_eq!(remedies(&format!("{HEALTHY}\n{permit}"), &bob(&staff)), both);
    // The same as the condition of a permit, stricter, and written as a forbid with `when`.
    let permit = r#"permit (principal in Group::"staff", action, resource)
        when { context has device.patch_age_days && context.device.patch_age_days <= 14 };"#;
    let forbid = r#"forbid (principal, action, resource)
        when { context has device.disk_encrypted && !context.device.disk_encrypted };"#;
    let strictest = [Remedy::DiskEncrypted, Remedy::PatchAgeDays { actual: 41, max: 14 }];
    assert_eq!(remedies(&format!("{HEALTHY}\n{permit}\n{forbid}"), &bob(&staff)), strictest);
}

#[test]
fn nothing_is_told_that_would_not_be_enough() {
    let permit = "permit (principal in Group::\"staff\", action, resource);";
    // Not in the group, so that no permit would follow; and a forbid that cannot be lifted.
    assert_eq!(remedies(&format!("{HEALTHY}\n{permit}"), &bob(&[])), []);
    let never = "forbid (principal == User::\"bob\", action, resource);";
    assert_eq!(remedies(&format!("{HEALTHY}\n{permit}\n{never}"), &bob(&groups(&["staff"]))), []);
    // The owner of a device is nothing that its user could mend.
    let owner =
        "permit (principal, action, resource) when { context has device.disk_encrypted && context.device.disk_encrypted
        && context has device.risk && context.device.risk == \"low\" };";
    assert_eq!(remedies(owner, &bob(&[])), []);
    assert_eq!(remedies("permit (principal, action, resource);", &bob(&[])), []);
}

#[test]
fn logins_and_reports_can_be_mended() {
    let login = r#"permit (principal, action, resource) when { context has session.acr && context.session.acr == "strong"
        && context.session.auth_age_s <= 30 };"#;
    assert_eq!(remedies(login, &bob(&[])), [Remedy::AuthAgeS { max: 30 }, Remedy::Acr]);
    let silent = r#"permit (principal, action, resource)
        when { context has device && context.device has edr_running && context.device.edr_running };"#;
    assert_eq!(remedies(silent, &bob(&[])), [Remedy::Reported]);
    let mut nobodys = bob(&[]);
    nobodys.context.device = None;
    assert_eq!(remedies(silent, &nobodys), []);
}

#[test]
fn explanations_are_json() {
    let explanation = set(HEALTHY).explain(&bob(&[]));
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["refused"], "forbid");
    assert_eq!(
        json["policies"][0],
        serde_json::json!({"policy": "healthy", "place": {"source": "a.cedar", "line": 1, "column": 1}})
    );
    let change = &json["forbids"][0]["conditions"][1]["change"]["all"][1]["fact"];
    let expected = serde_json::json!({"subject": "context.device.patch_age_days", "actual": 41, "must": "below", "operand": {"value": 31}});
    assert_eq!(*change, expected);
    let remedies = serde_json::to_value(Remedy::PatchAgeDays { actual: 41, max: 30 }).unwrap();
    assert_eq!(remedies, serde_json::json!({"fact": "patch_age_days", "actual": 41, "max": 30}));
}
