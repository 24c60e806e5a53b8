//! The host that a request is for: named once, in one way.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Version};

use super::Rejected;
use crate::reason::Reason;

const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;
const DEFAULT_PORT: u16 = 443;

/// A host in normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// Lower-case name, IPv4 address, or IPv6 address in brackets.
    pub(super) name: Arc<str>,
    /// The port, where it is not the default of https.
    pub(super) port: Option<u16>,
}

impl Host {
    /// The host as a `Host` field bears it.
    pub(super) fn header_value(&self) -> Result<HeaderValue, Rejected> {
        let value = match self.port {
            Some(port) => HeaderValue::try_from(format!("{}:{port}", self.name)),
            None => HeaderValue::from_str(&self.name),
        };
        value.map_err(|_| ambiguous("a host that is no header value"))
    }
}

/// The host that a request names: `Host` in HTTP/1.1, `:authority` in HTTP/2. Where both stand, or the target is in
/// absolute form, they must agree.
pub(super) fn of(head: &Parts) -> Result<Host, Rejected> {
    if head.uri.scheme().is_some_and(|scheme| *scheme != Scheme::HTTPS) {
        return Err(ambiguous("a target whose scheme is not https"));
    }
    let in_target = head.uri.authority().map(|authority| parse(authority.as_str())).transpose()?;
    let in_header = host_header(&head.headers)?.map(parse).transpose()?;
    match (in_target, in_header) {
        (Some(target), Some(header)) if target != header => Err(ambiguous("`Host` and the target name two hosts")),
        (Some(target), None) if head.version == Version::HTTP_2 => Ok(target),
        (_, None) => Err(absent("no `Host`")),
        (None, Some(_)) if head.version == Version::HTTP_2 => Err(absent("no `:authority`")),
        (_, Some(header)) => Ok(header),
    }
}

fn host_header(headers: &HeaderMap) -> Result<Option<&str>, Rejected> {
    let mut lines = headers.get_all(HOST).iter();
    let host = lines.next().map(HeaderValue::to_str).transpose();
    if lines.next().is_some() {
        return Err(ambiguous("two `Host` fields"));
    }
    host.map_err(|_| ambiguous("a `Host` that is not ASCII"))
}

fn parse(text: &str) -> Result<Host, Rejected> {
    let (name, port) = match text.rsplit_once(':') {
        // The colons of an IPv6 address are within brackets.
        Some((name, port)) if !port.ends_with(']') => (name, Some(parse_port(port)?)),
        _ => (text, None),
    };
    let name = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => parse_ipv6(address)?,
        None => parse_name(name)?,
    };
    Ok(Host { name, port: port.filter(|port| *port != DEFAULT_PORT) })
}

fn parse_port(text: &str) -> Result<u16, Rejected> {
    let port = text.parse::<u16>().ok().filter(|port| *port != 0);
    // One spelling only: `parse` also takes `+443` and `0443`.
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    port.filter(|_| canonical).ok_or(ambiguous("an invalid port"))
}

fn parse_ipv6(text: &str) -> Result<Arc<str>, Rejected> {
    let address: Ipv6Addr = text.parse().map_err(|_| ambiguous("an invalid IPv6 address"))?;
    Ok(format!("[{address}]").into())
}

/// A DNS name of letters, digits and hyphens, without a trailing dot, or an IPv4 address in dotted decimals.
fn parse_name(text: &str) -> Result<Arc<str>, Rejected> {
    if text.len() > NAME_BYTES_MAX || !text.split('.').all(is_label) {
        return Err(ambiguous("not a host name"));
    }
    // Resolvers read `127.1` and `0x7f000001` as addresses.
    if ends_in_number(text) && text.parse::<Ipv4Addr>().is_err() {
        return Err(ambiguous("an IPv4 address in an unusual form"));
    }
    Ok(text.to_ascii_lowercase().into())
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    last.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn ambiguous(detail: &'static str) -> Rejected {
    Rejected::new(Reason::RequestHostAmbiguous, detail)
}

fn absent(detail: &'static str) -> Rejected {
    Rejected::new(Reason::RequestHostAbsent, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_normal_form() {
        for (text, name, port) in [
            ("App.Example.ORG", "app.example.org", None),
            ("app.example.org:443", "app.example.org", None),
            ("app.example.org:8443", "app.example.org", Some(8443)),
            ("localhost", "localhost", None),
            ("xn--gc-yia.vn", "xn--gc-yia.vn", None),
            ("10.0.0.7:8443", "10.0.0.7", Some(8443)),
            ("[::1]", "[::1]", None),
            ("[2001:DB8:0::0:1]:8443", "[2001:db8::1]", Some(8443)),
        ] {
            assert_eq!(parse(text), Ok(Host { name: name.into(), port }), "{text}");
        }
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        let long_label = format!("{}.org", "a".repeat(64));
        let long_name = ["a"; 128].join(".");
        for text in [
            "",
            ".",
            "a..b",
            ".a",
            "a.",
            "a b",
            "a_b",
            "-a.b",
            "a-.b",
            "a%2eb",
            "user@a",
            "user:pw@a",
            "a,b",
            "a/b",
            "ä.vn",
            "a:",
            "a:0",
            "a:0443",
            "a:+443",
            "a:65536",
            "a:b",
            "a:1:2",
            "::1",
            "[::1",
            "[::1]x",
            "[fe80::1%25eth0]",
            "[]",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "1.2.3.256",
            "01.2.3.4",
            &long_label,
            &long_name,
        ] {
            assert_eq!(parse(text).map_err(|e| e.reason), Err(Reason::RequestHostAmbiguous), "{text}");
        }
    }
}
