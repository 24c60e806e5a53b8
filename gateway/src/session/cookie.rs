//! The cookie that carries a session: sealed for one host, sent by one device.

use std::sync::Arc;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use super::{Purpose, Sealer, Session};

/// The name of the cookie that carries a session.
pub const SESSION_COOKIE: &str = "__Host-gaccong-session";

/// The largest value of a cookie: browsers take 4 096 bytes with the name (RFC 6265bis §5.6).
const MAX_VALUE_BYTES: usize = 3_800;

/// A session as its cookie carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The session, without what only the identity provider needs.
    pub session: Session,
    /// Whether its groups did not fit: then it counts only where it is kept.
    #[serde(default)]
    pub groups_kept: bool,
    /// When it was last used as far as the cookie knows, milliseconds since the Unix epoch.
    pub used_at_ms: i64,
}

/// What a request's cookies say of a session.
#[derive(Debug, PartialEq, Eq)]
pub enum Presented {
    /// There is none.
    None,
    /// One that this gateway has sealed for the host.
    Session(Box<Carried>),
    /// What is none of ours, with a detail for the record.
    Invalid(String),
}

impl Presented {
    /// Reads the cookies of a request to `host`.
    pub fn read(headers: &HeaderMap, host: &str, sealer: &Sealer) -> Self {
        let mut found = values(headers, SESSION_COOKIE);
        let Some(value) = found.next() else { return Self::None };
        if found.next().is_some() {
            return Self::Invalid("there are several session cookies".to_owned());
        }
        match std::str::from_utf8(value).map(|text| sealer.open(Purpose::Session, host, text)) {
            Ok(Ok(carried)) => Self::Session(Box::new(carried)),
            Ok(Err(why)) => Self::Invalid(format!("the session cookie: {why}")),
            Err(_) => Self::Invalid("the session cookie is not text".to_owned()),
        }
    }
}

impl Carried {
    /// As a cookie bears it: groups that would make it too large stay behind.
    pub fn of(session: &Session, used_at_ms: i64) -> Self {
        let session = Session { provider: None, ..session.clone() };
        let bytes: usize = session.groups.iter().map(|group| group.len() + 3).sum();
        match bytes > MAX_GROUPS_BYTES {
            true => Self { session: Session { groups: Arc::default(), ..session }, groups_kept: true, used_at_ms },
            false => Self { session, groups_kept: false, used_at_ms },
        }
    }

    /// The `Set-Cookie` field that gives it to the browser; `None` where it cannot be sealed.
    pub fn set_cookie(&self, host: &str, sealer: &Sealer, now_ms: i64) -> Option<HeaderValue> {
        let value = sealer.seal(Purpose::Session, host, self).filter(|value| value.len() <= MAX_VALUE_BYTES)?;
        let max_age_s = (self.session.expires_at_ms - now_ms).max(0) / 1000;
        HeaderValue::try_from(format!(
            "{SESSION_COOKIE}={value}; Path=/; Max-Age={max_age_s}; Secure; HttpOnly; SameSite=Lax"
        ))
        .ok()
    }
}

/// What groups may take of a cookie, before it is sealed and encoded.
const MAX_GROUPS_BYTES: usize = 1_500;

/// The `Set-Cookie` field that takes a session's cookie away.
pub const NO_SESSION: HeaderValue =
    HeaderValue::from_static("__Host-gaccong-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax");

/// The values of all cookies of a name.
pub fn values<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
    let lines = headers.get_all(COOKIE).into_iter();
    let cookies = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    cookies.filter_map(move |cookie| cookie.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Binding, Key, Voucher};
    use crate::state::{Subject, SubjectKind};

    fn session(groups: usize) -> Session {
        let device = Subject::new(SubjectKind::Device, "laptop-1");
        Session {
            id: "id".into(),
            principal: "alice@example.org".into(),
            groups: (0..groups).map(|number| Arc::from(format!("group-{number:04}"))).collect(),
            voucher: Voucher::Oidc { issuer: "https://id.example.org".into() },
            acr: Some("mfa".into()),
            auth_time_ms: 1,
            established_at_ms: 1,
            expires_at_ms: 100_000,
            binding: Binding { trust_domain: "staff".into(), holder: device },
            proofs: Vec::new(),
            provider: None,
        }
    }

    fn sealer() -> Sealer {
        Sealer::new(&[Key::seal(1).unwrap()])
    }

    fn request(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|line| (COOKIE, line.parse().unwrap())).collect()
    }

    #[test]
    fn a_cookie_that_was_set_is_read_on_its_host_only() {
        let (sealer, session) = (sealer(), session(3));
        let set = Carried::of(&session, 5).set_cookie("a.example", &sealer, 10_000).unwrap();
        let set = set.to_str().unwrap();
        assert!(set.ends_with("; Path=/; Max-Age=90; Secure; HttpOnly; SameSite=Lax"), "{set}");
        let line = format!("x=y; {}; z=", set.split(';').next().unwrap());
        let Presented::Session(carried) = Presented::read(&request(&[&line]), "a.example", &sealer) else {
            panic!("not read")
        };
        assert_eq!((carried.session, carried.used_at_ms), (session, 5));
        assert!(matches!(Presented::read(&request(&[&line]), "b.example", &sealer), Presented::Invalid(_)));
        assert!(matches!(Presented::read(&request(&[&line, &line]), "a.example", &sealer), Presented::Invalid(_)));
        assert_eq!(Presented::read(&request(&["a=b"]), "a.example", &sealer), Presented::None);
        assert!(matches!(
            Presented::read(&request(&["__Host-gaccong-session=x"]), "a.example", &sealer),
            Presented::Invalid(_)
        ));
    }

    #[test]
    fn many_groups_stay_behind() {
        let carried = Carried::of(&session(200), 5);
        assert!(carried.groups_kept && carried.session.groups.is_empty());
        assert!(carried.set_cookie("a.example", &sealer(), 0).is_some());
        let longest = Carried::of(&session(MAX_GROUPS_BYTES / 13), 5);
        assert!(!longest.groups_kept);
        assert!(longest.set_cookie("a.example", &sealer(), 0).is_some());
    }
}
