//! What is wrong, or doubtful, in a policy or schema file: where it is, what it is, and how to mend it.

use std::fmt;
use std::sync::Arc;

use cedar_policy_core::parser::Loc;
use serde::Serialize;

use crate::source::Text;

/// A position in a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The name of the source.
    pub source: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source, self.line, self.column)
    }
}

/// One error or warning of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where; `None` for what concerns no single place.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub remedy: Option<String>,
    /// What kind of finding of the linter it is; `None` for what loading says.
    pub code: Option<&'static str>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

impl Diagnostic {
    pub(crate) fn new(place: Option<Place>, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), remedy: None, code: None }
    }

    pub(crate) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// What Cedar says of a piece of `text` that begins at `base`.
    pub(crate) fn from_cedar(text: &Text<'_>, base: usize, cedar: &dyn miette::Diagnostic) -> Self {
        let label = cedar.labels().and_then(|mut labels| labels.next());
        let offset = label.as_ref().map_or(0, miette::LabeledSpan::offset);
        let mut message = cedar.to_string();
        if let Some(hint) = label.as_ref().and_then(miette::LabeledSpan::label) {
            message = format!("{message}: {hint}");
        }
        Self {
            place: Some(text.place(base.saturating_add(offset))),
            message,
            remedy: cedar.help().map(|help| help.to_string()),
            code: None,
        }
    }
}

/// Something found in a policy whose place in the sources is yet to be looked up.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Whether the policy must not load.
    pub(crate) is_error: bool,
    /// The part of the policy, where that is known.
    pub(crate) part: Option<Loc>,
    pub(crate) message: String,
    pub(crate) remedy: Option<String>,
}

impl Finding {
    pub(crate) fn at(self, place: Place) -> Diagnostic {
        Diagnostic { place: Some(place), message: self.message, remedy: self.remedy, code: None }
    }
}

/// The remedy for a name that is probably misspelt.
pub(crate) fn did_you_mean<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    closest(given, known).map(|close| format!("did you mean `{close}`?"))
}

/// The one of `known` that `given` was probably meant to be.
pub(crate) fn closest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::damerau_levenshtein(given, name), name))
        .filter(|(distance, name)| *distance <= name.chars().count().div_ceil(3))
        .min()
        .map(|(_, name)| name)
}
