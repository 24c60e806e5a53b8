//! Claims kept current by a refresh token (OpenID Connect Core 1.0 §12).

use openidconnect::{OAuth2TokenResponse, RefreshToken, RequestTokenError, TokenResponse as _};

use super::claims::Claims;
use super::discovery::TokenResponse;
use super::error::{TokenError, of_token_endpoint};
use super::id_token::{Expected, Verified};
use super::{Current, OidcError, Provider, RefreshError, Refreshed};
use crate::clock;
use crate::secret::Secret;

/// What the token endpoint answers where a session is over (RFC 6749 §5.2), or where the person must come (OpenID Connect
/// Core 1.0 §3.1.2.6).
const SESSION_OVER: [&str; 4] = ["invalid_grant", "interaction_required", "login_required", "consent_required"];

impl Provider {
    /// What the provider says now of the person whom it knows as `sub`.
    ///
    /// # Errors
    /// [`RefreshError::Refused`] where the session is over. Everything else is no word on the session: that the gateway's
    /// secret is wrong, say, ends nobody's.
    pub async fn refresh(&self, refresh_token: &Secret, sub: &str) -> Result<Refreshed, RefreshError> {
        let answer = self.ask_for_tokens(refresh_token).await?;
        let claims = match self.current(&answer, sub).await {
            Err(OidcError::PrincipalAbsent(why)) => return Err(RefreshError::Refused(why)),
            claims => claims,
        };
        let id_token = answer.id_token().filter(|_| claims.is_ok());
        Ok(Refreshed {
            id_token: id_token.map(|token| Secret::new(token.to_string())),
            refresh_token: answer.refresh_token().map(|token| Secret::new(token.secret().as_str())),
            claims,
        })
    }

    async fn ask_for_tokens(&self, refresh_token: &Secret) -> Result<TokenResponse, RefreshError> {
        let unavailable = |error: OidcError| RefreshError::Unavailable(error.to_string());
        let known = self.known().map_err(unavailable)?;
        let token = RefreshToken::new(refresh_token.reveal().to_owned());
        let answer = known.rp.exchange_refresh_token(&token).request_async(&self.http).await;
        let is_over = answer.as_ref().is_err_and(is_over);
        let answer = answer.map_err(|error| of_token_endpoint(error, refresh_token.reveal()));
        self.noted(answer).map_err(|error| match error {
            error if is_over => RefreshError::Refused(error.to_string()),
            OidcError::Unavailable(_) => unavailable(error),
            other => RefreshError::Unusable(other.to_string()),
        })
    }

    /// The claims of an answer; `None` where it has no ID token, which it may leave out (§12.2), and nobody else tells.
    async fn current(&self, answer: &TokenResponse, sub: &str) -> Result<Option<Current>, OidcError> {
        let mut claims = match answer.id_token() {
            Some(token) => {
                let expected = Expected { now_ms: clock::now_ms(), attempt: None };
                let Verified { claims, sub: told, .. } = self.verify(token, answer.access_token(), expected).await?;
                if told != sub {
                    return Err(OidcError::PrincipalAbsent("the provider speaks of another person (`sub`)".to_owned()));
                }
                claims
            }
            None => Claims::default(),
        };
        self.complete(&mut claims, answer.access_token(), sub).await?;
        if claims.is_empty() {
            return Ok(None);
        }
        Ok(Some(Current { principal: claims.principal(&self.settings)?, groups: claims.groups(&self.settings)? }))
    }
}

fn is_over(error: &TokenError) -> bool {
    matches!(error, RequestTokenError::ServerResponse(answer) if SESSION_OVER.contains(&answer.error().as_ref()))
}
