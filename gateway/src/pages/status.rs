//! The status page: who am I, on which device, in what state, and what may I reach.

use std::borrow::Cow;

use askama::Template;
use fluent_bundle::FluentArgs;

use super::access::Apps;
use super::{Layout, Page, moment};

/// How long before its end a certificate is warned of.
const EXPIRY_WARNING_DAYS: i64 = 14;

const DAY_MS: i64 = 86_400_000;

/// What the gateway knows of whoever asks.
#[derive(Debug, Template)]
#[template(path = "status.html")]
pub struct Status<'a> {
    /// See [`Layout`].
    pub layout: Layout<'a>,
    /// Who it is.
    pub person: Option<Cow<'a, str>>,
    /// How they proved it.
    pub login: Option<Login<'a>>,
    /// Where to log in, where nobody is.
    pub log_in: Option<&'a str>,
    /// From which device.
    pub device: Device<'a>,
    /// What they may reach.
    pub apps: Apps<'a>,
    /// What to quote.
    pub request_id: Option<Cow<'a, str>>,
    /// The time, milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// How and when a person proved who they are.
#[derive(Debug, Clone)]
pub struct Login<'a> {
    /// How.
    pub method: Method,
    /// The authentication context class.
    pub acr: Option<Cow<'a, str>>,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Until when that counts.
    pub until_ms: Option<i64>,
}

/// How a person proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// At the identity provider.
    Provider,
    /// With a card, on the host where people log in.
    Card,
    /// With the certificate of the connection.
    Certificate,
}

/// A device, as the gateway knows it.
#[derive(Debug, Clone, Default)]
pub struct Device<'a> {
    /// Its name.
    pub id: Option<Cow<'a, str>>,
    /// When its certificate ends, milliseconds since the Unix epoch.
    pub not_after_ms: Option<i64>,
    /// What is known of its state.
    pub checks: Vec<Check<'a>>,
}

/// One thing that is known of a device.
#[derive(Debug, Clone)]
pub struct Check<'a> {
    /// What it is called.
    pub name: Cow<'a, str>,
    /// What it is, in words.
    pub value: Cow<'a, str>,
    /// How that is to be taken.
    pub state: State,
    /// How long ago it was observed.
    pub age_s: i64,
    /// Who observed it.
    pub source: Option<Cow<'a, str>>,
    /// What the person can do about it.
    pub mend: Option<Cow<'a, str>>,
}

/// How a check is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Neither good nor bad in itself.
    Neutral,
    /// Too old to count.
    Stale,
}

impl Method {
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Provider => "status-method-provider",
            Self::Card => "status-method-card",
            Self::Certificate => "status-method-certificate",
        }
    }
}

impl State {
    /// What it is called; nothing where it is neither good nor bad.
    pub(super) fn key(self) -> Option<&'static str> {
        match self {
            Self::Good => Some("status-good"),
            Self::Bad => Some("status-bad"),
            Self::Neutral => None,
            Self::Stale => Some("status-stale"),
        }
    }

    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Neutral => "",
            Self::Stale => "warn",
        }
    }
}

impl Page for Status<'_> {
    fn layout(&self) -> &Layout<'_> {
        &self.layout
    }
}

impl Status<'_> {
    /// What is said of a certificate that ends soon.
    fn expiry_warning(&self) -> Option<Cow<'static, str>> {
        let left_ms = self.device.not_after_ms?.saturating_sub(self.now_ms);
        let days = FluentArgs::from_iter([("days", left_ms / DAY_MS)]);
        let soon = (0..=EXPIRY_WARNING_DAYS * DAY_MS).contains(&left_ms);
        soon.then(|| self.layout.language.say_with("status-expires", &days))
    }
}
