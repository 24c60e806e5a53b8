//! Loading: from text to a policy set, or to everything that is wrong with the text.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{PolicyId as CedarId, PolicySet as CedarSet, Schema, ValidationMode, Validator};
use sha2::{Digest, Sha256};

use crate::closed_sets::Known;
use crate::diagnostic::{Diagnostic, Finding};
use crate::evaluate::Evaluator;
use crate::parse::{self, Parsed};
use crate::source::{Source, Sources, Text, check_total_size};
use crate::vocabulary::Vocabulary;
use crate::{PolicySet, closed_sets, confine, doubts, explain, links, ranges, schema};

pub(crate) use crate::parse::Policy;

/// The stack for parsing and validation, which recurse far deeper than evaluation.
const STACK_BYTES: usize = 64 << 20;

/// A policy set that loaded, and what is doubtful about it.
#[derive(Debug)]
pub struct Loaded {
    /// The policies, ready to decide.
    pub set: PolicySet,
    /// What the operator should look at.
    pub warnings: Vec<Diagnostic>,
}

/// Policies that are valid, though not yet indexed.
pub(crate) struct Checked {
    pub(crate) policies: Vec<Policy>,
    pub(crate) schema: Schema,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// What becomes of policies that can err.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Erring {
    Refused,
    /// They are warned of.
    Admitted,
}

impl Erring {
    fn judge(self, found: Finding) -> Finding {
        Finding { is_error: found.is_error && self == Self::Refused, ..found }
    }
}

pub(crate) fn load(sources: &Sources, vocabulary: &Vocabulary<'_>, erring: Erring) -> Result<Loaded, Vec<Diagnostic>> {
    on_a_large_stack(|| {
        let Checked { policies, schema, warnings } = check(sources, vocabulary, erring)?;
        let evaluator = Evaluator::new(&policies, vocabulary.apps, &schema, erring).map_err(|error| vec![error])?;
        let explain = explain::Index::new(&policies, vocabulary.apps, &schema).map_err(|error| vec![error])?;
        let set = PolicySet { digest: digest(sources, vocabulary), len: policies.len(), evaluator, explain };
        Ok(Loaded { set, warnings })
    })
}

/// Works on a thread of its own, whose stack is large.
pub(crate) fn on_a_large_stack<T: Send>(
    work: impl FnOnce() -> Result<T, Vec<Diagnostic>> + Send,
) -> Result<T, Vec<Diagnostic>> {
    let failed = |what: &str| vec![Diagnostic::new(None, format!("the policies cannot be loaded: {what}"))];
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("policy-load".to_owned()).stack_size(STACK_BYTES);
        match thread.spawn_scoped(scope, work) {
            Ok(working) => working.join().unwrap_or_else(|_| Err(failed("the loader failed"))),
            Err(error) => Err(failed(&error.to_string())),
        }
    })
}

/// Everything that can be known of the policies without a question.
pub(crate) fn check(
    sources: &Sources,
    vocabulary: &Vocabulary<'_>,
    erring: Erring,
) -> Result<Checked, Vec<Diagnostic>> {
    check_total_size(sources).map_err(|error| vec![error])?;
    let texts: Vec<_> = sources.policies.iter().map(Text::new).collect();
    let Parsed { mut policies, templates, mut errors } = parse::parse(&texts);
    let (linked, found) = links::link(&templates, &sources.links.iter().map(Text::new).collect::<Vec<_>>());
    policies.extend(linked);
    errors.extend(found);
    errors.extend(parse::duplicates(&policies, &templates));
    errors.extend(confine::check(&policies, &sources.schema_extensions));
    let schema = match schema::build(&sources.schema_extensions, vocabulary) {
        Ok(schema) => schema,
        Err(found) => {
            errors.extend(found);
            return Err(errors);
        }
    };
    let (invalid, mut warnings) = validate(&schema, &policies, &texts);
    errors.extend(invalid);
    let known = Known::new(vocabulary);
    for policy in &policies {
        let conditions = policy.written.condition.iter();
        let erring = conditions.flat_map(|condition| ranges::check(condition, &known)).map(|found| erring.judge(found));
        for found in closed_sets::check(policy, &known).into_iter().chain(erring) {
            let place = policy.place_of(&texts, found.part.as_ref());
            if found.is_error { &mut errors } else { &mut warnings }.push(found.at(place));
        }
        warnings.extend(doubts::silent_forbid(policy));
    }
    if errors.is_empty() { Ok(Checked { policies, schema, warnings: once(warnings) }) } else { Err(once(errors)) }
}

/// In the order of the places, each once: what is found in a template is found again for each of its links.
pub(crate) fn once(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.sort_by(|a, b| (&a.place, &a.message).cmp(&(&b.place, &b.message)));
    found.dedup();
    found
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
    let diagnostic = |id: &CedarId, found: &dyn miette::Diagnostic| {
        let policy = by_id.get(id).and_then(|policy| Some((policy, texts.get(policy.written.source)?)));
        let Some((policy, text)) = policy else { return Diagnostic::new(None, found.to_string()) };
        let exact = Diagnostic::from_cedar(text, policy.written.base, found);
        if policy.is_linked { Diagnostic { place: Some(policy.place.clone()), ..exact } } else { exact }
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
fn digest(sources: &Sources, vocabulary: &Vocabulary<'_>) -> Arc<str> {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    add(schema::SCHEMA);
    let mut actions = vocabulary.actions.to_vec();
    actions.sort_unstable();
    let kinds = [("policy", &sources.policies), ("schema", &sources.schema_extensions), ("links", &sources.links)];
    for (kind, group) in kinds {
        let mut group: Vec<&Source> = group.iter().collect();
        group.sort_by_key(|source| &source.name);
        for source in group {
            [kind, &source.name, &source.text].into_iter().for_each(&mut add);
        }
    }
    for action in actions {
        ["action", action].into_iter().for_each(&mut add);
    }
    if vocabulary.devices {
        add("devices");
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
