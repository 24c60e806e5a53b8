//! Properties, proven and refuted.

use std::time::Duration;

use super::*;

const POLICIES: &str = r#"
    @id("wiki") permit (principal in Group::"staff", action, resource == App::"wiki");
    @id("pay") permit (principal in Group::"accounting", action == Action::"read", resource == App::"pay")
        when { context has session && context.session.auth_age_s <= 900 };
    @id("managed") forbid (principal is User, action, resource in AppGroup::"office")
        unless { context has device.managed && context.device.managed };
    @id("threat") forbid (principal, action, resource) when { context has threat };
    @id("night") forbid (principal, action, resource)
        unless { context.request.source_ip.isInRange(ip("10.0.0.0/8")) || context.now < datetime("2026-06-01") };
"#;

fn verdict(policies: &str, property: &str) -> Verdict {
    let world = World::new();
    let apps = world.apps();
    let model = model(&apps, &[("a.cedar", policies)]);
    let properties = load_properties(&model, &[source("a.properties.cedar", property)]).unwrap();
    prove(&model, &properties, &settings(), &|_, _| {}).unwrap().remove(0)
}

fn proof(policies: &str, property: &str) -> Proof {
    match verdict(policies, property) {
        Verdict::Proven(proof) => proof,
        other => panic!("{other:?}"),
    }
}

fn witness(policies: &str, property: &str) -> Witness {
    match verdict(policies, property) {
        Verdict::Refuted(witness) => *witness,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_forbid_that_covers_the_property_is_its_certificate() {
    let proof = proof(
        POLICIES,
        r#"forbid (principal is User, action, resource) when { resource.sensitivity == "secret" }
           unless { context has device && context.device has managed && context.device.managed == true };"#,
    );
    assert_eq!((proof.apps, proof.certificates), (1, [Arc::from("managed")].into()));
}

#[test]
fn permits_that_demand_enough_need_no_forbid() {
    let property = r#"forbid (principal, action, resource == App::"pay")
                      unless { context has session && context.session.auth_age_s < 1000 };"#;
    assert_eq!(proof(POLICIES, property).certificates.len(), 0);
    let too_strict = property.replace("1000", "900");
    let question = witness(POLICIES, &too_strict);
    assert_eq!(question.context.session.unwrap().auth_age_s, 900);
    assert_eq!((&*question.app, &*question.action), ("pay", "read"));
    assert_eq!(question.principal.groups, ["accounting".into()]);
}

#[test]
fn what_must_be_permitted_is_refuted_by_a_refusal() {
    let property = r#"permit (principal in Group::"staff", action, resource == App::"wiki")
                      when { context.now < datetime("2026-01-01") };"#;
    let question = witness(POLICIES, property);
    assert_eq!((&*question.app, question.principal.groups), ("wiki", vec!["staff".into()]));
    let enough = property
        .replace("when {", "when { !(context has threat) && context has device.managed && context.device.managed &&");
    assert_eq!(proof(POLICIES, &enough).apps, 1);
}

#[test]
fn one_address_is_no_network() {
    let permit = r#"permit (principal, action, resource);
        forbid (principal, action, resource) when { context.request.source_ip.isInRange(ip("10.0.0.0/9")) };
        forbid (principal, action, resource) when { context.request.source_ip.isInRange(ip("10.128.0.0/9")) };"#;
    let property =
        r#"forbid (principal, action, resource) when { context.request.source_ip.isInRange(ip("10.0.0.0/8")) };"#;
    assert!(proof(permit, property).certificates.is_empty());
}

#[test]
fn observed_policies_are_not_in_force() {
    let property = r#"forbid (principal, action, resource) when { context has threat };"#;
    assert_eq!(proof(POLICIES, property).certificates.len(), 1);
    let observed = POLICIES.replace("@id(\"threat\")", "@id(\"threat\") @mode(\"observe\")");
    assert!(!matches!(verdict(&observed, property), Verdict::Proven(_)));
}

#[test]
fn shipped_properties_are_decided() {
    let world = World::new();
    let apps = world.apps();
    let soc = r#"@id("soc-1") forbid (principal, action, resource) when { context.request.path like "/admin*" };"#;
    let model = model(&apps, &[("a.cedar", POLICIES), ("soc/block.cedar", soc)]);
    let properties = shipped_properties(&model).unwrap();
    let verdicts = prove(&model, &properties, &settings(), &|_, _| {}).unwrap();
    assert_eq!(verdicts.len(), 5);
    for (property, verdict) in properties.iter().zip(verdicts) {
        assert!(matches!(verdict, Verdict::Proven(_)), "{}: {verdict:?}", property.id);
    }
}

#[test]
fn a_solver_that_hangs_or_dies_decides_nothing() {
    let world = World::new();
    let apps = world.apps();
    let model = model(&apps, &[("a.cedar", POLICIES)]);
    let property = r#"forbid (principal, action, resource == App::"pay") when { context.request.host == "x" };"#;
    let properties = load_properties(&model, &[source("a.properties.cedar", property)]).unwrap();
    for (script, limit_ms, words) in [
        ("#!/bin/sh\nexec sleep 1000\n", 50, "no answer after"),
        ("#!/bin/sh\nexit 7\n", 60_000, "the solver failed"),
        ("#!/bin/sh\necho nonsense; cat > /dev/null\n", 60_000, "the solver failed"),
    ] {
        let (settings, _dir) = with_script(script, Duration::from_millis(limit_ms));
        let verdict = prove(&model, &properties, &settings, &|_, _| {}).unwrap().remove(0);
        assert!(matches!(&verdict, Verdict::Undecided(why) if why.contains(words)), "{verdict:?}");
    }
}

#[test]
fn a_property_is_checked_like_a_policy() {
    let world = World::new();
    let apps = world.apps();
    let model = model(&apps, &[("a.cedar", POLICIES)]);
    let wrong = source("a.properties.cedar", "\nforbid (principal, action, resource) when { context.devise.managed };");
    let errors = load_properties(&model, &[wrong]).err().unwrap();
    assert!(errors[0].to_string().starts_with("a.properties.cedar:2:"), "{}", errors[0]);
}
