//! What loads, what does not, and what is said of it.

use super::*;

#[test]
fn reports_all_errors_with_their_places() {
    let text = "permit (principal, action, resource);\n\
        permit (principal, action, resource) when { context.devise.id == \"x\" };\n\
        permit (principal, action, resorce);\n  \
        permit (principal in Grup::\"a\", action, resource);";
    let found = errors(text);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("a.cedar:2:45: ") && found[0].contains("devise"), "{}", found[0]);
    assert!(found[1].starts_with("a.cedar:3:28: "), "{}", found[1]);
    assert!(found[2].starts_with("a.cedar:4:24: ") && found[2].contains("did you mean `Group`"), "{}", found[2]);
}

#[test]
fn facts_must_be_tested_before_use() {
    let found = errors("permit (principal, action, resource) when { context.device.id == \"x\" };");
    assert!(found[0].contains("context has device"), "{found:?}");
}

#[test]
fn ids_are_annotations_or_places_and_unique() {
    let text = "permit (principal, action, resource);\n\n// why\n@id(\"b\")\npermit (principal, action, resource);";
    assert_eq!(asked(text, &question(&[])), "permit a.cedar:1 b");
    let twice = "@id(\"b\") permit (principal, action, resource);\n@id(\"b\") forbid (principal, action, resource);";
    let found = errors(twice);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("a.cedar:2:1: the id `b` is already that of the policy at a.cedar:1:1"), "{found:?}");
}

#[test]
fn deep_expressions_are_refused_and_the_deepest_allowed_decides_on_a_small_stack() {
    let condition = |terms: usize| {
        let chain = vec!["context.request.path == \"/b\""; terms].join(" || ");
        format!("@id(\"f\") forbid (principal, action, resource) when {{ {chain} }};")
    };
    assert!(errors(&condition(400))[0].contains("nested more than"));
    let deepest = set(&condition(145));
    let deciding = std::thread::Builder::new().stack_size(1 << 20);
    let deciding = deciding.spawn(move || summary(&deepest.decide(&question(&[]), Mode::Enforce)));
    assert_eq!(deciding.unwrap().join().unwrap(), "NoPermit");
}

#[test]
fn nesting_is_refused_before_parsing() {
    let nested =
        format!("permit (principal, action, resource) when {{ {}true{} }};", "(".repeat(5000), ")".repeat(5000));
    assert!(errors(&nested)[0].contains("brackets are nested"));
    let allowed = format!("permit (principal, action, resource) when {{ {}true{} }};", "(".repeat(63), ")".repeat(63));
    set(&allowed);
}

#[test]
fn the_longest_chains_do_not_overflow_the_loader() {
    for (link, end) in [("1 + ", "1 == 1"), ("true || ", "true"), ("if true then true else ", "true")] {
        let text = format!("permit (principal, action, resource) when {{ {}{end} }};", link.repeat(2000));
        assert!(errors(&text)[0].contains("nested more than"), "{link}");
    }
}

#[test]
fn schema_extensions_are_checked() {
    let bad = |text: &str| {
        let sources = Sources {
            policies: vec![],
            schema_extensions: vec![Source { name: "x.cedarschema".into(), text: text.into() }],
            ..Sources::default()
        };
        PolicySet::load(&sources, &Vocabulary::default()).unwrap_err()[0].to_string()
    };
    assert!(
        bad("entity Site;\nentity Room in Site").starts_with("x.cedarschema:2:"),
        "{}",
        bad("entity Site;\nentity Room in Site")
    );
    assert!(bad("entity User;").contains("User"));
    assert!(bad(&"Set<".repeat(100)).contains("nested"));
}

#[test]
fn warns_of_unknown_apps_and_groups() {
    let text = "permit (principal, action, resource == App::\"wikki\");\npermit (principal, action, resource in AppGroup::\"x\");\n\
        permit (principal, action, resource in AppGroup::\"public\");";
    let found = warnings(text);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0], "a.cedar:1:40: no app is called `wikki`; did you mean `wiki`?");
    assert_eq!(found[1], "a.cedar:2:40: no app is in the group `x`");
}

#[test]
fn warns_of_forbids_that_silence_ends() {
    let high = "context has device && context.device has risk && context.device.risk == \"high\"";
    let bad = "context has device.compliant && context.device.compliant";
    let silent = [
        format!("when {{ {high} }}"),
        format!("when {{ ({high}) || context.request.path like \"/admin*\" }}"),
        format!("when {{ principal is User }} when {{ {high} }}"),
        format!("unless {{ !({high}) }}"),
        format!("when {{ if context has device then {high} else false }}"),
    ];
    for condition in silent {
        let found = warnings(&format!("@id(\"f\") forbid (principal, action, resource) {condition};"));
        assert!(found.iter().any(|warning| warning.contains("does not apply when `context.device")), "{condition}");
    }
    let loud = [
        format!("unless {{ {bad} }}"),
        format!("when {{ !({bad}) }}"),
        format!("when {{ !(context has device) || ({high}) || !(context has device.risk) }}"),
        format!("when {{ if context has device.risk then {high} else true }}"),
    ];
    for condition in loud {
        let found = warnings(&format!("@id(\"f\") forbid (principal, action, resource) {condition};"));
        assert!(found.is_empty(), "{condition}: {found:?}");
    }
    assert!(warnings(&format!("permit (principal, action, resource) when {{ {high} }};")).is_empty());
    for absent_in_normal_times in ["context has threat", "context has risk && context.risk == \"high\""] {
        let text = format!("forbid (principal, action, resource) when {{ {absent_in_normal_times} }};");
        assert!(warnings(&text).is_empty(), "{absent_in_normal_times}");
    }
}

#[test]
fn the_digest_is_of_all_that_decides_and_of_no_order() {
    let policy = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
    let (a, b) = (policy("a", "permit (principal, action, resource);"), policy("b", ""));
    let digest_of = |policies: &[&Source], vocabulary: &Vocabulary<'_>| {
        let policies = policies.iter().map(|source| (*source).clone()).collect();
        let sources = Sources { policies, ..Sources::default() };
        PolicySet::load(&sources, vocabulary).unwrap().set.digest().to_string()
    };
    let digest =
        |policies: &[&Source], actions: &[&str]| digest_of(policies, &Vocabulary { actions, ..Vocabulary::default() });
    assert_eq!(digest(&[&a, &b], &[]), digest(&[&b, &a], &[]));
    assert_eq!(digest(&[&a], &[]).len(), 64);
    assert_ne!(digest(&[&a], &[]), digest(&[&a, &b], &[]));
    assert_ne!(digest(&[&a], &[]), digest(&[&a], &["approve"]));
    let with_devices = Vocabulary { devices: true, ..Vocabulary::default() };
    assert_ne!(digest(&[&a], &[]), digest_of(&[&a], &with_devices));
}

#[test]
fn what_is_too_large_or_too_deep_says_where_and_what_to_do() {
    let large = " ".repeat(10 << 20);
    assert_eq!(
        errors(&large),
        ["a.cedar:1:1: the file has 10485760 bytes, more than the 1048576 allowed; split it into several files"]
    );
    let nested =
        format!("permit (principal, action, resource)\nwhen {{ {}true{} }};", "(".repeat(150), ")".repeat(150));
    assert_eq!(
        errors(&nested),
        ["a.cedar:2:71: brackets are nested more than 64 deep; split it into several policies"]
    );
}

#[test]
fn cycles_of_actions_are_found_in_their_file() {
    let extension = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
    let fine =
        extension("a.cedarschema", "entity Site;\naction \"visit\" appliesTo { principal: User, resource: Site };");
    let cycle = extension("b.cedarschema", "entity Room;\naction a in [b];\naction b in [a];");
    let sources = Sources { schema_extensions: vec![fine, cycle], ..Sources::default() };
    let found = load_sources(&sources).unwrap_err()[0].to_string();
    let expected = "b.cedarschema:1:1: the schema with its extensions: cycle in action hierarchy containing `Action::";
    assert!(found.starts_with(expected) && found.ends_with("nothing can be in itself: take one `in` away"), "{found}");
}
