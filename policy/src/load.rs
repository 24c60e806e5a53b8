//! Loading: from text to a policy set, or to everything that is wrong with the text.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{PolicyId as CedarId, PolicySet as CedarSet, Schema, ValidationMode, Validator, pst};
use sha2::{Digest, Sha256};

use crate::decision::{PolicyId, Words};
use crate::diagnostic::{Diagnostic, Place};
use crate::evaluate::Evaluator;
use crate::source::{Source, Sources, Text, check_total_size};
use crate::vocabulary::Vocabulary;
use crate::{PolicySet, lint, schema, syntax};

/// The stack for parsing and validation, which recurse far deeper than evaluation.
const STACK_BYTES: usize = 64 << 20;
/// The deepest expression: such a one evaluates on any ordinary stack.
const MAX_DEPTH: usize = 150;

/// A policy set that loaded, and what is doubtful about it.
#[derive(Debug)]
pub struct Loaded {
    /// The policies, ready to decide.
    pub set: PolicySet,
    /// What the operator should look at.
    pub warnings: Vec<Diagnostic>,
}

/// One parsed policy.
pub(crate) struct Policy {
    pub(crate) id: PolicyId,
    pub(crate) place: Place,
    pub(crate) words: Words,
    pub(crate) cedar: cedar_policy::Policy,
    pub(crate) syntax: pst::Policy,
    /// Which source it is from, and where in it it begins.
    source: usize,
    base: usize,
}

/// Loads on a thread of its own, whose stack is large.
pub(crate) fn load(sources: &Sources, vocabulary: &Vocabulary<'_>) -> Result<Loaded, Vec<Diagnostic>> {
    let failed = |what: &str| vec![Diagnostic::new(None, format!("the policies cannot be loaded: {what}"))];
    check_total_size(sources).map_err(|error| vec![error])?;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("policy-load".to_owned()).stack_size(STACK_BYTES);
        match thread.spawn_scoped(scope, || load_here(sources, vocabulary)) {
            Ok(loading) => loading.join().unwrap_or_else(|_| Err(failed("the loader failed"))),
            Err(error) => Err(failed(&error.to_string())),
        }
    })
}

fn load_here(sources: &Sources, vocabulary: &Vocabulary<'_>) -> Result<Loaded, Vec<Diagnostic>> {
    let texts: Vec<_> = sources.policies.iter().map(Text::new).collect();
    let (policies, mut errors) = parse(&texts);
    errors.extend(duplicates(&policies));
    let schema = match schema::build(&sources.schema_extensions, vocabulary.actions) {
        Ok(schema) => schema,
        Err(found) => {
            errors.extend(found);
            return Err(errors);
        }
    };
    let (invalid, mut warnings) = validate(&schema, &policies, &texts);
    errors.extend(invalid);
    if !errors.is_empty() {
        errors.sort_by(|a, b| a.place.cmp(&b.place));
        return Err(errors);
    }
    let known = lint::Known::new(vocabulary.apps);
    warnings.extend(policies.iter().flat_map(|policy| lint::check(policy, &known)));
    let evaluator = Evaluator::new(&policies, vocabulary.apps, &schema).map_err(|error| vec![error])?;
    let set = PolicySet { digest: digest(sources, vocabulary.actions), len: policies.len(), evaluator };
    Ok(Loaded { set, warnings })
}

/// Parses every policy by itself, so that one that is wrong does not hide the others.
fn parse(texts: &[Text<'_>]) -> (Vec<Policy>, Vec<Diagnostic>) {
    let (mut policies, mut errors) = (Vec::new(), Vec::new());
    for (source, text) in texts.iter().enumerate() {
        match text.policies() {
            Ok(ranges) => {
                for range in ranges {
                    let base = range.start;
                    match parse_one(text, source, base, text.text.get(range).unwrap_or_default()) {
                        Ok(policy) => policies.push(policy),
                        Err(found) => errors.extend(found),
                    }
                }
            }
            Err(error) => errors.push(error),
        }
    }
    (policies, errors)
}

fn parse_one(text: &Text<'_>, source: usize, base: usize, statement: &str) -> Result<Policy, Vec<Diagnostic>> {
    let place = text.place(base);
    let at_place = |message: &str| Diagnostic::new(Some(place.clone()), message);
    let cedar = match cedar_policy::Policy::parse(None, statement) {
        Ok(policy) => policy,
        Err(_) if cedar_policy::Template::parse(None, statement).is_ok() => {
            let error = at_place("the policy is a template, with slots that nothing fills");
            return Err(vec![error.remedy("write the principal or resource in place of `?principal` or `?resource`")]);
        }
        Err(errors) => return Err(errors.iter().map(|error| Diagnostic::from_cedar(text, base, error)).collect()),
    };
    let id: PolicyId = match cedar.annotation("id") {
        Some(id) if !id.is_empty() => id.into(),
        _ => format!("{}:{}", text.name, place.line).into(),
    };
    let cedar = cedar.new_id(CedarId::new(&id));
    let syntax = cedar.to_pst().map_err(|error| vec![at_place(&error.to_string())])?;
    if syntax.body().clauses().iter().any(|clause| syntax::depth(syntax::expression(clause)) > MAX_DEPTH) {
        let error = at_place(&format!("the condition of policy `{id}` is nested more than {MAX_DEPTH} deep"));
        return Err(vec![error.remedy("split the policy, or write `[a, b, …].contains(x)` for a long chain of `||`")]);
    }
    for (annotation, allowed) in [("mode", ["enforce", "observe"].as_slice()), ("record", &["twice"])] {
        if let Some(value) = cedar.annotation(annotation).filter(|value| !allowed.contains(value)) {
            let error = at_place(&format!("policy `{id}` has the unknown `@{annotation}(\"{value}\")`"));
            let allowed: Vec<_> = allowed.iter().map(|value| format!("`@{annotation}(\"{value}\")`")).collect();
            return Err(vec![error.remedy(format!("write {}", allowed.join(" or ")))]);
        }
    }
    Ok(Policy { id, place, words: words(&cedar), cedar, syntax, source, base })
}

/// What a policy says to the person who is refused.
fn words(policy: &cedar_policy::Policy) -> Words {
    let word = |name: &str| policy.annotation(name).filter(|word| !word.is_empty()).map(Arc::from);
    Words { reason: word("reason"), advice: word("advice"), reason_vi: word("reason_vi"), advice_vi: word("advice_vi") }
}

/// An error for each policy whose id is taken.
fn duplicates(policies: &[Policy]) -> Vec<Diagnostic> {
    let mut first: HashMap<&str, &Place> = HashMap::new();
    let mut errors = Vec::new();
    for policy in policies {
        if let Some(place) = first.get(policy.id.as_ref()) {
            let message = format!("the id `{}` is already that of the policy at {place}", policy.id);
            let error = Diagnostic::new(Some(policy.place.clone()), message);
            errors.push(error.remedy("give each policy an `@id` of its own"));
        } else {
            first.insert(&policy.id, &policy.place);
        }
    }
    errors
}

/// Validates strictly: what passes can err only by arithmetic overflow, or over entities that do not exist.
/// Gives the errors, then the warnings.
fn validate(schema: &Schema, policies: &[Policy], texts: &[Text<'_>]) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let mut set = CedarSet::new();
    let mut by_id = HashMap::new();
    for policy in policies {
        if set.add(policy.cedar.clone()).is_ok() {
            by_id.insert(policy.cedar.id(), policy);
        }
    }
    let diagnostic = |id: &CedarId, found: &dyn miette::Diagnostic| match by_id
        .get(id)
        .and_then(|policy| Some((policy, texts.get(policy.source)?)))
    {
        Some((policy, text)) => Diagnostic::from_cedar(text, policy.base, found),
        None => Diagnostic::new(None, found.to_string()),
    };
    let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
    let errors = result.validation_errors().map(|error| diagnostic(error.policy_id(), error)).collect();
    let warnings = result.validation_warnings().map(|warning| diagnostic(warning.policy_id(), warning)).collect();
    (once_a_place(errors), once_a_place(warnings))
}

/// Cedar repeats a finding for each action and kind of principal: one of them says enough.
fn once_a_place(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.sort_by(|a, b| (&a.place, &a.message).cmp(&(&b.place, &b.message)));
    found.dedup_by(|a, b| a.place.is_some() && a.place == b.place);
    found
}

/// SHA-256 over everything that decides, in hexadecimal. The order of the sources does not matter.
fn digest(sources: &Sources, actions: &[&str]) -> Arc<str> {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    add(schema::SCHEMA);
    let mut actions = actions.to_vec();
    actions.sort_unstable();
    for (kind, group) in [("policy", &sources.policies), ("schema", &sources.schema_extensions)] {
        let mut group: Vec<&Source> = group.iter().collect();
        group.sort_by_key(|source| &source.name);
        for source in group {
            [kind, &source.name, &source.text].into_iter().for_each(&mut add);
        }
    }
    for action in actions {
        ["action", action].into_iter().for_each(&mut add);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
