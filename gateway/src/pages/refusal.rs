//! The page of a refusal: what was refused, why, what to do now, whom to ask.

use std::borrow::Cow;

use askama::Template;

use super::login::{How, Login, SCRIPT};
use super::{Allowed, Layout, Page, Said};

/// What a refusal says.
#[derive(Debug, Template)]
#[template(path = "refusal.html")]
pub struct Refusal<'a> {
    /// See [`Layout`].
    pub layout: Layout<'a>,
    /// The host of the app that was asked for.
    pub place: Option<Cow<'a, str>>,
    /// Why.
    pub detail: Said<'a>,
    /// What to do now.
    pub advice: Said<'a>,
    /// What of it the person can mend.
    pub remedies: Vec<Cow<'a, str>>,
    /// The way to a login, where one would help.
    pub login: Option<Login<'a>>,
    /// Where to begin again.
    pub try_again: Option<&'a str>,
    /// Where the device's state can be seen.
    pub status_page: Option<&'a str>,
    /// Whether the browser may have remembered a wrong certificate.
    pub certificate_choice: bool,
    /// What to quote.
    pub request_id: Option<Cow<'a, str>>,
    /// The reason's code.
    pub code: &'a str,
    /// The response's status.
    pub status: u16,
}

impl Page for Refusal<'_> {
    fn layout(&self) -> &Layout<'_> {
        &self.layout
    }

    fn allowed(&self) -> Allowed<'_> {
        let how = self.login.as_ref().map(|login| login.how);
        Allowed {
            script: (how == Some(How::Asked)).then_some(SCRIPT),
            // In a frame it has to be seen in order to be left; there is nothing in it to be tricked into.
            framed: how == Some(How::Framed),
            ..Allowed::default()
        }
    }
}
