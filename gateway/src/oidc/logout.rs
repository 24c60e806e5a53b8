//! The ends of sessions: ours at the provider (OpenID Connect RP-Initiated Logout 1.0), and the provider's here
//! (OpenID Connect Back-Channel Logout 1.0).

use std::sync::Arc;
use std::time::Duration;

use openidconnect::url::Url;
use serde_json::Value;

use super::id_token::milliseconds;
use super::{OidcError, Provider};
use crate::jose::claims;
use crate::jose::jws::{Form, Jws, JwsError};
use crate::jose::object::Object;
use crate::secret::Secret;

/// How long ago a logout token may have been issued (§2.4 recommends two minutes). Its id must be remembered that long.
pub const MAX_LOGOUT_TOKEN_AGE: Duration = Duration::from_secs(600);
/// What a logout token looks like (§2.4). Providers that are older than its type say `JWT`, as for every token, or
/// nothing; those that have one key need not name it (OpenID Connect Core 1.0 §10.1).
const FORM: Form = Form {
    typ: "logout+jwt",
    older_types: &[Some("jwt"), None],
    kid_optional: true,
    max_bytes: 16 * 1024,
    max_header_bytes: 4096,
    max_depth: 16,
};
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
    ) -> Option<Url> {
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
        Some(url)
    }

    /// Which sessions a logout token ends (§2.6). Whether its `jti` was seen before is for the caller to know.
    ///
    /// # Errors
    /// It is not one of the provider's, for us, of now.
    pub async fn logout_token(&self, token: &str, now_ms: i64) -> Result<LogoutToken, OidcError> {
        let jws = Jws::read(token.as_bytes(), &FORM)?;
        let known = self.known()?;
        match jws.verify(&known.jwks, &self.algorithms) {
            Err(JwsError::KeyAbsent) => jws.verify(&self.ask_anew(&known).await?.jwks, &self.algorithms)?,
            verified => verified?,
        }
        let claims = Object::read(&jws.payload()?);
        let claims = claims.map_err(|error| OidcError::token(format!("its claims cannot be read: {error}")))?;
        self.check_addressed(&claims)?;
        let iat_ms = self.check_times(&claims, now_ms)?;
        check_event(&claims)?;
        let name = |claim| claims::name(claims.members(), claim).map_err(OidcError::token);
        let (sub, sid) = (name("sub")?, name("sid")?);
        if sub.is_none() && sid.is_none() {
            return Err(OidcError::token("it names neither a person (`sub`) nor a session (`sid`)"));
        }
        let jti = name("jti")?.ok_or_else(|| OidcError::token("it has no `jti`"))?;
        Ok(LogoutToken { sub, sid, jti, iat_ms })
    }

    /// From the provider, to us.
    fn check_addressed(&self, claims: &Object) -> Result<(), OidcError> {
        if claims.text("iss") != Some(&self.settings.issuer) {
            return Err(OidcError::token("its `iss` is not the provider"));
        }
        let audience = claims::audience(claims.members()).unwrap_or_default();
        match audience.contains(&&*self.settings.client_id) {
            true => Ok(()),
            false => Err(OidcError::token("its `aud` is not this client")),
        }
    }

    /// Of now; when it was issued.
    fn check_times(&self, claims: &Object, now_ms: i64) -> Result<i64, OidcError> {
        let time = |claim| claims::time(claims.members(), claim).map_err(OidcError::token);
        let leeway_ms = milliseconds(self.settings.leeway);
        let iat_ms = time("iat")?.ok_or_else(|| OidcError::token("it has no `iat`"))?.first_ms();
        if iat_ms > now_ms.saturating_add(leeway_ms) {
            return Err(OidcError::token("its `iat` lies in the future"));
        }
        if iat_ms < now_ms - milliseconds(MAX_LOGOUT_TOKEN_AGE) - leeway_ms {
            return Err(OidcError::token("its `iat` is too long ago"));
        }
        match time("exp")? {
            Some(exp) if exp.first_ms() <= now_ms - leeway_ms => Err(OidcError::token("it has expired")),
            _ => Ok(iat_ms),
        }
    }
}

/// About a logout, and no ID token (§2.4).
fn check_event(claims: &Object) -> Result<(), OidcError> {
    if !claims.get("events").and_then(|events| events.get(EVENT)).is_some_and(Value::is_object) {
        return Err(OidcError::token("it is about no logout (`events`)"));
    }
    match claims.members().contains_key("nonce") {
        true => Err(OidcError::token("it has a `nonce`: it may be an ID token")),
        false => Ok(()),
    }
}
