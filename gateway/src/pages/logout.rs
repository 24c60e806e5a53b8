//! Logging out: the question before, and the word after.

use askama::Template;

use super::{Allowed, Layout, Page};

/// Asks whether to log out: nobody is logged out by a link.
#[derive(Debug, Template)]
#[template(path = "log_out.html")]
pub struct LogOut<'a> {
    /// See [`Layout`]; its `back` is offered to those who want to stay.
    pub layout: Layout<'a>,
    /// Where the form is sent.
    pub action: &'a str,
    /// What proves that it is this form.
    pub token: &'a str,
    /// The origin of the identity provider, where it is told of the logout.
    pub provider: Option<&'a str>,
}

impl Page for LogOut<'_> {
    fn layout(&self) -> &Layout<'_> {
        &self.layout
    }

    fn allowed(&self) -> Allowed<'_> {
        Allowed { form: true, form_leads_to: self.provider, ..Allowed::default() }
    }
}

/// Says that the person is logged out.
#[derive(Debug, Template)]
#[template(path = "logged_out.html")]
pub struct LoggedOut<'a> {
    /// See [`Layout`].
    pub layout: Layout<'a>,
    /// Where to log in again.
    pub log_in: Option<&'a str>,
}

impl Page for LoggedOut<'_> {
    fn layout(&self) -> &Layout<'_> {
        &self.layout
    }
}
