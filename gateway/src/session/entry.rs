//! A session as it is kept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Binding;
use crate::secret::Secret;
use crate::state::Subject;

/// A person's login, until it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// 128 random bits, in base64url.
    pub id: Arc<str>,
    /// The person.
    pub principal: Arc<str>,
    /// The groups that the identity provider says, sorted.
    #[serde(default)]
    pub groups: Arc<[Arc<str>]>,
    /// Who vouches for the person.
    pub voucher: Voucher,
    /// The authentication context class (OpenID Connect Core §2), where it is known.
    #[serde(default)]
    pub acr: Option<Arc<str>>,
    /// When the person last proved who they are, milliseconds since the Unix epoch.
    pub auth_time_ms: i64,
    /// When the session was last begun or made stronger here, milliseconds since the Unix epoch.
    pub established_at_ms: i64,
    /// When it ends, milliseconds since the Unix epoch.
    pub expires_at_ms: i64,
    /// Whose connections may use it.
    pub binding: Binding,
    /// What else it stands on: the certificate of the card that the person logged in with.
    #[serde(default)]
    pub proofs: Vec<Subject>,
    /// What the identity provider knows of it. Not in cookies.
    #[serde(default)]
    pub provider: Option<AtProvider>,
}

impl Session {
    /// How the person logged in.
    pub const fn method(&self) -> LoginMethod {
        self.voucher.method()
    }

    /// What the identity provider of this name knows of it, where it is that which vouches for the person.
    pub fn at(&self, issuer: &str) -> Option<&AtProvider> {
        match &self.voucher {
            Voucher::Oidc { issuer: theirs } if **theirs == *issuer => self.provider.as_ref(),
            _ => None,
        }
    }
}

/// Who vouches for a person. A session counts only while they are trusted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Voucher {
    /// The identity provider.
    Oidc {
        /// Its name.
        issuer: Arc<str>,
    },
    /// The certificate authority of a card.
    Smartcard {
        /// The trust domain of the card's certificate.
        trust_domain: Arc<str>,
        /// Who issued it, as records show it.
        issuer: Arc<str>,
    },
}

impl Voucher {
    /// How the person logged in.
    pub const fn method(&self) -> LoginMethod {
        match self {
            Self::Oidc { .. } => LoginMethod::Oidc,
            Self::Smartcard { .. } => LoginMethod::Smartcard,
        }
    }
}

/// How a person logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoginMethod {
    /// At the identity provider.
    Oidc,
    /// With a card.
    Smartcard,
}

impl LoginMethod {
    /// `context.session.method` in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Smartcard => "smartcard",
        }
    }
}

/// A session at the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtProvider {
    /// The person's id there.
    pub sub: Arc<str>,
    /// The session's id there (OpenID Connect Back-Channel Logout 1.0 §2.1).
    #[serde(default)]
    pub sid: Option<Arc<str>>,
    /// What claims are asked for again with.
    #[serde(default)]
    pub refresh_token: Option<Secret>,
    /// What the provider knows the session by when the person logs out (OpenID Connect RP-Initiated Logout 1.0 §2).
    #[serde(default)]
    pub id_token: Option<Secret>,
    /// When the provider last answered about the claims, milliseconds since the Unix epoch.
    pub claims_at_ms: i64,
}
