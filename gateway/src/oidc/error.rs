//! Why a login or a refresh came to nothing. The words are for the record; none of them is a token.

use openidconnect::core::CoreErrorResponseType;
use openidconnect::{ClaimsVerificationError, RequestTokenError, StandardErrorResponse};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::http::HttpError;
use crate::jose::jws::JwsError;
use crate::reason::Reason;
use crate::text::printable;

/// The most of what the provider says that goes into a record.
const MAX_DETAIL_BYTES: usize = 300;

/// Why nobody was logged in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// The provider cannot be asked, or its answer is none.
    #[error("the provider is not available: {0}")]
    Unavailable(String),
    /// The provider says no, or the login is not what was demanded.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// The person authenticated longer ago than was demanded: the provider has not asked them again.
    #[error("the provider refused: the person authenticated longer ago than was demanded")]
    TooOld,
    /// A token of the provider is not what it must be.
    #[error("the token is not good: {0}")]
    TokenInvalid(String),
    /// Nobody knows yet whether a token is good: a moment later the provider may be asked whether the key is a new one.
    #[error("the token is not good: its key is not known, and the provider was asked for its keys just now")]
    KeyUnknown,
    /// The claim that names the person is absent or cannot be used.
    #[error("no principal: {0}")]
    PrincipalAbsent(String),
}

/// Why claims were not refreshed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// The provider says that the session is over, or that it is another person's: it must end here too.
    #[error("the provider ended the session: {0}")]
    Refused(String),
    /// There was an answer that says nothing of the session: that the gateway's secret is wrong, say.
    #[error("the provider's answer cannot be used: {0}")]
    Unusable(String),
    /// Nothing was learned. The session goes on until it ends by itself.
    #[error("the provider could not be asked: {0}")]
    Unavailable(String),
}

impl OidcError {
    /// The provider sent the browser back with an error (OpenID Connect Core 1.0 §3.1.2.6).
    pub fn of_callback(error: &str, description: Option<&str>) -> Self {
        let detail = described(error, description);
        match error {
            "server_error" | "temporarily_unavailable" => Self::Unavailable(detail),
            _ => Self::Refused(detail),
        }
    }

    /// As clients and records see it.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Unavailable(_) => Reason::LoginProviderUnavailable,
            Self::Refused(_) | Self::TooOld => Reason::LoginProviderRefused,
            Self::TokenInvalid(_) | Self::KeyUnknown => Reason::LoginTokenInvalid,
            Self::PrincipalAbsent(_) => Reason::LoginPrincipalAbsent,
        }
    }

    pub(super) fn token(detail: impl std::fmt::Display) -> Self {
        Self::TokenInvalid(shown(&detail.to_string()))
    }
}

impl From<ClaimsVerificationError> for OidcError {
    fn from(error: ClaimsVerificationError) -> Self {
        match error {
            ClaimsVerificationError::SignatureVerification(why) => Self::token(why),
            other => Self::token(other),
        }
    }
}

impl From<JwsError> for OidcError {
    fn from(error: JwsError) -> Self {
        Self::token(error)
    }
}

/// Answers of the token endpoint.
pub(super) type TokenError = RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>;

/// `sent` is what the provider was sent and might repeat.
pub(super) fn of_token_endpoint(error: TokenError, sent: &str) -> OidcError {
    match error {
        RequestTokenError::ServerResponse(answer) => {
            // Only its own words are told: providers have been seen to repeat what they refuse.
            let description = answer.error_description().filter(|words| sent.is_empty() || !words.contains(sent));
            OidcError::of_callback(answer.error().as_ref(), description.map(String::as_str))
        }
        RequestTokenError::Request(error) => OidcError::Unavailable(error.to_string()),
        RequestTokenError::Parse(_, answer) => unreadable(&answer),
        RequestTokenError::Other(_) => OidcError::Unavailable("its answer is not one of a token endpoint".to_owned()),
    }
}

/// Why an answer could not be read. What stands in it is not told: it may be a token.
fn unreadable(answer: &[u8]) -> OidcError {
    #[derive(Deserialize)]
    struct Answer {
        id_token: Option<IgnoredAny>,
    }
    match serde_json::from_slice(answer) {
        Ok(Answer { id_token: Some(_) }) => {
            OidcError::token("the ID token is no signed JWT with the claims that it must have")
        }
        _ => OidcError::Unavailable("its answer is not one of a token endpoint".to_owned()),
    }
}

fn described(error: &str, description: Option<&str>) -> String {
    shown(&match description {
        Some(description) => format!("`{error}`: {description}"),
        None => format!("`{error}`"),
    })
}

/// What others say, fit to be shown.
pub(super) fn shown(text: &str) -> String {
    printable(text, MAX_DETAIL_BYTES)
}
