//! Parsing: from text to policies and templates, each by itself, so that one that is wrong does not hide the others.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{PolicyId as CedarId, pst};
use cedar_policy_core::ast::{Expr, Policy as CorePolicy, Template as CoreTemplate};
use cedar_policy_core::parser::Loc;

use crate::decision::{PolicyId, Words};
use crate::diagnostic::{Diagnostic, Place};
use crate::source::Text;
use crate::step_up::{BadAnnotation, StepUp};
use crate::syntax;

/// The deepest expression: such a one evaluates on any ordinary stack.
const MAX_DEPTH: usize = 150;

/// One parsed policy.
pub(crate) struct Policy {
    pub(crate) id: PolicyId,
    pub(crate) place: Place,
    pub(crate) words: Words,
    pub(crate) cedar: cedar_policy::Policy,
    pub(crate) syntax: pst::Policy,
    pub(crate) written: Written,
    /// Whether it is a template that a link has filled.
    pub(crate) is_linked: bool,
}

/// One parsed template, which means nothing until it is linked.
pub(crate) struct Template {
    pub(crate) id: PolicyId,
    pub(crate) place: Place,
    pub(crate) syntax: pst::Template,
    pub(crate) written: Written,
}

/// What a statement is where it was written, with source locations.
#[derive(Clone)]
pub(crate) struct Written {
    /// What its `when`s and `unless`es come to; `None` if it has none.
    pub(crate) condition: Option<Arc<Expr>>,
    /// Which source it is from, and where in it it begins.
    pub(crate) source: usize,
    pub(crate) base: usize,
}

impl Policy {
    /// The place of a part of the policy, as exactly as it is known.
    pub(crate) fn place_of(&self, texts: &[Text<'_>], part: Option<&Loc>) -> Place {
        let exact = part.and_then(|loc| Some((texts.get(self.written.source)?, loc)));
        exact
            .map_or_else(|| self.place.clone(), |(text, loc)| text.place(self.written.base.saturating_add(loc.start())))
    }
}

/// What was found in the sources.
#[derive(Default)]
pub(crate) struct Parsed {
    pub(crate) policies: Vec<Policy>,
    pub(crate) templates: Vec<Template>,
    pub(crate) errors: Vec<Diagnostic>,
}

pub(crate) fn parse(texts: &[Text<'_>]) -> Parsed {
    let mut parsed = Parsed::default();
    for (source, text) in texts.iter().enumerate() {
        let ranges = text.policies().unwrap_or_else(|error| {
            parsed.errors.push(error);
            Vec::new()
        });
        for range in ranges {
            let statement =
                Statement { text, source, base: range.start, text_of: text.text.get(range).unwrap_or_default() };
            match statement.parse() {
                Ok(Either::Policy(policy)) => parsed.policies.push(*policy),
                Ok(Either::Template(template)) => parsed.templates.push(*template),
                Err(found) => parsed.errors.extend(found),
            }
        }
    }
    parsed
}

enum Either {
    Policy(Box<Policy>),
    Template(Box<Template>),
}

/// One statement of a source, to its `;`.
struct Statement<'a> {
    text: &'a Text<'a>,
    source: usize,
    base: usize,
    text_of: &'a str,
}

impl Statement<'_> {
    fn parse(&self) -> Result<Either, Vec<Diagnostic>> {
        let errors = match cedar_policy::Policy::parse(None, self.text_of) {
            Ok(policy) => return self.policy(policy).map(|policy| Either::Policy(Box::new(policy))),
            Err(errors) => errors,
        };
        match cedar_policy::Template::parse(None, self.text_of) {
            Ok(template) => self.template(&template).map(|template| Either::Template(Box::new(template))),
            Err(_) => Err(errors.iter().map(|error| Diagnostic::from_cedar(self.text, self.base, error)).collect()),
        }
    }

    fn policy(&self, cedar: cedar_policy::Policy) -> Result<Policy, Vec<Diagnostic>> {
        let core: &CorePolicy = cedar.as_ref();
        let written = self.written(core.non_scope_constraints_arc());
        let place = self.text.place(self.base);
        let id = self.id(cedar.annotation("id"), &place);
        let syntax = cedar.to_pst().map_err(|error| vec![Diagnostic::new(Some(place.clone()), error.to_string())])?;
        check_depth(syntax.body(), &id, &place)?;
        check_annotations(cedar.annotations(), &id, &place)?;
        let cedar = cedar.new_id(CedarId::new(&id));
        Ok(Policy { id, place, words: words(&cedar), cedar, syntax, written, is_linked: false })
    }

    fn template(&self, cedar: &cedar_policy::Template) -> Result<Template, Vec<Diagnostic>> {
        let core: &CoreTemplate = cedar.as_ref();
        let written = self.written(core.non_scope_constraints_arc());
        let place = self.text.place(self.base);
        let id = self.id(cedar.annotation("id"), &place);
        let syntax = cedar.to_pst().map_err(|error| vec![Diagnostic::new(Some(place.clone()), error.to_string())])?;
        check_depth(&syntax, &id, &place)?;
        check_annotations(cedar.annotations(), &id, &place)?;
        Ok(Template { id, place, syntax, written })
    }

    fn written(&self, condition: Option<&Arc<Expr>>) -> Written {
        Written { condition: condition.cloned(), source: self.source, base: self.base }
    }

    fn id(&self, annotation: Option<&str>, place: &Place) -> PolicyId {
        match annotation {
            Some(id) if !id.is_empty() => id.into(),
            _ => format!("{}:{}", self.text.name, place.line).into(),
        }
    }
}

fn check_depth(body: &pst::Template, id: &str, place: &Place) -> Result<(), Vec<Diagnostic>> {
    if body.clauses().iter().all(|clause| syntax::depth(syntax::expression(clause)) <= MAX_DEPTH) {
        return Ok(());
    }
    let message = format!("the condition of policy `{id}` is nested more than {MAX_DEPTH} deep");
    let error = Diagnostic::new(Some(place.clone()), message);
    Err(vec![error.remedy("split the policy, or write `[a, b, …].contains(x)` for a long chain of `||`")])
}

/// Annotations that change what a policy does must say something that is known.
fn check_annotations<'a>(
    annotations: impl Iterator<Item = (&'a str, &'a str)>,
    id: &str,
    place: &Place,
) -> Result<(), Vec<Diagnostic>> {
    let annotations: Vec<_> = annotations.collect();
    let unknown = |name: &str, value: &str, remedy: String| {
        let message = format!("policy `{id}` has the unknown `@{name}(\"{value}\")`");
        vec![Diagnostic::new(Some(place.clone()), message).remedy(remedy)]
    };
    for (name, value) in &annotations {
        let allowed: &[&str] = match *name {
            "mode" => &["enforce", "observe"],
            "record" => &["twice"],
            _ => continue,
        };
        if !allowed.contains(value) {
            let allowed: Vec<_> = allowed.iter().map(|value| format!("`@{name}(\"{value}\")`")).collect();
            return Err(unknown(name, value, format!("write {}", allowed.join(" or "))));
        }
    }
    let step_up = StepUp::read(annotations.into_iter()).map(drop);
    step_up.map_err(|BadAnnotation { name, value, remedy }| unknown(&name, &value, remedy))
}

/// What a policy says to the person who is refused.
pub(crate) fn words(policy: &cedar_policy::Policy) -> Words {
    let word = |name: &str| policy.annotation(name).filter(|word| !word.is_empty()).map(Arc::from);
    Words { reason: word("reason"), advice: word("advice"), reason_vi: word("reason_vi"), advice_vi: word("advice_vi") }
}

/// An error for each policy or template whose id is taken.
pub(crate) fn duplicates(policies: &[Policy], templates: &[Template]) -> Vec<Diagnostic> {
    let mut first: HashMap<&str, &Place> = HashMap::new();
    let mut errors = Vec::new();
    let policies = policies.iter().map(|policy| (&policy.id, &policy.place));
    for (id, place) in templates.iter().map(|template| (&template.id, &template.place)).chain(policies) {
        if let Some(first) = first.get(id.as_ref()) {
            let message = format!("the id `{id}` is already that of the policy at {first}");
            let error = Diagnostic::new(Some(place.clone()), message);
            errors.push(error.remedy("give each policy an `@id` of its own, and each link a `newId`"));
        } else {
            first.insert(id, place);
        }
    }
    errors
}
