//! The decision: a question about one request goes in, a permit or a reasoned denial comes out.
//!
//! Pure: no clock, no I/O, no async, no global state. Time is part of the question.
//!
//! Policies are written in [Cedar](https://www.cedarpolicy.com) under the schema in [`SCHEMA`]. They are loaded once,
//! strictly, and indexed by app. Everything that applies to the app is then evaluated for each question: a `forbid`
//! wins over every `permit`, no `permit` is a denial, and so is any error.
//!
//! ```
//! use gaccong_policy::*;
//!
//! let text = r#"
//!     @id("staff-read-the-wiki")
//!     permit (principal in Group::"staff", action == Action::"read", resource == App::"wiki");
//!
//!     @id("healthy-devices-only")
//!     @reason("The disk of this device is not encrypted.")
//!     @advice("Turn on disk encryption, then try again.")
//!     forbid (principal is User, action, resource)
//!     unless { context has device && context.device has disk_encrypted && context.device.disk_encrypted };
//! "#;
//! let sources = Sources {
//!     policies: vec![Source { name: "wiki.cedar".to_owned(), text: text.to_owned() }],
//!     ..Sources::default()
//! };
//! let wiki = AppScope { name: "wiki", groups: &[], owner: None, sensitivity: "low" };
//! let vocabulary = Vocabulary { apps: &[wiki], ..Vocabulary::default() };
//! let loaded = PolicySet::load(&sources, &vocabulary).map_err(|errors| errors[0].to_string())?;
//! assert!(loaded.warnings.is_empty());
//!
//! let source_ip = [192, 0, 2, 7].into();
//! let request = Request { host: "wiki.example.org", path: "/", method: "GET", source_ip, site: None, origin: None };
//! let mut question = Question {
//!     principal: Principal { kind: PrincipalKind::User, id: "alice@example.org", groups: &["staff".into()] },
//!     action: "read",
//!     app: "wiki",
//!     context: Context::of(request, 1_767_225_600_000),
//! };
//! let Decision::Deny(denial) = loaded.set.decide(&question, Mode::Enforce) else { panic!("no device, no entry") };
//! assert_eq!(denial.cause, Cause::Forbid);
//! assert_eq!(denial.words.reason.as_deref(), Some("The disk of this device is not encrypted."));
//!
//! question.context.device = Some(Device { id: "laptop-1", disk_encrypted: Some(true), ..Device::default() });
//! let Decision::Permit(permit) = loaded.set.decide(&question, Mode::Enforce) else { panic!("a healthy device") };
//! assert_eq!(permit.policies(), ["staff-read-the-wiki".into()]);
//! # Ok::<(), String>(())
//! ```

use std::sync::Arc;

use crate::load::Erring;

pub mod analysis;
mod closed_sets;
mod compile;
mod conclude;
mod confine;
mod core_syntax;
mod decision;
mod diagnostic;
mod doubts;
mod evaluate;
mod explain;
mod format;
mod holds;
mod interpret;
mod links;
mod lint;
mod load;
mod names;
mod parse;
mod question;
mod question_buf;
mod ranges;
mod rule;
mod schema;
mod slice;
mod source;
mod step_up;
mod syntax;
mod translate;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use decision::{Cause, Decision, Denial, Mode, Permit, PolicyId, PolicyIds, Words};
pub use diagnostic::{Diagnostic, Place};
pub use explain::{
    Change, Clause, ConditionOutcome, Considered, Determining, ExplainedCondition, Explanation, Fact, FactValue,
    Operand, PolicyOutcome, Relation, Remedy,
};
pub use format::format;
pub use lint::lint;
pub use load::Loaded;
pub use question::{
    BreakGlass, Certificate, Context, Device, Principal, PrincipalKind, Question, Request, Session, Target, Threat,
};
pub use question_buf::{
    BreakGlassBuf, CertificateBuf, ContextBuf, DeviceBuf, PrincipalBuf, QuestionBuf, RequestBuf, SessionBuf, TargetBuf,
    ThreatBuf,
};
pub use ranges::bounds;
pub use schema::SCHEMA;
pub use source::{Source, Sources};
pub use step_up::StepUp;
pub use vocabulary::{AppScope, Vocabulary};

/// The schema in force: [`SCHEMA`], the actions of `vocabulary`, and the extensions of `sources`, in Cedar's schema syntax.
///
/// # Errors
///
/// Everything that is wrong with the extensions.
pub fn schema_text(sources: &Sources, vocabulary: &Vocabulary<'_>) -> Result<String, Vec<Diagnostic>> {
    load::on_a_large_stack(|| schema::text(&sources.schema_extensions, vocabulary))
}

/// A set of policies, loaded and valid.
#[derive(Debug)]
pub struct PolicySet {
    digest: Arc<str>,
    len: usize,
    evaluator: evaluate::Evaluator,
    explain: explain::Index,
}

impl PolicySet {
    /// Loads policies for what `vocabulary` knows.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the sources, each with its place.
    pub fn load(sources: &Sources, vocabulary: &Vocabulary<'_>) -> Result<Loaded, Vec<Diagnostic>> {
        load::load(sources, vocabulary, Erring::Refused)
    }

    /// Loads as [`PolicySet::load`] does, but only warns of policies that can err. For comparing evaluators in their errors:
    /// such a set is not to serve.
    ///
    /// # Errors
    ///
    /// Everything else that is wrong with the sources, each with its place.
    pub fn load_erring(sources: &Sources, vocabulary: &Vocabulary<'_>) -> Result<Loaded, Vec<Diagnostic>> {
        load::load(sources, vocabulary, Erring::Admitted)
    }

    /// Decides. The same question always gets the same answer.
    pub fn decide(&self, question: &Question<'_>, mode: Mode) -> Decision {
        self.evaluator.decide(question, mode)
    }

    /// Decides as [`PolicySet::decide`] does, but by Cedar's evaluator alone: slow, and what the answers of `decide` are
    /// checked against.
    pub fn decide_by_cedar(&self, question: &Question<'_>, mode: Mode) -> Decision {
        self.evaluator.decide_by_cedar(question, mode)
    }

    /// SHA-256 of the policies, the schema and the actions, in lower-case hexadecimal.
    pub fn digest(&self) -> &Arc<str> {
        &self.digest
    }

    /// The number of policies.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The number of policies that are not compiled: Cedar itself evaluates them, more slowly.
    pub fn interpreted(&self) -> usize {
        self.evaluator.interpreted()
    }

    /// Whether there is no policy: everything is refused.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}
