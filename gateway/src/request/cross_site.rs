//! Requests that another site makes a browser send.
//!
//! A certificate is shown to whoever asks for it, and `SameSite` does not cover it: without this check, any page that a
//! person visits could act in the person's name. Browsers say where a request comes from in `Origin` (Fetch §3.2) and
//! `Sec-Fetch-Site` (Fetch Metadata §2.4), and pages cannot set either. Programs say nothing and are not concerned.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, ORIGIN};
use http::{HeaderValue, Method};

use crate::config::{App, CrossSite};
use crate::facts::snapshot::Listener;
use crate::reason::Reason;

/// `Sec-Fetch-Site`
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The longest origin that is read: a host name has 253 bytes at most.
const ORIGIN_BYTES_MAX: usize = 512;

/// What stands for an origin that is none, as browsers write it (RFC 6454 §6.1).
const OPAQUE: &str = "null";

/// The page that made a browser send a request, as far as the browser says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Initiator {
    /// `Sec-Fetch-Site`, where there is one.
    pub site: Option<Site>,
    /// `Origin`, where there is one; `null` where it cannot be read.
    pub origin: Option<Arc<str>>,
    relation: Relation,
}

/// What the origin is to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Relation {
    /// The browser does not say, or it is a program.
    #[default]
    Absent,
    /// `null`: a page without an origin, or one that hides it (`Referrer-Policy: no-referrer`) even from its own server.
    Opaque,
    /// It is the origin that the request is for.
    Own,
    /// It is another one, or cannot be read.
    Foreign,
}

/// How the page's site is to the request's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// `same-origin`
    SameOrigin,
    /// `same-site`: another host of the same registrable domain.
    SameSite,
    /// `cross-site`, or anything that we do not know.
    CrossSite,
    /// `none`: no page, but the person: an address that was typed, a bookmark.
    None,
}

impl Site {
    fn of(values: &HeaderMap) -> Option<Self> {
        let mut lines = values.get_all(SEC_FETCH_SITE).iter();
        let first = lines.next()?;
        Some(match first.as_bytes() {
            _ if lines.next().is_some() => Self::CrossSite,
            b"same-origin" => Self::SameOrigin,
            b"same-site" => Self::SameSite,
            b"none" => Self::None,
            _ => Self::CrossSite,
        })
    }

    /// As policies know it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
            Self::CrossSite => "cross-site",
            Self::None => "none",
        }
    }
}

impl Initiator {
    /// What the fields of a request say whose normal host and port are `authority`.
    pub fn of(headers: &HeaderMap, authority: &HeaderValue) -> Self {
        let mut lines = headers.get_all(ORIGIN).iter();
        let (origin, relation) = match lines.next().map(HeaderValue::to_str) {
            None => (None, Relation::Absent),
            Some(Ok(origin)) if lines.next().is_none() && origin.len() <= ORIGIN_BYTES_MAX => {
                (Some(origin), Relation::of(origin, authority))
            }
            Some(_) => (Some(OPAQUE), Relation::Foreign),
        };
        Self { site: Site::of(headers), origin: origin.map(Arc::from), relation }
    }

    /// Whether it is another origin than the request's own that made the browser send it.
    pub fn is_foreign(&self) -> bool {
        match self.relation {
            Relation::Own => false,
            Relation::Foreign => true,
            Relation::Absent => matches!(self.site, Some(Site::SameSite | Site::CrossSite)),
            Relation::Opaque => !matches!(self.site, Some(Site::SameOrigin | Site::None)),
        }
    }

    /// Refuses what could change something in the app, or opens a channel to it, and was sent by a page that may not.
    pub fn check(&self, listener: Listener, app: &App, method: &Method, websocket: bool) -> Result<(), Reason> {
        let admitted = match listener {
            // No page has any business there, and no browser calls it by itself.
            Listener::Control => self.origin.is_none(),
            Listener::Apps => {
                let harmless = is_safe(method) && !websocket;
                harmless
                    || app.cross_site == CrossSite::Policy
                    || !self.is_foreign()
                    || self.is_admitted_by(app, method, websocket)
            }
        };
        if admitted { Ok(()) } else { Err(Reason::RequestCrossSite) }
    }

    /// Whether the app's `[app.cors]` lets pages of the origin do this.
    fn is_admitted_by(&self, app: &App, method: &Method, websocket: bool) -> bool {
        let named = app.cors.as_ref().zip(self.origin.as_ref());
        named.is_some_and(|(cors, origin)| cors.admits(origin, method, websocket))
    }

    /// Whether the app's `[app.cors]` names the origin: its pages may read answers.
    pub fn is_allowed_by(&self, app: &App) -> bool {
        app.cors.as_ref().zip(self.origin.as_ref()).is_some_and(|(cors, origin)| cors.allows(origin))
    }
}

/// Whether an app does nothing but answer (RFC 9110 §9.2.1). TRACE is safe too, and never forwarded.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

impl Relation {
    /// What one origin is to https at this host and port.
    fn of(origin: &str, authority: &HeaderValue) -> Self {
        match origin.strip_prefix("https://") {
            Some(text) if text.strip_suffix(":443").unwrap_or(text).as_bytes() == authority.as_bytes() => Self::Own,
            None if origin == OPAQUE => Self::Opaque,
            _ => Self::Foreign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initiator(fields: &[(&str, &str)]) -> Initiator {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        Initiator::of(&headers, &HeaderValue::from_static("app.test"))
    }

    #[test]
    fn only_the_own_origin_is_not_foreign() {
        for own in ["https://app.test", "https://app.test:443"] {
            assert!(!initiator(&[("origin", own)]).is_foreign(), "{own}");
            assert!(!initiator(&[("origin", own), ("sec-fetch-site", "cross-site")]).is_foreign(), "{own}");
        }
        for foreign in [
            "",
            "null",
            "app.test",
            "http://app.test",
            "https://App.test",
            "https://app.test:8443",
            "https://app.test:443:443",
            "https://app.test/",
            "https://app.test https://evil.test",
            "https://app.test.evil.test",
            "https://evil.test",
        ] {
            assert!(initiator(&[("origin", foreign)]).is_foreign(), "{foreign}");
            let claims_otherwise = initiator(&[("origin", foreign), ("sec-fetch-site", "same-origin")]);
            assert_eq!(claims_otherwise.is_foreign(), foreign != "null", "{foreign}");
        }
        let twice = initiator(&[("origin", "https://app.test"), ("origin", "https://app.test")]);
        assert_eq!((twice.is_foreign(), twice.origin.as_deref()), (true, Some("null")));
        let long = initiator(&[("origin", &format!("https://{}", "a".repeat(600)))]);
        assert_eq!((long.is_foreign(), long.origin.as_deref()), (true, Some("null")));
    }

    /// A page with `Referrer-Policy: no-referrer` hides its origin from its own server too.
    #[test]
    fn a_hidden_origin_is_what_the_site_says() {
        for (site, foreign) in [("same-origin", false), ("none", false), ("same-site", true), ("cross-site", true)] {
            assert_eq!(initiator(&[("origin", "null"), ("sec-fetch-site", site)]).is_foreign(), foreign, "{site}");
        }
    }

    #[test]
    fn other_ports_and_addresses_have_origins_too() {
        for authority in ["app.test:8443", "[::1]", "[::1]:8443", "10.0.0.7"] {
            let mut headers = HeaderMap::new();
            headers.insert(ORIGIN, format!("https://{authority}").parse().unwrap());
            assert!(!Initiator::of(&headers, &authority.parse().unwrap()).is_foreign(), "{authority}");
        }
    }

    #[test]
    fn without_an_origin_the_site_counts() {
        for (site, foreign) in [
            ("same-origin", false),
            ("none", false),
            ("same-site", true),
            ("cross-site", true),
            ("Same-Origin", true),
            ("", true),
            ("anything", true),
        ] {
            assert_eq!(initiator(&[("sec-fetch-site", site)]).is_foreign(), foreign, "{site}");
        }
        assert!(initiator(&[("sec-fetch-site", "none"), ("sec-fetch-site", "none")]).is_foreign());
        assert!(!initiator(&[]).is_foreign(), "programs say nothing");
    }
}
