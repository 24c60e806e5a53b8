//! The ends of sessions: ours at the provider (OpenID Connect RP-Initiated Logout 1.0), and the provider's here
//! (OpenID Connect Back-Channel Logout 1.0).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey, JsonWebKeySet};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::claims::name_of;
use super::id_token::{jws, milliseconds};
use super::{OidcError, Provider};
use crate::secret::Secret;

/// How long ago a logout token may have been issued (§2.4 recommends two minutes). Its id must be remembered that long.
pub const MAX_LOGOUT_TOKEN_AGE: Duration = Duration::from_secs(600);
/// The largest logout token that is read.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// What a logout token says has happened (§2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A provider has ended a person's sessions (§2.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutToken {
    /// The person, as the provider knows them. Without `sid`, all their sessions end.
    pub sub: Option<Arc<str>>,
    /// The session at the provider.
    pub sid: Option<Arc<str>>,
    /// The token's id. The provider uses none twice.
    pub jti: Arc<str>,
    /// When it was issued, milliseconds since the Unix epoch.
    pub iat_ms: i64,
}

impl Provider {
    /// Where the browser goes to end its session at the provider; `None` where the provider has no such place, or the
    /// configuration wants it not.
    pub fn end_session_url(
        &self,
        id_token_hint: Option<&Secret>,
        post_logout_redirect_uri: &str,
        state: &str,
    ) -> Option<String> {
        let known = self.known().ok().filter(|_| self.settings.logout)?;
        let mut url = known.end_session.clone()?;
        let mut query = url.query_pairs_mut();
        if let Some(token) = id_token_hint {
            query.append_pair("id_token_hint", token.reveal());
        }
        query.append_pair("client_id", &self.settings.client_id);
        query.append_pair("post_logout_redirect_uri", post_logout_redirect_uri);
        query.append_pair("state", state);
        drop(query);
        Some(url.into())
    }

    /// Which sessions a logout token ends (§2.6). Whether its `jti` was seen before is for the caller to know.
    ///
    /// # Errors
    /// It is not one of the provider's, for us, of now.
    pub async fn logout_token(&self, token: &str, now_ms: i64) -> Result<LogoutToken, OidcError> {
        let signed = Signed::read(token)?;
        let allowed = self.settings.algorithms.iter().filter_map(jws);
        let algorithm = allowed.into_iter().find(|allowed| named(allowed, &signed.header.alg));
        let algorithm = algorithm.ok_or_else(|| OidcError::token("its `alg` is not allowed"))?;
        let known = self.known()?;
        let known = match signed.has_key(&known.keys) {
            true => known,
            false => self.ask_anew(&known).await?,
        };
        if !signed.is_signed_by(&known.keys, &algorithm) {
            return Err(OidcError::token("its signature is not that of a key of the provider"));
        }
        let claims: Claims = read_json("claims", signed.claims)?;
        self.check(claims, now_ms)
    }

    fn check(&self, claims: Claims, now_ms: i64) -> Result<LogoutToken, OidcError> {
        let refuse = |why: &str| Err(OidcError::token(why));
        let leeway_ms = milliseconds(self.settings.leeway);
        let iat_ms = claims.iat.saturating_mul(1000);
        if claims.iss != *self.settings.issuer {
            return refuse("its `iss` is not the provider");
        }
        if !claims.aud.names(&self.settings.client_id) {
            return refuse("its `aud` is not this client");
        }
        if iat_ms > now_ms.saturating_add(leeway_ms) {
            return refuse("its `iat` lies in the future");
        }
        if iat_ms < now_ms - milliseconds(MAX_LOGOUT_TOKEN_AGE) - leeway_ms {
            return refuse("its `iat` is too long ago");
        }
        if claims.exp.is_some_and(|exp| exp.saturating_mul(1000) <= now_ms - leeway_ms) {
            return refuse("it has expired");
        }
        if !claims.events.get(EVENT).is_some_and(Value::is_object) {
            return refuse("it is about no logout (`events`)");
        }
        if claims.nonce.is_some() {
            return refuse("it has a `nonce`: it may be an ID token");
        }
        let name = |claim: Option<String>, what: &str| match claim {
            Some(text) => name_of(&text).map(Some).ok_or_else(|| OidcError::token(format!("its `{what}` is no name"))),
            None => Ok(None),
        };
        let (sub, sid) = (name(claims.sub, "sub")?, name(claims.sid, "sid")?);
        if sub.is_none() && sid.is_none() {
            return refuse("it names neither a person (`sub`) nor a session (`sid`)");
        }
        let jti = name(Some(claims.jti), "jti")?.ok_or_else(|| OidcError::token("it has no `jti`"))?;
        Ok(LogoutToken { sub, sid, jti, iat_ms })
    }
}

/// A token whose form is good, and whose claims nobody has seen yet.
struct Signed<'a> {
    header: Header,
    message: &'a str,
    claims: &'a str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

impl<'a> Signed<'a> {
    fn read(token: &'a str) -> Result<Self, OidcError> {
        let malformed = || OidcError::token("it is no signed JWT");
        if token.len() > MAX_TOKEN_BYTES {
            return Err(OidcError::token(format!("it is larger than {MAX_TOKEN_BYTES} bytes")));
        }
        let (message, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) =
            message.split_once('.').filter(|(_, claims)| !claims.contains('.')).ok_or_else(malformed)?;
        let header: Header = read_json("header", header)?;
        if header.crit.is_some() {
            return Err(OidcError::token("its header has `crit`, of which nothing is understood"));
        }
        if !header.typ.as_deref().is_none_or(is_logout_type) {
            return Err(OidcError::token("its `typ` is not `logout+jwt`"));
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed())?;
        Ok(Self { header, message, claims, signature })
    }

    fn candidates<'k>(&self, keys: &'k JsonWebKeySet<CoreJsonWebKey>) -> impl Iterator<Item = &'k CoreJsonWebKey> {
        let kid = self.header.kid.clone();
        keys.keys().iter().filter(move |key| kid.is_none() || key.key_id().map(|id| id.as_str()) == kid.as_deref())
    }

    fn has_key(&self, keys: &JsonWebKeySet<CoreJsonWebKey>) -> bool {
        self.candidates(keys).next().is_some()
    }

    fn is_signed_by(&self, keys: &JsonWebKeySet<CoreJsonWebKey>, algorithm: &CoreJwsSigningAlgorithm) -> bool {
        let message = self.message.as_bytes();
        self.candidates(keys).any(|key| key.verify_signature(algorithm, message, &self.signature).is_ok())
    }
}

/// The claims of a logout token. Others are passed over.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    iat: i64,
    exp: Option<i64>,
    jti: String,
    events: Map<String, Value>,
    sub: Option<String>,
    sid: Option<String>,
    nonce: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn names(&self, client_id: &str) -> bool {
        match self {
            Self::One(one) => one == client_id,
            Self::Many(many) => many.iter().any(|one| one == client_id),
        }
    }
}

/// `logout+jwt` (§2.4), with or without its prefix; providers older than that say `JWT`, as for every token.
fn is_logout_type(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    matches!(typ.strip_prefix("application/").unwrap_or(&typ), "logout+jwt" | "jwt")
}

fn named(algorithm: &CoreJwsSigningAlgorithm, name: &str) -> bool {
    serde_json::to_value(algorithm).is_ok_and(|known| known.as_str() == Some(name))
}

fn read_json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, OidcError> {
    let json = URL_SAFE_NO_PAD.decode(text).ok().and_then(|json| serde_json::from_slice(&json).ok());
    json.ok_or_else(|| OidcError::token(format!("its {what} cannot be read")))
}
