//! Properties: what must be true of every request, written as a policy.
//!
//! A `forbid` says that no request which it matches is ever permitted. A `permit` says that every request which it matches is
//! permitted. `@property("…")` says it in words.

use std::sync::Arc;

use cedar_policy::pst::{self, Effect};
use gaccong_policy::analysis::{Material, Statement};
use gaccong_policy::{Decision, Diagnostic, Mode, Place, PolicySet, Source};
use serde::Serialize;

use crate::model::Model;
use crate::witness::Witness;

/// The properties shipped with the product that are the same for everyone.
const SHIPPED: &str = include_str!("shipped.cedar");
/// The folder of the policies of the security operations centre.
const SOC_FOLDER: &str = "soc/";

/// What a property says of the requests that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// None of them is permitted: a `forbid`.
    NeverPermitted,
    /// Each of them is permitted: a `permit`.
    AlwaysPermitted,
}

/// A property.
pub struct Property {
    /// Its name: the `@id`.
    pub id: Arc<str>,
    /// What it says, in words.
    pub title: String,
    /// Where it stands; `None` where it is shipped with the product.
    pub place: Option<Place>,
    /// What it says of the requests that it matches.
    pub claim: Claim,
    /// It matches what any of these matches.
    pub(crate) patterns: Vec<pst::Policy>,
    /// The patterns, ready to be asked.
    set: PolicySet,
}

impl Property {
    /// Whether the property speaks of this question.
    pub(crate) fn matches(&self, question: &Witness) -> bool {
        match (self.claim, self.set.decide(&question.lend(), Mode::Enforce)) {
            (Claim::AlwaysPermitted, Decision::Permit(_)) => true,
            (Claim::NeverPermitted, Decision::Deny(denial)) => denial.cause == gaccong_policy::Cause::Forbid,
            _ => false,
        }
    }
}

/// Reads properties for the policies of `model`.
///
/// # Errors
/// Everything that is wrong with them, each with its place.
pub fn load(model: &Model<'_>, sources: &[Source]) -> Result<Vec<Property>, Vec<Diagnostic>> {
    let material = model.material_of(sources)?;
    material.statements().map(|statement| single(model, statement, Some(statement.place().clone()))).collect()
}

/// The properties that are shipped with the product, for the policies of `model`.
///
/// # Errors
/// They are wrong for a schema with these extensions.
pub fn shipped(model: &Model<'_>) -> Result<Vec<Property>, Vec<Diagnostic>> {
    let text = format!("{SHIPPED}\n{}", nobody_without_a_group(model));
    let source = Source { name: "shipped with the product".to_owned(), text };
    let material = model.material_of(&[source])?;
    let mut properties =
        material.statements().map(|statement| single(model, statement, None)).collect::<Result<Vec<_>, _>>()?;
    properties.extend(soc_forbids_win(model)?);
    Ok(properties)
}

fn single(model: &Model<'_>, statement: Statement<'_>, place: Option<Place>) -> Result<Property, Vec<Diagnostic>> {
    let patterns = vec![statement.syntax().clone()];
    let claim = match statement.syntax().body().effect {
        Effect::Forbid => Claim::NeverPermitted,
        Effect::Permit => Claim::AlwaysPermitted,
    };
    let id = Arc::clone(statement.id());
    let title = statement.annotation("property").unwrap_or(&id).to_owned();
    let set = model.set_of(&patterns)?;
    Ok(Property { id, title, place, claim, patterns, set })
}

/// A person in none of the groups that any policy names reaches nothing secret.
fn nobody_without_a_group(model: &Model<'_>) -> String {
    let mut groups: Vec<String> = model.principal_groups().collect();
    groups.sort_unstable();
    groups.dedup();
    let unless = match groups.as_slice() {
        [] => String::new(),
        groups => format!("unless {{ principal in [{}] }}", groups.join(", ")),
    };
    format!(
        r#"@id("person-without-a-group-reaches-nothing-secret")
           @property("a person who is in no group reaches no app of sensitivity `secret`")
           forbid (principal is User, action, resource) when {{ resource.sensitivity == "secret" }} {unless};"#
    )
}

/// What a `forbid` of the security operations centre matches is never permitted.
fn soc_forbids_win(model: &Model<'_>) -> Result<Option<Property>, Vec<Diagnostic>> {
    let of_soc = |statement: &Statement<'_>| {
        statement.place().source.starts_with(SOC_FOLDER) && statement.syntax().body().effect == Effect::Forbid
    };
    let patterns: Vec<pst::Policy> = model.statements().filter(of_soc).map(|it| it.syntax().clone()).collect();
    if patterns.is_empty() {
        return Ok(None);
    }
    Ok(Some(Property {
        id: "soc-forbids-win".into(),
        title: "a `forbid` of the security operations centre always wins".to_owned(),
        place: None,
        claim: Claim::NeverPermitted,
        set: model.set_of(&patterns)?,
        patterns,
    }))
}

impl Model<'_> {
    fn material_of(&self, sources: &[Source]) -> Result<Material, Vec<Diagnostic>> {
        Material::load(&self.beside(sources.to_vec()), self.vocabulary())
    }

    /// Policies as a set of their own, all in force.
    fn set_of(&self, policies: &[pst::Policy]) -> Result<PolicySet, Vec<Diagnostic>> {
        let text = policies.iter().map(|policy| in_force(policy).to_string()).collect::<Vec<_>>().join("\n");
        let sources = self.beside(vec![Source { name: "properties".to_owned(), text }]);
        Ok(PolicySet::load(&sources, self.vocabulary())?.set)
    }

    /// The groups that policies name, as they would be written in one.
    fn principal_groups(&self) -> impl Iterator<Item = String> {
        let policies = self.statements().filter_map(|it| cedar_policy::Policy::from_pst(it.syntax().clone()).ok());
        let literals = policies.flat_map(|policy| policy.entity_literals());
        let groups = literals.filter(|uid| uid.type_name().to_string() == "Group");
        groups.map(|uid| format!("Group::\"{}\"", uid.id().unescaped().escape_default()))
    }
}

/// The policy without annotations: an `@id` could be taken, and `@mode("observe")` would keep it from deciding.
fn in_force(policy: &pst::Policy) -> pst::Template {
    policy.body().clone().with_annotations(std::collections::BTreeMap::new())
}
