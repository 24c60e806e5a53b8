//! From the claims of a verified token to a principal and groups, all of it bounded.

use std::fmt;
use std::sync::Arc;

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::OidcError;
use crate::config;
use crate::jose::claims;

/// The claims that the crate does not know.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct OtherClaims(Map<String, Value>);

impl AdditionalClaims for OtherClaims {}

/// What a token says of a person is not shown by accident.
impl fmt::Debug for OtherClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtherClaims")
    }
}

/// Every claim that the provider makes of a person.
#[derive(Default)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// Those of a token, or of an answer of the UserInfo endpoint.
    pub(super) fn of(verified: &impl Serialize) -> Self {
        match serde_json::to_value(verified) {
            Ok(Value::Object(claims)) => Self(claims),
            _ => Self(Map::new()),
        }
    }

    /// Whether nothing is told.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the principal or the groups are not told.
    pub(super) fn lack(&self, settings: &config::Oidc) -> bool {
        let told = |name: &str| self.0.get(name).is_some_and(|value| !value.is_null());
        !told(&settings.principal)
            || !told(&settings.groups)
            || (&*settings.principal == "email") && !told("email_verified")
    }

    /// Adds claims that are not told yet.
    pub(super) fn add(&mut self, others: Self) {
        for (name, value) in others.0 {
            self.0.entry(name).or_insert(value);
        }
    }

    /// Who it is, by the claim that is configured.
    ///
    /// # Errors
    /// [`OidcError::PrincipalAbsent`].
    pub(super) fn principal(&self, settings: &config::Oidc) -> Result<Arc<str>, OidcError> {
        claims::principal(&self.0, &settings.principal).map_err(OidcError::PrincipalAbsent)
    }

    /// Their groups, sorted.
    ///
    /// # Errors
    /// They are too many, or not names.
    pub(super) fn groups(&self, settings: &config::Oidc) -> Result<Arc<[Arc<str>]>, OidcError> {
        claims::groups(&self.0, &settings.groups).map_err(OidcError::token)
    }

    /// A claim that is a name, where it is there.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn name(&self, claim: &str) -> Result<Option<Arc<str>>, OidcError> {
        claims::name(&self.0, claim).map_err(OidcError::token)
    }
}
