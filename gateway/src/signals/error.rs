//! Why a Security Event Token is not accepted, in the words of RFC 8935 §2.4, which RFC 8936 §2.6 shares.

use serde::Serialize;
use utoipa::ToSchema;

/// A code of the registry "Security Event Token Error Codes" (RFC 8935 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// It cannot be read as a SET, or its payload is not what its event type defines.
    InvalidRequest,
    /// Its signature, or the key that made it, is not accepted.
    InvalidKey,
    /// Its issuer is not the stream's.
    InvalidIssuer,
    /// It is meant for somebody else.
    InvalidAudience,
    /// Nobody knows who sent it.
    AuthenticationFailed,
    /// Who sent it may not send it.
    AccessDenied,
    /// A verification event bears another state than was asked for (Shared Signals Framework 1.0 §8.1.4).
    InvalidState,
}

impl ErrorCode {
    /// The code as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidKey => "invalid_key",
            Self::InvalidIssuer => "invalid_issuer",
            Self::InvalidAudience => "invalid_audience",
            Self::AuthenticationFailed => "authentication_failed",
            Self::AccessDenied => "access_denied",
            Self::InvalidState => "invalid_state",
        }
    }
}

/// A token that is not accepted: the body of a 400 (RFC 8935 §2.3), or an entry of `setErrs` (RFC 8936 §2.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, thiserror::Error)]
#[error("{}: {description}", err.as_str())]
pub struct SetError {
    /// The code.
    pub err: ErrorCode,
    /// What is wrong, for those who run the transmitter.
    pub description: String,
}

impl SetError {
    /// An error with its description.
    pub fn new(err: ErrorCode, description: impl Into<String>) -> Self {
        Self { err, description: description.into() }
    }

    /// The commonest one.
    pub fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_the_registry_has_them() {
        let error = SetError::new(ErrorCode::AuthenticationFailed, "x");
        let written = serde_json::to_string(&error).unwrap();
        assert_eq!(written, r#"{"err":"authentication_failed","description":"x"}"#);
        for code in [ErrorCode::InvalidRequest, ErrorCode::InvalidKey, ErrorCode::InvalidState] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
