//! The translation files agree with each other and with the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

use super::*;
use crate::reason::Reason;

const FILES: [&str; 2] = [include_str!("../../../i18n/vi.ftl"), include_str!("../../../i18n/en.ftl")];

/// Each text of a file, `message` or `message.attribute`, with the variables that it names.
fn texts(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let resource = FluentResource::try_new(source.to_owned()).expect("a file without mistakes");
    let mut texts = BTreeMap::new();
    let mut add = |key: String, pattern: &Pattern<&str>| {
        let twice = texts.insert(key.clone(), variables(pattern));
        assert!(twice.is_none(), "{key} stands twice");
    };
    for entry in resource.entries() {
        match entry {
            Entry::Message(message) => {
                let id = message.id.name;
                message.value.iter().for_each(|value| add(id.to_owned(), value));
                message.attributes.iter().for_each(|part| add(format!("{id}.{}", part.id.name), &part.value));
            }
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => {}
            other => panic!("a message or a comment, not {other:?}"),
        }
    }
    texts
}

fn variables(pattern: &Pattern<&str>) -> BTreeSet<String> {
    pattern.elements.iter().flat_map(of_element).collect()
}

fn of_element(element: &PatternElement<&str>) -> BTreeSet<String> {
    match element {
        PatternElement::TextElement { .. } => BTreeSet::new(),
        PatternElement::Placeable { expression: Expression::Inline(inline) } => BTreeSet::from([variable(inline)]),
        PatternElement::Placeable { expression: Expression::Select { selector, variants } } => {
            let inside = variants.iter().flat_map(|variant| variables(&variant.value));
            inside.chain([variable(selector)]).collect()
        }
    }
}

fn variable(expression: &InlineExpression<&str>) -> String {
    match expression {
        InlineExpression::VariableReference { id } => id.name.to_owned(),
        other => panic!("a variable, not {other:?}"),
    }
}

/// All sources that may name a text.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = vec![root.join("src"), root.join("templates")];
    let mut all = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all += &fs::read_to_string(path).unwrap_or_default();
            }
        }
    }
    all
}

#[test]
fn both_languages_have_the_same_texts_with_the_same_variables() {
    let [vi, en] = FILES.map(texts);
    assert_eq!(vi, en);
}

#[test]
fn every_text_is_used() {
    let sources = sources();
    for key in texts(FILES[0]).keys().filter(|key| !key.starts_with("reason-")) {
        assert!(sources.contains(&format!("\"{key}\"")), "nothing says {key}");
    }
}

#[test]
fn every_text_that_is_said_exists() {
    let (sources, texts) = (sources(), texts(FILES[0]));
    for opening in [concat!(".say", "(\""), concat!(".say_with", "(\"")] {
        for said in sources.split(opening).skip(1) {
            let key = said.split('"').next().unwrap();
            assert!(texts.contains_key(key), "{key} is said and has no text");
        }
    }
}

#[test]
fn every_reason_has_its_texts_and_no_other_has() {
    let wanted: BTreeSet<String> = Reason::ALL
        .iter()
        .flat_map(|reason| {
            let message = format!("reason-{}", reason.code().replace('.', "-"));
            ["title", "detail", "advice"].map(|part| format!("{message}.{part}"))
        })
        .collect();
    let found: BTreeSet<String> = texts(FILES[0]).into_keys().filter(|key| key.starts_with("reason-")).collect();
    assert_eq!(found, wanted);
}

#[test]
fn a_text_without_variables_is_borrowed() {
    for language in Language::ALL {
        assert!(matches!(language.say("refusal-why"), Cow::Borrowed(_)));
    }
}

#[test]
fn what_does_not_exist_stands_for_itself() {
    for key in ["", ".", "no-such", "refusal-why.no-such", "reason-policy-forbid", "reason-policy-forbid.title.more"] {
        assert_eq!(Language::English.say(key), key);
    }
}

#[test]
fn variables_are_put_in() {
    let args = FluentArgs::from_iter([("actual", 41), ("max", 30)]);
    let text = Language::English.say_with("remedy-patch_age_days", &args);
    assert!(text.ends_with("(days since the last update: 41; allowed: 30)."), "{text}");
    // One that is absent stands as its name.
    let text = Language::English.say("remedy-patch_age_days");
    assert!(text.contains("{$actual}"), "{text}");
}
