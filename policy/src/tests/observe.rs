//! Policies that are only observed, and permits that are recorded twice.

use super::*;

const PERMIT: &str = "@id(\"p\") permit (principal, action, resource);";
const OBSERVED_PERMIT: &str = "@id(\"op\") @mode(\"observe\") permit (principal, action, resource);";
const OBSERVED_FORBID: &str = "@id(\"of\") @mode(\"observe\") @reason(\"soon\") forbid (principal, action, resource);";
const OVERFLOW: &str = "when { context has device.patch_age_days
    && context.device.patch_age_days * 9223372036854775807 > 0 }";

fn decided(text: &str) -> Decision {
    set(text).decide(&question(&[]), Mode::Enforce)
}

fn permitted(text: &str) -> Permit {
    match decided(text) {
        Decision::Permit(permit) => permit,
        Decision::Deny(denial) => panic!("{denial:?}"),
    }
}

fn denied(text: &str) -> Denial {
    match decided(text) {
        Decision::Deny(denial) => denial,
        Decision::Permit(permit) => panic!("{permit:?}"),
    }
}

#[test]
fn an_observed_forbid_refuses_nothing_and_says_what_it_would() {
    let permit = permitted(&format!("{PERMIT} {OBSERVED_FORBID} {OBSERVED_PERMIT}"));
    assert_eq!(permit.policies(), ["p".into()]);
    let would = permit.would_refuse().unwrap();
    assert_eq!((would.cause, would.policies.as_slice()), (Cause::Forbid, ["of".into()].as_slice()));
    assert_eq!(would.words.reason.as_deref(), Some("soon"));
    assert!(permitted(&format!("{PERMIT} {OBSERVED_PERMIT}")).would_refuse().is_none());
}

#[test]
fn an_observed_policy_that_errs_would_refuse() {
    for effect in ["permit", "forbid"] {
        let observed = format!("@id(\"e\") @mode(\"observe\") {effect} (principal, action, resource) {OVERFLOW};");
        let permit = permitted(&format!("{PERMIT} {observed}"));
        let would = permit.would_refuse().unwrap();
        assert_eq!((would.cause, would.policies.as_slice()), (Cause::Error, ["e".into()].as_slice()), "{effect}");
    }
}

#[test]
fn an_observed_permit_grants_nothing_and_is_named() {
    let denial = denied(&format!("{OBSERVED_PERMIT} {OBSERVED_FORBID}"));
    assert_eq!((denial.cause, denial.policies.len()), (Cause::NoPermit, 0));
    assert_eq!(denial.would_permit.as_slice(), ["op".into()]);
    let denial = denied(&format!("{OBSERVED_PERMIT} @id(\"f\") forbid (principal, action, resource);"));
    assert_eq!((denial.cause, denial.would_permit.len()), (Cause::Forbid, 0));
}

#[test]
fn enforcing_can_be_said() {
    assert_eq!(summary(&decided("@id(\"p\") @mode(\"enforce\") permit (principal, action, resource);")), "permit p");
}

#[test]
fn a_determining_permit_can_ask_for_a_second_record() {
    let twice = "@id(\"t\") @record(\"twice\") permit (principal, action, resource)";
    assert!(permitted(&format!("{PERMIT} {twice};")).recorded_twice());
    assert!(!permitted(&format!("{PERMIT} {twice} when {{ false }};")).recorded_twice());
}

#[test]
fn annotations_with_other_values_are_errors() {
    let found = errors("\n@mode(\"watch\") permit (principal, action, resource);");
    assert!(found[0].starts_with("a.cedar:2:1: ") && found[0].contains("`@mode(\"observe\")`"), "{found:?}");
    let found = errors("@id(\"p\") @record permit (principal, action, resource);");
    assert!(found[0].contains("policy `p` has the unknown `@record(\"\")`"), "{found:?}");
}
