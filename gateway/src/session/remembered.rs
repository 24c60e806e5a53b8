//! What a browser remembers of a login that it has begun, on either host: a sealed cookie.
//!
//! Several logins may be under way at once, each in a cookie of its own; and each that comes to nothing leaves its cookie
//! behind until it lapses. What a browser sends must stay within the bounds on a request's head: so there is a ring of
//! places, the cookie's name is that of the place, and a login takes the place of the one that was begun [`PLACES`]
//! before it.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cookie::{self, Cookie};
use super::keys::{NoRandom, random_id};
use super::tickets::FLOW_MS;
use super::{Purpose, Sealer};

/// How many logins a browser can have begun on one host and not ended. Over HTTP/2 each cookie is a field of its own
/// (RFC 9113 §8.2.3), and a head has 100 fields.
pub const PLACES: u8 = 32;

/// The id of a login: its place, and what nobody can guess.
///
/// # Errors
/// The system has no random numbers.
pub fn new_id(number: u8) -> Result<Arc<str>, NoRandom> {
    Ok(format!("{}-{}", number % PLACES, random_id()?).into())
}

/// What is remembered of a login.
pub trait Remembered: Serialize + DeserializeOwned {
    /// How the cookie's name begins; the place follows.
    const COOKIE: &'static str;
    /// The one path that it is sent to.
    const PATH: &'static str;
    /// What it is sealed as.
    const PURPOSE: Purpose;

    /// The login's id.
    fn id(&self) -> &str;

    /// When it was begun, milliseconds since the Unix epoch.
    fn begun_at_ms(&self) -> i64;

    /// The `Set-Cookie` field that has a browser remember it; `None` where it cannot be sealed.
    fn remember(&self, host: &str, sealer: &Sealer) -> Option<HeaderValue> {
        let value = sealer.seal(Self::PURPOSE, host, self)?;
        Cookie { name: &name::<Self>(self.id()), path: Self::PATH }.set(&value, FLOW_MS / 1000)
    }

    /// The `Set-Cookie` field that has a browser forget it.
    fn forget(&self) -> Option<HeaderValue> {
        Cookie { name: &name::<Self>(self.id()), path: Self::PATH }.clear()
    }

    /// What the browser remembers of the login with this id.
    ///
    /// # Errors
    /// Nothing that counts, for a reason that is for the record.
    fn recall(headers: &HeaderMap, host: &str, sealer: &Sealer, id: &str, now_ms: i64) -> Result<Self, String> {
        let name = name::<Self>(id);
        let mut cookies = cookie::values(headers, &name);
        let (Some(cookie), None) = (cookies.next(), cookies.next()) else {
            return Err("the browser has not begun this login, or has ended it".to_owned());
        };
        let text = std::str::from_utf8(cookie).map_err(|_| "the cookie of the login is not text".to_owned())?;
        let it: Self =
            sealer.open(Self::PURPOSE, host, text).map_err(|why| format!("the cookie of the login: {why}"))?;
        if it.id() != id {
            return Err("the browser has begun other logins since".to_owned());
        }
        if now_ms.saturating_sub(it.begun_at_ms()) > FLOW_MS {
            return Err("the login has taken too long".to_owned());
        }
        Ok(it)
    }
}

/// The cookie's name: of all that an id says, only its place counts.
fn name<R: Remembered>(id: &str) -> String {
    let place = id.split_once('-').map_or(id, |(place, _)| place);
    format!("{}{place}", R::COOKIE)
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;
    use serde::Deserialize;

    use super::*;
    use crate::session::Key;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Begun {
        id: Arc<str>,
        at_ms: i64,
    }

    impl Remembered for Begun {
        const COOKIE: &'static str = "login-";
        const PATH: &'static str = "/end";
        const PURPOSE: Purpose = Purpose::Flow;

        fn id(&self) -> &str {
            &self.id
        }

        fn begun_at_ms(&self) -> i64 {
            self.at_ms
        }
    }

    fn begun(number: u8) -> Begun {
        Begun { id: new_id(number).unwrap(), at_ms: 1 }
    }

    /// What a browser sends that was given this.
    fn sent(set: &[HeaderValue]) -> HeaderMap {
        let pairs = set.iter().map(|set| set.to_str().unwrap().split(';').next().unwrap());
        HeaderMap::from_iter([(COOKIE, pairs.collect::<Vec<_>>().join("; ").parse().unwrap())])
    }

    #[test]
    fn a_login_takes_the_place_of_the_one_that_was_begun_a_round_before() {
        let names: Vec<_> = (0..=u8::MAX).map(|number| name::<Begun>(&begun(number).id)).collect();
        let (first, rest) = names.split_at(PLACES.into());
        assert!(first.iter().enumerate().all(|(place, name)| *name == format!("login-{place}")), "{first:?}");
        assert!(rest.chunks(PLACES.into()).all(|round| round == first));
    }

    #[test]
    fn only_the_login_that_was_begun_is_recalled() {
        let sealer = Sealer::new(&[Key::seal(1).unwrap()]);
        let (mine, later) = (begun(7), begun(7 + PLACES));
        let set = |it: &Begun| it.remember("a.example", &sealer).unwrap();
        assert!(set(&mine).to_str().unwrap().contains("; Path=/end; Max-Age=900; "), "{:?}", set(&mine));
        let recall = |set: &[HeaderValue], host: &str, id: &str, now_ms: i64| {
            Begun::recall(&sent(set), host, &sealer, id, now_ms)
        };
        assert_eq!(recall(&[set(&begun(6)), set(&mine)], "a.example", &mine.id, 1 + FLOW_MS).as_ref(), Ok(&mine));
        for (what, recalled) in [
            ("too old", recall(&[set(&mine)], "a.example", &mine.id, 2 + FLOW_MS)),
            ("another host", recall(&[set(&mine)], "b.example", &mine.id, 1)),
            ("twice", recall(&[set(&mine), set(&mine)], "a.example", &mine.id, 1)),
            ("another in its place", recall(&[set(&later)], "a.example", &mine.id, 1)),
            ("no id", recall(&[set(&mine)], "a.example", "", 1)),
            ("its place only", recall(&[set(&mine)], "a.example", "7", 1)),
            ("forgotten", recall(&[mine.forget().unwrap()], "a.example", &mine.id, 1)),
        ] {
            assert!(recalled.is_err(), "{what}");
        }
    }
}
