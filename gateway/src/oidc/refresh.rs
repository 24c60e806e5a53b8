//! Claims kept current by a refresh token (OpenID Connect Core 1.0 §12).

use openidconnect::{OAuth2TokenResponse, RefreshToken, TokenResponse};

use super::error::of_token_endpoint;
use super::id_token::{Expected, Verified};
use super::{Current, OidcError, Provider, RefreshError, Refreshed};
use crate::clock;
use crate::secret::Secret;

/// What the token endpoint answers where a session is over (RFC 6749 §5.2).
const SESSION_OVER: &str = "`invalid_grant`";

impl Provider {
    /// What the provider says now of the person whom it knows as `sub`.
    ///
    /// # Errors
    /// [`RefreshError::Refused`] where the session is over. Everything else is no word on the session: that the gateway's
    /// secret is wrong, say, ends nobody's.
    pub async fn refresh(&self, refresh_token: &Secret, sub: &str) -> Result<Refreshed, RefreshError> {
        self.ask_for_claims(refresh_token, sub).await.map_err(|error| match error {
            OidcError::Refused(detail) if detail.starts_with(SESSION_OVER) => RefreshError::Refused(detail),
            OidcError::PrincipalAbsent(detail) => RefreshError::Refused(detail),
            other => RefreshError::Unavailable(other.to_string()),
        })
    }

    async fn ask_for_claims(&self, refresh_token: &Secret, sub: &str) -> Result<Refreshed, OidcError> {
        let known = self.known()?;
        let token = RefreshToken::new(refresh_token.reveal().to_owned());
        let asking = known.rp.exchange_refresh_token(&token).request_async(&self.http);
        let answer = asking.await.map_err(|error| of_token_endpoint(error, refresh_token.reveal()));
        let answer = self.noted(answer)?;

        let mut refreshed = Refreshed {
            claims: None,
            refresh_token: answer.refresh_token().map(|token| Secret::new(token.secret().as_str())),
            id_token: answer.id_token().map(|token| Secret::new(token.to_string())),
        };
        let Some(token) = answer.id_token() else { return Ok(refreshed) };
        let expected = Expected { now_ms: clock::now_ms(), login: None };
        let Verified { mut claims, sub: told, .. } = self.verify(token, answer.access_token(), expected).await?;
        if told != sub {
            return Err(OidcError::PrincipalAbsent("the provider speaks of another person (`sub`)".to_owned()));
        }
        self.complete(&mut claims, answer.access_token(), sub).await?;
        refreshed.claims =
            Some(Current { principal: claims.principal(&self.settings)?, groups: claims.groups(&self.settings)? });
        Ok(refreshed)
    }
}
