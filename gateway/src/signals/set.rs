//! Security Event Tokens (RFC 8417), as the Shared Signals Framework 1.0 §4 profiles them: from bytes to an event that was
//! signed by the stream's transmitter, for us, lately.
//!
//! [`SignedSet`] is a token whose form is good. [`SignedSet::verify`] is the only way to its claims.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::error::{ErrorCode, SetError};
use super::event::{Circumstances, Event, EventType};
use super::subject::SubjectId;
use crate::jose::jwks::Keys;
use crate::jose::jws::{Form, Jws, JwsError};
use crate::jose::name::Name;
use crate::jose::numeric_date::NumericDate;

/// The largest token that is read.
pub const MAX_SET_BYTES: usize = 64 * 1024;
/// How far a transmitter's clock may be ahead of ours.
pub const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// What a SET looks like: RFC 8417 §2.3 has the type. An honest event has five levels.
const FORM: Form = Form {
    typ: "secevent+jwt",
    older_types: &[],
    kid_optional: false,
    max_bytes: MAX_SET_BYTES,
    max_header_bytes: MAX_SET_BYTES,
    max_depth: 16,
};

/// A token whose form and header are good, and whose claims nobody has seen yet.
#[derive(Debug)]
pub struct SignedSet<'a> {
    jws: Jws<'a>,
    allowed: &'a HashSet<Algorithm>,
}

/// What a token must say to be accepted.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// `iss`
    pub issuer: &'a str,
    /// One of `aud`.
    pub audience: &'a str,
    /// The greatest age of `iat`.
    pub max_age: Duration,
    /// The time, milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// An event that the transmitter of a stream has signed for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    /// The id of the token. The transmitter uses none twice.
    pub jti: Name,
    /// When the token was made.
    pub issued_at: NumericDate,
    /// Whom it is about.
    pub subject: SubjectId,
    /// Type and content; `None` for a type that is not understood.
    pub event: Option<(EventType, Event)>,
    /// When it happened, as far as that is told, and why.
    pub circumstances: Circumstances,
}

impl<'a> SignedSet<'a> {
    /// Takes a token apart, without believing any of it.
    ///
    /// # Errors
    /// It is too large, not a signed JWT, of another type, or signed by an algorithm that is not allowed.
    pub fn read(token: &'a [u8], allowed: &'a HashSet<Algorithm>) -> Result<Self, SetError> {
        let jws = Jws::read(token, &FORM)?;
        match allowed.contains(&jws.algorithm()) {
            true => Ok(Self { jws, allowed }),
            false => Err(JwsError::Algorithm.into()),
        }
    }

    /// The name of the key that is said to have signed it.
    ///
    /// # Errors
    /// It names none, which `read` refuses.
    pub fn kid(&self) -> Result<&str, SetError> {
        Ok(self.jws.kid()?)
    }

    /// The event, if one of `keys` signed the token and it says what is `expected`.
    ///
    /// # Errors
    /// It does not.
    pub fn verify(&self, keys: &Keys, expected: &Expected<'_>) -> Result<SecurityEvent, SetError> {
        self.jws.verify(keys, self.allowed)?;
        let json = self.jws.payload()?;
        let claims: Claims =
            serde_json::from_slice(&json).map_err(|error| SetError::invalid_request(format!("the claims: {error}")))?;
        claims.check(expected)?;
        claims.into_event(expected)
    }
}

impl From<JwsError> for SetError {
    fn from(error: JwsError) -> Self {
        let code = match error {
            JwsError::TooLarge(_) | JwsError::Malformed(_) | JwsError::Type(_) | JwsError::TooDeep(_) => {
                ErrorCode::InvalidRequest
            }
            JwsError::Algorithm | JwsError::KeyNotNamed | JwsError::KeyAbsent | JwsError::Signature => {
                ErrorCode::InvalidKey
            }
        };
        Self::new(code, error.to_string())
    }
}

/// The claims of a SET. Others are passed over (RFC 7519 §4).
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    #[serde(deserialize_with = "one_or_many")]
    aud: Vec<String>,
    jti: Name,
    iat: NumericDate,
    toe: Option<NumericDate>,
    sub_id: SubjectId,
    events: OneEvent,
    #[serde(default, deserialize_with = "is_there")]
    exp: bool,
    #[serde(default, deserialize_with = "is_there")]
    sub: bool,
}

impl Claims {
    fn check(&self, expected: &Expected<'_>) -> Result<(), SetError> {
        if self.iss != expected.issuer {
            return Err(SetError::new(ErrorCode::InvalidIssuer, "the token's `iss` is not the issuer of this stream"));
        }
        if !self.aud.iter().any(|audience| audience == expected.audience) {
            return Err(SetError::new(ErrorCode::InvalidAudience, "the token's `aud` does not name this receiver"));
        }
        if self.exp {
            return Err(SetError::invalid_request("the token has `exp`: it may be another kind of JWT"));
        }
        if self.sub {
            return Err(SetError::invalid_request("the token has `sub`: the subject of an event is `sub_id`"));
        }
        expected.not_in_future("iat", self.iat)?;
        if expected.now_ms.saturating_sub(self.iat.last_ms()) > milliseconds(expected.max_age) {
            return Err(SetError::invalid_request("the token's `iat` is older than this stream allows"));
        }
        Ok(())
    }

    fn into_event(self, expected: &Expected<'_>) -> Result<SecurityEvent, SetError> {
        let OneEvent { uri, payload } = self.events;
        let mut circumstances = Circumstances::read(&payload)?;
        circumstances.happened_at = circumstances.happened_at.or(self.toe);
        if let Some(happened_at) = circumstances.happened_at {
            expected.not_in_future("event_timestamp", happened_at)?;
        }
        let read = |event_type| Event::read(event_type, &payload).map(|event| (event_type, event));
        let event = EventType::of_uri(&uri).map(read).transpose()?;
        Ok(SecurityEvent { jti: self.jti, issued_at: self.iat, subject: self.sub_id, event, circumstances })
    }
}

impl Expected<'_> {
    fn not_in_future(&self, name: &str, time: NumericDate) -> Result<(), SetError> {
        match time.first_ms() > self.now_ms.saturating_add(milliseconds(CLOCK_SKEW)) {
            true => Err(SetError::invalid_request(format!("`{name}` lies in the future"))),
            false => Ok(()),
        }
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// `events`: exactly one. Several would be one event under several names, of which nobody says which counts.
#[derive(Debug)]
struct OneEvent {
    uri: String,
    payload: Value,
}

impl<'de> Deserialize<'de> for OneEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = OneEvent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OneEvent, A::Error> {
                let Some((uri, payload)) = map.next_entry::<String, Value>()? else {
                    return Err(de::Error::custom("`events` has no event"));
                };
                if map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    return Err(de::Error::custom("`events` has more than one event"));
                }
                match payload.is_object() {
                    true => Ok(OneEvent { uri, payload }),
                    false => Err(de::Error::custom("the event is no object")),
                }
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Audience::deserialize(deserializer)? {
        Audience::One(one) => vec![one],
        Audience::Many(many) => many,
    })
}

/// Whether a claim is there, whatever its value.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[cfg(test)]
mod tests;
