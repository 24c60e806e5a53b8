//! A login, from the redirect to the provider to what the browser brings back (OpenID Connect Core 1.0 §3.1, RFC 7636).

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreGenderClaim};
use openidconnect::{
    AccessToken, AuthenticationContextClass, AuthorizationCode, CsrfToken, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, SubjectIdentifier, TokenResponse, UserInfoClaims,
};

use super::claims::{Claims, OtherClaims};
use super::discovery::Known;
use super::error::{of_token_endpoint, shown};
use super::id_token::{Expected, Verified};
use super::{Attempt, AuthorizationResponse, Begun, Demand, Login, OidcError, Provider};
use crate::secret::Secret;
use crate::session::keys::{random, random_id};

/// The age of an authentication that is asked for where none is demanded. A provider that is asked for one must tell when
/// the person authenticated (§2, `auth_time`), which policies will want to know.
const ASKED_MAX_AGE: Duration = Duration::from_secs(30 * 86_400);
/// The longest code that a provider is shown.
const MAX_CODE_BYTES: usize = 4096;

impl Provider {
    /// Begins a login. Does not wait: where the provider has not told yet what it is, there is none.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`]
    pub fn begin(&self, redirect_uri: &str, state: &str, wanted: &Demand) -> Result<Begun, OidcError> {
        let known = self.known()?;
        let unavailable = |error: &dyn std::fmt::Display| OidcError::Unavailable(error.to_string());
        let redirect = RedirectUrl::new(redirect_uri.to_owned()).map_err(|error| unavailable(&error))?;
        let verifier = random::<32>().map_err(|error| unavailable(&error))?;
        let verifier = Secret::new(URL_SAFE_NO_PAD.encode(verifier));
        let nonce = Secret::new(random_id().map_err(|error| unavailable(&error))?);

        let challenge =
            PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.reveal().to_owned()));
        let state = CsrfToken::new(state.to_owned());
        let sent_nonce = Nonce::new(nonce.reveal().to_owned());
        let acr_values = wanted.acr.as_ref().map_or(&*self.settings.acr_values, std::slice::from_ref);
        let max_age = wanted.max_age_s.map_or(ASKED_MAX_AGE, |age_s| Duration::from_secs(age_s.into()));
        let mut request = known
            .rp
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || sent_nonce)
            .add_scopes(self.settings.scopes.iter().map(|scope| Scope::new(scope.to_string())))
            .set_pkce_challenge(challenge)
            .set_redirect_uri(Cow::Owned(redirect))
            .set_max_age(max_age);
        for acr in acr_values {
            request = request.add_auth_context_value(AuthenticationContextClass::new(acr.to_string()));
        }
        if wanted.login_again {
            request = request.add_prompt(CoreAuthPrompt::Login);
        }
        let (url, _, _) = request.url();
        Ok(Begun { url: url.into(), nonce, verifier })
    }

    /// Ends a login: who it was, by what the browser brought back and what `begin` gave.
    ///
    /// # Errors
    /// Whatever is not as it must be.
    pub async fn finish(
        &self,
        redirect_uri: &str,
        attempt: &Attempt<'_>,
        response: AuthorizationResponse<'_>,
        now_ms: i64,
    ) -> Result<Login, OidcError> {
        let AuthorizationResponse { code, iss } = response;
        let known = self.known()?;
        self.is_from(&known, iss)?;
        if !(1..=MAX_CODE_BYTES).contains(&code.len()) {
            return Err(OidcError::Refused("the code is empty or too long".to_owned()));
        }
        let redirect = RedirectUrl::new(redirect_uri.to_owned());
        let redirect = redirect.map_err(|error| OidcError::Unavailable(error.to_string()))?;
        let asking = known
            .rp
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier.reveal().to_owned()))
            .set_redirect_uri(Cow::Owned(redirect))
            .request_async(&self.http);
        let answer = self.noted(asking.await.map_err(|error| of_token_endpoint(error, code)))?;

        let token = answer.id_token().ok_or_else(|| OidcError::token("the provider sent no ID token"))?;
        let expected = Expected { now_ms, attempt: Some(attempt) };
        let Verified { mut claims, sub, auth_time_ms } = self.verify(token, answer.access_token(), expected).await?;
        self.complete(&mut claims, answer.access_token(), &sub).await?;
        Ok(Login {
            principal: claims.principal(&self.settings)?,
            groups: claims.groups(&self.settings)?,
            acr: claims.name("acr")?,
            auth_time_ms: auth_time_ms.unwrap_or(0),
            sub: claims.name("sub")?.ok_or_else(|| OidcError::token("it has no `sub`"))?,
            sid: claims.name("sid")?,
            refresh_token: answer.refresh_token().map(|token| Secret::new(token.secret().as_str())),
            id_token: Some(Secret::new(token.to_string())),
        })
    }

    /// Against mix-up: the answer must be of the provider that was asked (RFC 9207).
    fn is_from(&self, known: &Known, iss: Option<&str>) -> Result<(), OidcError> {
        match iss {
            Some(iss) if iss != &*self.settings.issuer => {
                Err(OidcError::Refused(format!("the answer is of another provider, `{}`", shown(iss))))
            }
            None if known.names_itself => {
                Err(OidcError::Refused("the answer does not say of which provider it is (`iss`)".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Adds what the UserInfo endpoint tells (§5.3), where that is asked for and something is lacking.
    pub(super) async fn complete(
        &self,
        claims: &mut Claims,
        access_token: &AccessToken,
        sub: &str,
    ) -> Result<(), OidcError> {
        let known = self.known()?;
        if !(self.settings.userinfo && known.has_userinfo && claims.lack(&self.settings)) {
            return Ok(());
        }
        // The crate would panic where it cannot be written into a header field.
        if !access_token.secret().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(OidcError::token("the access token is not one that can be shown (RFC 6750 §2.1)"));
        }
        let sub = SubjectIdentifier::new(sub.to_owned());
        let unavailable = |what: &str| OidcError::Unavailable(format!("its UserInfo endpoint {what}"));
        let asking = known.rp.user_info(access_token.clone(), Some(sub)).map_err(|_| unavailable("is not known"))?;
        let told: Result<UserInfoClaims<OtherClaims, CoreGenderClaim>, _> = asking.request_async(&self.http).await;
        let told = self.noted(told.map_err(|error| match error {
            openidconnect::UserInfoError::ClaimsVerification(error) => error.into(),
            openidconnect::UserInfoError::Request(error) => OidcError::Unavailable(error.to_string()),
            _ => unavailable("gave no answer that can be read"),
        }))?;
        claims.add(Claims::of(&told));
        Ok(())
    }
}
