//! `[auth]`: where people log in, and how long that lasts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::host;
use super::reader::{Table, Text};
use super::source::Spot;

const DAY_S: u64 = 86_400;

/// `[auth]`: the host where people log in, and their sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// `host`: `auth.example.org`, with a port where it is not 443. It has login, callback, logout and the portal, and no app.
    pub host: AuthHost,
    /// `trust`: the trust domains whose certificates this host asks for, where people log in with a card. Default all.
    pub trust: Vec<Arc<str>>,
    /// `session_s`: how long a session lasts at most. Default 12 h.
    pub session: Duration,
    /// `idle_s`: how long it may be unused. Default 1 h.
    pub idle: Duration,
    /// `max_sessions`: how many there may be. Default 200 000.
    pub max_sessions: usize,
}

/// The name of the host where people log in, and the port that browsers know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthHost {
    /// In normal form.
    pub name: Arc<str>,
    /// Where it is not 443.
    pub port: Option<u16>,
}

impl Auth {
    /// Whether a connection that was opened for this name is asked for a person's card instead of the device's certificate.
    pub fn is_opened_with_cards(&self, sni: Option<&str>) -> bool {
        !self.trust.is_empty() && sni == Some(&*self.host.name)
    }
}

impl AuthHost {
    /// `https://auth.example.org`, with the port where it is not 443 (RFC 6454 §6.2).
    pub fn origin(&self) -> String {
        format!("https://{self}")
    }
}

impl fmt::Display for AuthHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// `[auth]` and where its parts stand.
pub(super) struct Read<'a> {
    pub(super) auth: Auth,
    pub(super) host_spot: Spot<'a>,
    /// Each name of `trust`.
    pub(super) trust: Vec<(Arc<str>, Spot<'a>)>,
}

pub(super) fn read(mut table: Table<'_>) -> Option<Read<'_>> {
    let host = table.required_text("host");
    let trust: Vec<_> = table.texts("trust").iter().map(|text| (Arc::from(&**text), text.spot)).collect();
    let session = table.seconds("session_s", 12 * 3_600, 1..=30 * DAY_S);
    let idle = table.seconds("idle_s", 3_600, 1..=30 * DAY_S);
    let max_sessions = table.size("max_sessions", 200_000, 1..=10_000_000);
    table.finish();

    let host = host?;
    let auth = Auth {
        host: auth_host(&host)?,
        trust: trust.iter().map(|(name, _): &(Arc<str>, _)| Arc::clone(name)).collect(),
        session,
        idle,
        max_sessions,
    };
    Some(Read { auth, host_spot: host.spot, trust })
}

fn auth_host(text: &Text<'_>) -> Option<AuthHost> {
    let (name, port) = match text.rsplit_once(':') {
        None => (&**text, None),
        Some((name, digits)) => match digits.parse::<u16>() {
            Ok(port) if port > 0 => (name, Some(port).filter(|port| *port != 443)),
            _ => return text.refuse(format!("`{digits}` is not a port"), "a host such as `auth.example.org:8443`"),
        },
    };
    if !host::is_name(name) {
        return text.refuse(format!("`{name}` is not a host"), "a name such as `auth.example.org`");
    }
    Some(AuthHost { name: name.into(), port })
}
