//! `[app.cors]` and `cross_site`: what web pages of other origins may do with an app.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::{HeaderName, Method};

use super::host::is_name;
use super::reader::{Table, Text};

/// `cross_site`: what becomes of requests that another site makes a browser send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CrossSite {
    /// Those that could change something are refused.
    #[default]
    Refuse,
    /// Policy alone decides, by `context.request.site` and `context.request.origin`.
    Policy,
}

/// `[app.cors]`: what pages of other origins may read (the CORS protocol of the Fetch standard).
#[derive(Debug, Clone)]
pub struct Cors {
    /// `origins`: at least one. There is no `*`: whoever is let in is known by a certificate or a session, and what
    /// these may read is not for every page.
    pub origins: Vec<Origin>,
    /// `methods`: which a page may use; WebSockets are not asked about. Default GET, HEAD and POST, which no browser asks
    /// about.
    pub methods: Vec<Method>,
    /// `headers`: the request fields a page may set beside those no browser asks about. Default none.
    pub headers: Vec<HeaderName>,
    /// `expose`: the response fields a page may read beside those it always may. Default none.
    pub expose: Vec<HeaderName>,
    /// `credentials`: whether a page may act in the name of whoever looks at it: by certificate and cookies. Default false.
    pub credentials: bool,
    /// `max_age_s`: how long a browser may remember the answer to a preflight. Default 600.
    pub max_age: Duration,
}

impl Cors {
    /// Whether pages of this origin, as `Origin` names it, may read the app.
    pub fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed.0 == origin)
    }

    /// Whether pages of this origin may change something in the app, or open a channel to it, in a person's name: plain
    /// forms and WebSockets are sent without a preflight.
    pub fn admits(&self, origin: &str, method: &Method, websocket: bool) -> bool {
        self.credentials && self.allows(origin) && (websocket || self.methods.contains(method))
    }
}

/// An origin as browsers write it (RFC 6454 §6.2): lower-case, without a default port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

const CROSS_SITE: [(&str, CrossSite); 2] = [("refuse", CrossSite::Refuse), ("policy", CrossSite::Policy)];
/// No browser remembers longer.
const MAX_AGE_S: RangeInclusive<u64> = 0..=86_400;

pub(super) fn cross_site(table: &mut Table<'_>) -> CrossSite {
    table.choice("cross_site", &CROSS_SITE).unwrap_or_default()
}

pub(super) fn read(mut table: Table<'_>) -> Option<Cors> {
    let texts = table.required_texts("origins");
    let origins: Vec<_> = texts.iter().filter_map(origin).collect();
    let methods = match table.has("methods") {
        true => table.texts("methods").iter().filter_map(method).collect(),
        false => vec![Method::GET, Method::HEAD, Method::POST],
    };
    let headers = table.texts("headers").iter().filter_map(field_name).collect();
    let expose = table.texts("expose").iter().filter_map(field_name).collect();
    let credentials = table.flag("credentials", false);
    let max_age = table.seconds("max_age_s", 600, MAX_AGE_S);
    table.finish();
    (!origins.is_empty()).then_some(Cors { origins, methods, headers, expose, credentials, max_age })
}

fn origin(text: &Text<'_>) -> Option<Origin> {
    const EXPECTED: &str = "an origin such as `https://wiki.example.org` or `https://wiki.example.org:8443`";
    if &**text == "*" {
        return text.refuse("`*` would let every page of the web read what a person may read", EXPECTED);
    }
    match fault_of(text) {
        None => Some(Origin(text.to_string())),
        Some(fault) => text.refuse(format!("`{}` is no origin: {fault}", &**text), EXPECTED),
    }
}

/// What is wrong with an origin.
fn fault_of(origin: &str) -> Option<&'static str> {
    let (rest, default_port) = match (origin.strip_prefix("https://"), origin.strip_prefix("http://")) {
        (Some(rest), _) => (rest, "443"),
        (_, Some(rest)) => (rest, "80"),
        (None, None) => return Some("it does not begin with `https://`"),
    };
    if rest.contains('/') {
        return Some("it has a path");
    }
    let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
    match port {
        Some(port) if port == default_port => return Some("browsers leave the default port out"),
        Some(port)
            if port.starts_with('0')
                || !port.parse::<u16>().is_ok_and(|_| port.bytes().all(|b| b.is_ascii_digit())) =>
        {
            return Some("its port is none");
        }
        _ => {}
    }
    (!is_name(host)).then_some("its host is no lower-case name")
}

fn method(text: &Text<'_>) -> Option<Method> {
    let method = Method::from_bytes(text.as_bytes()).ok().filter(|_| text.bytes().all(|b| b.is_ascii_uppercase()));
    method.or_else(|| text.refuse(format!("`{}` is no method", &**text), "such as `PUT`"))
}

/// The name of a header field.
pub(super) fn field_name(text: &Text<'_>) -> Option<HeaderName> {
    match HeaderName::try_from(&**text) {
        Ok(name) => Some(name),
        Err(_) => text.refuse(format!("`{}` is no field name", &**text), "such as `x-badge-number`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for good in ["https://wiki.example.org", "https://a.test:8443", "http://localhost:3000", "https://10.0.0.7"] {
            assert_eq!(fault_of(good), None, "{good}");
        }
        for bad in [
            "",
            "null",
            "wiki.example.org",
            "https://",
            "https://a.test/",
            "https://a.test:443",
            "http://a.test:80",
            "https://a.test:0",
            "https://a.test:0443",
            "https://a.test:+1",
            "https://a.test:99999",
            "https://A.test",
            "https://*.a.test",
            "https://user@a.test",
            "ftp://a.test",
        ] {
            assert!(fault_of(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_page_acts_in_a_persons_name_only_where_it_may_bring_credentials() {
        let mut cors = Cors {
            origins: vec![Origin("https://wiki.test".to_owned())],
            methods: vec![Method::GET, Method::POST],
            headers: Vec::new(),
            expose: Vec::new(),
            credentials: true,
            max_age: Duration::ZERO,
        };
        let ours = "https://wiki.test";
        assert!(cors.admits(ours, &Method::POST, false) && cors.admits(ours, &Method::GET, true));
        assert!(!cors.admits(ours, &Method::PUT, false) && !cors.admits("https://evil.test", &Method::POST, false));
        cors.credentials = false;
        assert!(!cors.admits(ours, &Method::POST, false) && !cors.admits(ours, &Method::GET, true));
        assert!(cors.allows(ours), "its pages read what anyone may");
    }
}
