//! What a person may reach, for the portal and the status page.

use std::borrow::Cow;

use fluent_bundle::FluentArgs;

use super::{Language, Said};

/// The apps, as far as they are shown.
#[derive(Debug, Clone, Default)]
pub struct Apps<'a> {
    /// Those that the person can reach now.
    pub open: Vec<OpenApp<'a>>,
    /// The others.
    pub closed: Vec<ClosedApp<'a>>,
    /// Those that nothing permits the person to reach: the names only.
    pub without_permit: Vec<Cow<'a, str>>,
    /// How many more there are.
    pub more: usize,
}

/// An app that the person can reach now.
#[derive(Debug, Clone)]
pub struct OpenApp<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Where it is; none where all its hosts are patterns.
    pub url: Option<Cow<'a, str>>,
}

/// An app that is closed to the person now.
#[derive(Debug, Clone)]
pub struct ClosedApp<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Why.
    pub why: Said<'a>,
    /// What to do.
    pub advice: Said<'a>,
    /// What of it the person can mend.
    pub remedies: Vec<Cow<'a, str>>,
}

impl Apps<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.closed.is_empty() && self.without_permit.is_empty()
    }

    pub(super) fn more(&self, language: Language) -> Option<Cow<'static, str>> {
        let number = FluentArgs::from_iter([("number", self.more)]);
        (self.more > 0).then(|| language.say_with("apps-more", &number))
    }
}
