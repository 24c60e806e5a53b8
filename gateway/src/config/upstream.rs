//! `upstreams` and `[app.tls]`: where an app is and how to speak to it.

use std::net::IpAddr;
use std::path::PathBuf;

use http::uri::Authority;

use super::KeyRef;
use super::diagnostic::one_of;
use super::reader::{Table, Text};

/// One upstream address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The scheme.
    pub scheme: Scheme,
    /// Where to connect.
    pub target: Target,
}

/// How to speak to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http://`: HTTP/1.1 in clear; also `unix:`.
    Http,
    /// `https://`: HTTP/2 or HTTP/1.1 over TLS, by ALPN.
    Https,
    /// `h2c://`: HTTP/2 in clear with prior knowledge (RFC 9113 §3.3).
    H2c,
}

/// Where an upstream listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A name or address and a port. Names are resolved at each new connection.
    Tcp {
        /// Name or address, without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// A Unix socket: `unix:/run/app.sock` (HTTP/1.1).
    Unix(PathBuf),
}

/// `[app.tls]`: how an `https` upstream proves itself and what we present.
#[derive(Debug, Clone, Default)]
pub struct UpstreamTls {
    /// `ca`: PEM file; required for `https`.
    pub ca: Option<PathBuf>,
    /// `server_name`: what the certificate must name. Default: the upstream's host.
    pub server_name: Option<String>,
    /// `chain` and `key`: the client certificate we present.
    pub client: Option<(PathBuf, KeyRef)>,
}

/// The port that is meant where none is written follows from the scheme.
const SCHEMES: [(&str, Scheme, u16); 3] =
    [("http", Scheme::Http, 80), ("https", Scheme::Https, 443), ("h2c", Scheme::H2c, 80)];

/// `https://10.0.0.7:8443` or `unix:/run/app.sock`
pub(super) fn read(text: &Text<'_>) -> Option<Upstream> {
    if let Some(path) = text.strip_prefix("unix:") {
        return match path.is_empty() {
            true => text.refuse("`unix:` names no socket", "a path such as `unix:/run/app.sock`"),
            false => Some(Upstream { scheme: Scheme::Http, target: Target::Unix(text.spot.resolve(path)) }),
        };
    }
    let Some((word, rest)) = text.split_once("://") else {
        return text.refuse(
            format!("`{}` is not an upstream", &**text),
            "such as `http://10.0.0.7:8080` or `unix:/run/app.sock`",
        );
    };
    let Some((_, scheme, default_port)) = SCHEMES.iter().find(|(known, ..)| *known == word) else {
        let known = || SCHEMES.iter().map(|(known, ..)| *known).chain(["unix"]);
        return text.part(0..word.len()).refuse(format!("unknown upstream scheme `{word}`"), one_of(known()));
    };
    let target = tcp(text, word.len() + 3, rest, *default_port)?;
    Some(Upstream { scheme: *scheme, target })
}

/// `rest` begins at `offset` of the text.
fn tcp(text: &Text<'_>, offset: usize, rest: &str, default_port: u16) -> Option<Target> {
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if !matches!(path, "" | "/") {
        let path_spot = text.part(offset + authority.len()..text.len());
        return path_spot.refuse("an upstream has no path: requests keep their own", "an address and a port");
    }
    let spot = text.part(offset..offset + authority.len());
    let expected = "a host and a port, such as `10.0.0.7:8080` or `[fd00::7]:8080`";
    let parsed = authority.parse::<Authority>().ok().filter(|_| !authority.contains('@'));
    let host = parsed.as_ref().map(|parsed| parsed.host()).filter(|host| is_host(host));
    let port = match parsed.as_ref().map(|parsed| (parsed.port_u16(), parsed.as_str().ends_with(']'))) {
        Some((Some(port), _)) if port != 0 => Some(port),
        Some((None, true)) => Some(default_port),
        Some((None, false)) if host == Some(authority) => Some(default_port),
        _ => None,
    };
    match (host, port) {
        (Some(host), Some(port)) => Some(Target::Tcp { host: host.trim_matches(['[', ']']).to_owned(), port }),
        _ => spot.refuse(format!("`{authority}` is not a host and a port"), expected),
    }
}

/// A DNS name (underscores occur inside container networks), an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.len() <= 253
                && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        }
    }
}

/// `[app.tls]`
pub(super) fn tls(mut table: Table<'_>) -> UpstreamTls {
    let ca = table.file("ca");
    let server_name = table.text("server_name").and_then(|text| server_name(&text));
    match (table.has("chain"), table.has("key")) {
        (true, false) => table.require("key", "the client certificate's key"),
        (false, true) => table.require("chain", "the client certificate"),
        _ => {}
    }
    let (chain, key) = (table.file("chain"), table.key("key"));
    table.finish();
    UpstreamTls { ca, server_name, client: chain.zip(key) }
}

fn server_name(text: &Text<'_>) -> Option<String> {
    let good = super::host::is_name(text) || text.parse::<IpAddr>().is_ok();
    if good {
        return Some(text.to_string());
    }
    text.refuse(format!("`{}` is not a server name", &**text), "a host name in lower case, or an address")
}
