//! From the claims of a verified token to a principal and groups, all of it bounded.

use std::fmt;
use std::sync::Arc;

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::OidcError;
use super::error::shown;
use crate::config;
use crate::request::identify::is_unprintable;

/// The most groups of a person. More are refused, not cut: a policy that forbids a group must not miss it.
const MAX_GROUPS: usize = 200;
/// The longest principal, group, class or session.
const MAX_NAME_BYTES: usize = 256;
/// The most methods of an authentication that are kept.
const MAX_METHODS: usize = 16;

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
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// Those of a token, or of an answer of the UserInfo endpoint.
    pub(super) fn of(verified: &impl Serialize) -> Self {
        match serde_json::to_value(verified) {
            Ok(Value::Object(claims)) => Self(claims),
            _ => Self(Map::new()),
        }
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
        let claim = &*settings.principal;
        let absent = |why: &str| OidcError::PrincipalAbsent(format!("the claim `{claim}` {why}"));
        let value = self.0.get(claim).filter(|value| !value.is_null()).ok_or_else(|| absent("is not there"))?;
        let name = value.as_str().ok_or_else(|| absent("is no string"))?;
        let name = name_of(name).ok_or_else(|| absent("is no name of 1 to 256 printable bytes"))?;
        if claim != "email" {
            return Ok(name);
        }
        match self.0.get("email_verified") {
            Some(Value::Bool(true)) => Ok(name.to_lowercase().into()),
            _ => Err(absent("is not verified by the provider (`email_verified`)")),
        }
    }

    /// Their groups, sorted.
    ///
    /// # Errors
    /// They are too many, or not names.
    pub(super) fn groups(&self, settings: &config::Oidc) -> Result<Arc<[Arc<str>]>, OidcError> {
        let claim = &*settings.groups;
        let invalid = |why: &str| OidcError::token(format!("the claim `{claim}` {why}"));
        let values: &[Value] = match self.0.get(claim) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(values)) => values,
            Some(one) => std::slice::from_ref(one),
        };
        if values.len() > MAX_GROUPS {
            return Err(invalid(&format!("names more than {MAX_GROUPS} groups")));
        }
        let names = values.iter().map(|value| value.as_str().and_then(name_of));
        let names: Option<Vec<_>> = names.collect();
        let mut names = names.ok_or_else(|| invalid("names what is no group of 1 to 256 printable bytes"))?;
        names.sort();
        names.dedup();
        Ok(names.into())
    }

    /// The methods by which the person was authenticated (RFC 8176).
    pub(super) fn methods(&self) -> Arc<[Arc<str>]> {
        let methods = self.0.get("amr").and_then(Value::as_array).into_iter().flatten();
        methods.filter_map(Value::as_str).filter_map(name_of).take(MAX_METHODS).collect()
    }

    /// A claim that is a name, where it is there.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn name(&self, claim: &str) -> Result<Option<Arc<str>>, OidcError> {
        let Some(value) = self.0.get(claim).filter(|value| !value.is_null()) else { return Ok(None) };
        let name = value.as_str().and_then(name_of);
        name.map(Some).ok_or_else(|| OidcError::token(format!("the claim `{}` is no name", shown(claim))))
    }
}

/// A text that can be a name in policies and records.
pub(super) fn name_of(text: &str) -> Option<Arc<str>> {
    let good = (1..=MAX_NAME_BYTES).contains(&text.len()) && !text.chars().any(is_unprintable);
    good.then(|| Arc::from(text))
}
