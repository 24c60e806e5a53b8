//! What every page has: its title, its language, the organisation's name and logo, links at the top.

use std::borrow::Cow;

use fluent_bundle::FluentArgs;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Language, moment};
use crate::config::Pages;

/// The one style of all pages.
pub(super) const STYLE: &str = include_str!("../../templates/style.css");

/// What every page has.
#[derive(Debug, Clone)]
pub struct Layout<'a> {
    /// The heading, which is also the title.
    pub title: Cow<'a, str>,
    /// The language.
    pub language: Language,
    /// Whose gateway this is.
    pub pages: &'a Pages,
    /// Links at the top.
    pub links: Vec<Link<'a>>,
    /// The page's own path and query, where it can be shown again in the other language.
    pub back: Option<Cow<'a, str>>,
}

/// A link at the top of a page.
#[derive(Debug, Clone)]
pub struct Link<'a> {
    /// Where it leads.
    pub href: Cow<'a, str>,
    /// What it is called.
    pub text: Cow<'a, str>,
}

impl<'a> Layout<'a> {
    /// A page without links.
    pub fn new(title: impl Into<Cow<'a, str>>, language: Language, pages: &'a Pages) -> Self {
        Self { title: title.into(), language, pages, links: Vec::new(), back: None }
    }

    /// A text in the page's language.
    pub(super) fn say(&self, key: &str) -> Cow<'static, str> {
        self.language.say(key)
    }

    pub(super) fn style(&self) -> &'static str {
        STYLE
    }

    pub(super) fn has_header(&self) -> bool {
        self.has_links() || self.pages.name.is_some() || self.pages.logo.is_some()
    }

    pub(super) fn has_links(&self) -> bool {
        !self.links.is_empty() || self.back.is_some()
    }

    /// Whether the operator says whom to ask.
    pub(super) fn has_help(&self) -> bool {
        self.help().is_some() || !self.pages.contact.is_empty()
    }

    /// What the operator adds about help, in the page's language.
    pub(super) fn help(&self) -> Option<&str> {
        match self.language {
            Language::Vietnamese => self.pages.help_vi.as_deref(),
            Language::English => self.pages.help_en.as_deref(),
        }
    }

    /// The language that the page is not in.
    pub(super) fn other(&self) -> Language {
        match self.language {
            Language::Vietnamese => Language::English,
            Language::English => Language::Vietnamese,
        }
    }

    /// Where the page can be had in the other language.
    pub(super) fn switch(&self) -> Option<String> {
        let to = utf8_percent_encode(self.back.as_deref()?, NON_ALPHANUMERIC);
        Some(format!("/.gaccong/language?set={}&to={to}", self.other().tag()))
    }

    /// A moment as people write it, in the operator's time zone.
    pub(super) fn moment(&self, at_ms: i64) -> String {
        moment::shown(at_ms, &self.pages.time_zone, self.language)
    }

    /// How long ago something was.
    pub(super) fn ago(&self, age_s: i64) -> Cow<'static, str> {
        const MINUTE_S: i64 = 60;
        const HOUR_S: i64 = 60 * MINUTE_S;
        const DAY_S: i64 = 24 * HOUR_S;
        let (key, number) = match age_s {
            ..MINUTE_S => return self.say("ago-now"),
            MINUTE_S..HOUR_S => ("ago-minutes", age_s / MINUTE_S),
            HOUR_S..DAY_S => ("ago-hours", age_s / HOUR_S),
            DAY_S.. => ("ago-days", age_s / DAY_S),
        };
        self.language.say_with(key, &FluentArgs::from_iter([("number", number)]))
    }
}
