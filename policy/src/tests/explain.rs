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
