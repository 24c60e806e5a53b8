//! Policies as material for proofs: parsed and valid, but left in Cedar's syntax.

use cedar_policy::{Schema, pst};

use crate::decision::PolicyId;
use crate::diagnostic::{Diagnostic, Place};
use crate::load::{self, Checked, Erring, Policy};
use crate::source::Sources;
use crate::vocabulary::Vocabulary;

/// The policies of some sources, and the schema that they are valid under.
pub struct Material {
    schema: Schema,
    policies: Vec<Policy>,
}

/// One policy.
#[derive(Clone, Copy)]
pub struct Statement<'a>(&'a Policy);

impl Material {
    /// Parses and validates as [`PolicySet::load`](crate::PolicySet::load) does.
    ///
    /// # Errors
    /// Everything that is wrong with the sources, each with its place.
    pub fn load(sources: &Sources, vocabulary: &Vocabulary<'_>) -> Result<Self, Vec<Diagnostic>> {
        let checked = load::on_a_large_stack(|| load::check(sources, vocabulary, Erring::Refused))?;
        let Checked { policies, schema, .. } = checked;
        Ok(Self { schema, policies })
    }

    /// The schema: ours, the extensions, and the actions of the vocabulary.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// All policies, in the order of their sources.
    pub fn statements(&self) -> impl Iterator<Item = Statement<'_>> {
        self.policies.iter().map(Statement)
    }
}

impl<'a> Statement<'a> {
    /// Its id.
    pub fn id(self) -> &'a PolicyId {
        &self.0.id
    }

    /// Where it stands.
    pub fn place(self) -> &'a Place {
        &self.0.place
    }

    /// What it says.
    pub fn syntax(self) -> &'a pst::Policy {
        &self.0.syntax
    }

    /// The value of an annotation: `@name("value")`.
    pub fn annotation(self, name: &str) -> Option<&'a str> {
        self.0.syntax.body().annotations.get(name).map(|value| value.as_str())
    }

    /// Whether it is only watched, not in force: `@mode("observe")`.
    pub fn is_observed(self) -> bool {
        self.annotation("mode") == Some("observe")
    }
}
