//! Logging out: the question before, and the word after.

use std::borrow::Cow;

use askama::Template;

use super::{Allowed, Layout, Page};

/// Asks whether to log out: nobody is logged out by a link.
#[derive(Debug, Template)]
#[template(path = "log_out.html")]
pub struct LogOut<'a> {
    /// See [`Layout`].
    pub layout: Layout<'a>,
    /// Where the form is sent.
    pub action: &'a str,
    /// What proves that it is this form.
    pub token: &'a str,
    /// Where those go who want to stay.
    pub stay: &'a str,
    /// The origins to which the form's answer leads: Chromium asks `form-action` about redirects too.
    pub leads_to: Vec<Cow<'a, str>>,
}

impl Page for LogOut<'_> {
    fn layout(&self) -> &Layout<'_> {
        &self.layout
    }

    fn allowed(&self) -> Allowed<'_> {
        Allowed { form: Some(&self.leads_to), ..Allowed::default() }
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
