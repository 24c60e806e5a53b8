//! What people see: texts in their language, and the pages that are made of them.
//!
//! One file a page: what it shows, and the template in `gateway/templates/` that shows it. A page is made of plain values
//! and becomes a [`Document`]; it reads nothing and asks nobody. Every page stands in one layout with one style, loads
//! nothing, and says in a Content-Security-Policy of its own what little it may do.

pub mod access;
mod document;
pub mod facts;
mod language;
mod layout;
pub mod login;
pub mod logout;
pub mod moment;
pub mod portal;
pub mod refusal;
pub mod status;
mod texts;

#[cfg(test)]
mod tests;

pub use document::{Allowed, Document, Page};
pub use language::Language;
pub use layout::{Layout, Link};

use std::borrow::Cow;

/// A sentence and its language, which is not the page's where a policy speaks one language only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<'a> {
    /// The sentence.
    pub text: Cow<'a, str>,
    /// Its language.
    pub language: Language,
}
