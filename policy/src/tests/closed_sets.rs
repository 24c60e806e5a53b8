//! Values and names of which the possible ones are known.

use super::*;

fn found(condition: &str) -> Result<Vec<String>, Vec<String>> {
    let text = format!("permit (principal, action, resource)\nwhen {{ {condition} }};");
    let strings = |found: Vec<Diagnostic>| found.iter().map(ToString::to_string).collect();
    for_our_apps(|vocabulary| {
        let vocabulary = Vocabulary {
            groups: Some(&["staff", "finance"]),
            trust_domains: Some(&["people", "machines"]),
            sensitivities: &["low", "high"],
            ..*vocabulary
        };
        match PolicySet::load(&sources(&text), &vocabulary) {
            Ok(loaded) => Ok(strings(loaded.warnings)),
            Err(errors) => Err(strings(errors)),
        }
    })
}

fn error(condition: &str) -> String {
    found(condition).unwrap_err().join("\n")
}

fn warning(condition: &str) -> String {
    found(condition).unwrap().join("\n")
}

#[test]
fn values_that_never_are_do_not_load() {
    assert_eq!(
        error("context has device.platform && context.device.platform == \"linx\""),
        "a.cedar:2:66: `context.device.platform` is never `linx`; did you mean `linux`?"
    );
    assert_eq!(
        error("context has device.platform && [\"windows\", \"macs\"].contains(context.device.platform)"),
        "a.cedar:2:51: `context.device.platform` is never `macs`; did you mean `macos`?"
    );
    assert_eq!(
        error("context has device.risk && !(\"severe\" == context.device.risk)"),
        "a.cedar:2:37: `context.device.risk` is never `severe`; it is one of `low`, `medium`, `high`"
    );
    assert!(error("context has risk && context.risk == \"hihg\"").contains("did you mean `high`?"));
    assert!(error("context has target.id && context.target.kind == \"person\"").contains("is never `person`"));
    assert_eq!(
        error("resource.sensitivity == \"hihg\""),
        "a.cedar:2:32: `resource.sensitivity` is never `hihg`; did you mean `high`?"
    );
    assert!(error("App::\"hr\".sensitivity != \"hgh\"").contains("is never `hgh`"));
    assert!(error("context has session && context.session.method == \"oidcc\"").contains("did you mean `oidc`?"));
    assert!(error("context has device.platform && context.device.platform like \"win*x\"").contains("never `win*x`"));
}

#[test]
fn methods_are_in_upper_case() {
    assert_eq!(
        error("context.request.method == \"get\""),
        "a.cedar:2:34: `context.request.method` is never `get`; methods are in upper case: write `GET`"
    );
    assert_eq!(warning("context.request.method == \"PROPFIND\""), "");
}

#[test]
fn names_that_nobody_knows_are_warned_of() {
    assert_eq!(
        warning("principal in Group::\"staf\""),
        "a.cedar:2:21: no group is called `staf`; did you mean `staff`?"
    );
    assert_eq!(warning("resource == App::\"hrr\""), "a.cedar:2:20: no app is called `hrr`; did you mean `hr`?");
    assert_eq!(
        warning("context has certificate && context.certificate.trust_domain == \"poeple\""),
        "a.cedar:2:71: no trust domain is called `poeple`; did you mean `people`?"
    );
    assert!(error("action == Action::\"raed\"").contains("read"));
}

#[test]
fn what_is_right_or_cannot_be_known_is_passed() {
    let right = [
        "context has device.platform && [\"ios\", \"android\"].contains(context.device.platform)",
        "context has device.platform && context.device.platform like \"*os\"",
        "context has device.os_version && context.device.os_version == \"linx\"",
        "principal in [Group::\"staff\", Group::\"finance\"]",
        "resource in AppGroup::\"internal\" && resource.sensitivity == \"low\"",
    ];
    for condition in right {
        assert_eq!(warning(condition), "", "{condition}");
    }
    let unknown = "permit (principal in Group::\"x\", action, resource) when { resource.sensitivity == \"x\" };";
    assert!(warnings(unknown).is_empty());
}

#[test]
fn misspelt_attributes_are_named() {
    assert!(error("context has device && context.device.platfrom == \"ios\"").contains("did you mean `platform`"));
}
