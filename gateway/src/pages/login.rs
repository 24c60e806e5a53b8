//! Pages on the way to a login and back.

use std::borrow::Cow;

use askama::Template;

use super::{Allowed, Layout, Page};

/// Keeps where the person is, fragment and all, under the flow's id, and goes on where the page says so.
pub const SCRIPT: &str = include_str!("../../templates/login.js");

/// Goes back to what was kept.
pub const RETURN_SCRIPT: &str = include_str!("../../templates/return.js");

/// The way to a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login<'a> {
    /// Where it begins.
    pub url: Cow<'a, str>,
    /// The flow's id.
    pub flow: Cow<'a, str>,
    /// How the person gets there.
    pub how: How,
}

/// How a person gets to the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// At once.
    Automatic,
    /// By a link: what is odd about the session is told first, and what would come back by itself does not go on for ever.
    Asked,
    /// By a link that leaves the frame: identity providers do not let themselves be framed.
    Framed,
    /// By a link to a new tab: what was sent is not lost while this one stays open.
    AfterForm,
}

impl How {
    pub(super) fn target(self) -> Option<&'static str> {
        match self {
            Self::Automatic | Self::Asked => None,
            Self::Framed => Some("_top"),
            Self::AfterForm => Some("_blank"),
        }
    }
}

/// The page between an app and the login: it goes on by itself, with or without script.
#[derive(Debug, Template)]
#[template(path = "login.html")]
pub struct GoToLogin<'a> {
    /// See [`Layout`].
    pub layout: Layout<'a>,
    /// Why a login is needed.
    pub detail: Cow<'a, str>,
    /// The way there.
    pub login: Login<'a>,
}

impl Page for GoToLogin<'_> {
    fn layout(&self) -> &Layout<'_> {
        &self.layout
    }

    fn allowed(&self) -> Allowed<'_> {
        Allowed { script: Some(SCRIPT), ..Allowed::default() }
    }
}

/// The page at the end of a login, which goes back to where it began.
#[derive(Debug, Template)]
#[template(path = "return.html")]
pub struct Return<'a> {
    /// See [`Layout`].
    pub layout: Layout<'a>,
    /// The flow's id.
    pub flow: &'a str,
    /// Where it began, as far as the gateway knows: a path of this host, and a query.
    pub to: &'a str,
}

impl Page for Return<'_> {
    fn layout(&self) -> &Layout<'_> {
        &self.layout
    }

    fn allowed(&self) -> Allowed<'_> {
        Allowed { script: Some(RETURN_SCRIPT), ..Allowed::default() }
    }
}
