//! The portal: what the person can reach now, and why the rest is closed.

use std::borrow::Cow;

use askama::Template;
use fluent_bundle::FluentArgs;

use super::access::Apps;
use super::{Layout, Page};

/// The apps, for a person.
#[derive(Debug, Template)]
#[template(path = "portal.html")]
pub struct Portal<'a> {
    /// See [`Layout`].
    pub layout: Layout<'a>,
    /// Who is logged in.
    pub person: Cow<'a, str>,
    /// The apps.
    pub apps: Apps<'a>,
    /// What to quote.
    pub request_id: Option<Cow<'a, str>>,
}

impl Page for Portal<'_> {
    fn layout(&self) -> &Layout<'_> {
        &self.layout
    }
}

impl Portal<'_> {
    fn greeting(&self) -> Cow<'static, str> {
        let args = FluentArgs::from_iter([("person", &*self.person)]);
        self.layout.language.say_with("portal-greeting", &args)
    }
}
