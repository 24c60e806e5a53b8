//! Step-ups: asked for where they help, and nowhere else.

use super::*;

const PERMIT: &str = "permit (principal, action, resource);";

/// A forbid that only a login of this class, or of this age, lifts, annotated so; on a line of its own, which is its id.
fn needs_acr(acr: &str) -> String {
    format!(
        "\n@step_up_acr(\"{acr}\") forbid (principal, action, resource)
         unless {{ context has session && context.session has acr && context.session.acr == \"{acr}\" }};"
    )
}

fn needs_age(age_s: u32) -> String {
    format!(
        "\n@step_up_max_age_s(\"{age_s}\") forbid (principal, action, resource)
         unless {{ context has session && context.session.auth_age_s < {age_s} }};"
    )
}

fn step_up_of(text: &str, question: &Question<'_>) -> Option<StepUp> {
    let set = set(text);
    assert!(matches!(set.decide(question, Mode::Enforce), Decision::Deny(_)), "{text}");
    set.step_up(question)
}

/// For a person whose login is 1000 s old and of no class.
fn step_up(text: &str) -> Option<StepUp> {
    let mut question = question(&[]);
    question.context.session = Some(Session { method: "oidc", acr: None, auth_age_s: 1000 });
    step_up_of(text, &question)
}

fn acr(acr: &str) -> Option<StepUp> {
    Some(StepUp { acr: Some(acr.into()), max_age_s: None })
}

fn age(max_age_s: u32) -> Option<StepUp> {
    Some(StepUp { acr: None, max_age_s: Some(max_age_s) })
}

fn both(acr: &str, max_age_s: u32) -> Option<StepUp> {
    Some(StepUp { acr: Some(acr.into()), max_age_s: Some(max_age_s) })
}

#[test]
fn forbids_and_permits_ask_for_a_login() {
    assert_eq!(step_up(&format!("{PERMIT} {}", needs_acr("phr"))), acr("phr"));
    assert_eq!(step_up(&format!("{PERMIT} {}", needs_age(300))), age(300));
    let permit = "@step_up_max_age_s(\"60\") permit (principal, action, resource)
        when { context has session && context.session.auth_age_s < 60 };";
    assert_eq!(step_up(permit), age(60));
}

#[test]
fn nothing_is_asked_for_without_an_annotation() {
    let plain = needs_acr("phr").replace("@step_up_acr(\"phr\")", "");
    assert_eq!(step_up(&format!("{PERMIT} {plain}")), None);
    let observed = needs_acr("phr").replace("@step_up", "@mode(\"observe\") @step_up");
    assert_eq!(step_up(&format!("{PERMIT} {plain} {observed}")), None);
}

#[test]
fn nothing_is_asked_for_that_would_not_help() {
    let never = "@id(\"never\") forbid (principal == User::\"alice\", action, resource);";
    assert_eq!(step_up(&format!("{PERMIT} {never} {}", needs_acr("phr"))), None);
    assert_eq!(step_up(&needs_acr("phr")), None, "nothing permits");
    let elsewhere = needs_acr("phr").replace("action, resource", "action, resource == App::\"wiki\"");
    let here = needs_acr("phr").replace("@step_up_acr(\"phr\")", "");
    assert_eq!(step_up(&format!("{PERMIT} {elsewhere} {here}")), None, "the policy of another app asks for it");
    // A login of 299 seconds ago would be as asked for, and be refused again, for ever.
    let stricter = needs_age(60).replace("@step_up_max_age_s(\"60\")", "");
    assert_eq!(step_up(&format!("{PERMIT} {stricter} {}", needs_age(300))), None);
}

#[test]
fn what_two_policies_wait_for_is_asked_for_at_once() {
    let text = format!("{PERMIT} {} {}", needs_acr("phr"), needs_age(300));
    assert_eq!(step_up(&text), both("phr", 300));
    assert_eq!(step_up(&format!("{text} {}", needs_age(60))), both("phr", 60), "the least age serves both");
    assert_eq!(step_up(&format!("{PERMIT} {} {}", needs_age(300), needs_age(60))), age(60));
    assert_eq!(step_up(&format!("{text} {}", needs_acr("silver"))), None, "no login is of two classes");
}

#[test]
fn what_the_session_has_already_is_not_asked_for() {
    let text = format!("{PERMIT} {} {}", needs_acr("phr"), needs_age(300));
    let mut question = question(&[]);
    question.context.session = Some(Session { method: "oidc", acr: Some("phr"), auth_age_s: 1000 });
    assert_eq!(step_up_of(&text, &question), age(300));
    question.context.session = Some(Session { method: "oidc", acr: None, auth_age_s: 10 });
    assert_eq!(step_up_of(&text, &question), acr("phr"));
    question.context.session = None;
    assert_eq!(step_up_of(&text, &question), acr("phr"), "who logs in for the first time has just logged in");
}

#[test]
fn only_people_log_in() {
    let text = format!("{PERMIT} {}", needs_age(300));
    let mut question = question(&[]);
    question.context.session = None;
    assert_eq!(step_up_of(&text, &question), age(300));
    question.principal.kind = PrincipalKind::Workload;
    assert_eq!(step_up_of(&text, &question), None);
}

#[test]
fn what_is_tried_is_bounded() {
    let many: String =
        (1..=40).map(|age_s| needs_age(age_s + 1).replace("forbid", &format!("@id(\"p{age_s:02}\") forbid"))).collect();
    assert_eq!(step_up(&format!("{PERMIT} {many}")), age(2));
    let late = many.replace("@id(\"p01\")", "@id(\"z\")");
    assert_eq!(step_up(&format!("{PERMIT} {late}")), None, "the seventeenth by id is not tried");
}

#[test]
fn annotations_that_cannot_be_meant_are_errors() {
    let long = "x".repeat(257);
    for (annotation, remedy) in [
        ("@step_up_acr(\"\")", "visible ASCII"),
        ("@step_up_acr(\"a b\")", "visible ASCII"),
        ("@step_up_acr(\"a\\\"b\")", "visible ASCII"),
        (&*format!("@step_up_acr(\"{long}\")"), "up to 256"),
        ("@step_up_max_age_s(\"0\")", "from 1 to 31536000"),
        ("@step_up_max_age_s(\"31536001\")", "from 1 to 31536000"),
        ("@step_up_max_age_s(\"-5\")", "from 1 to 31536000"),
        ("@step_up_max_age_s(\"5m\")", "from 1 to 31536000"),
        ("@step_up_max_age(\"300\")", "did you mean `step_up_max_age_s`?"),
        ("@step_up_colour(\"red\")", "write `@step_up_acr"),
    ] {
        let found = errors(&format!("\n@id(\"p\") {annotation} {PERMIT}"));
        assert!(found[0].starts_with("a.cedar:2:1: policy `p` has the unknown `@step_up_"), "{annotation}: {found:?}");
        assert!(found[0].contains(remedy), "{annotation}: {found:?}");
        let template = format!("{annotation} permit (principal == ?principal, action, resource);");
        assert!(errors(&template)[0].contains(remedy), "{annotation}");
    }
    let longest = format!("@step_up_acr(\"{}\") {PERMIT}", "x".repeat(256));
    assert!(load(&longest).is_ok());
}

#[test]
fn explanations_say_what_would_help() {
    let mut question = question(&[]);
    question.context.session = None;
    let set = set(&format!("{PERMIT} {}", needs_acr("phr")));
    assert_eq!(set.explain(&question).step_up, acr("phr"));
    question.context.session = Some(Session { method: "oidc", acr: Some("phr"), auth_age_s: 0 });
    assert_eq!(set.explain(&question).step_up, None, "a permit needs nothing");
}
