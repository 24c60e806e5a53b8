//! What claims say: who asks, in which groups, for whom and when, all of it bounded.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::numeric_date::NumericDate;
use crate::text::is_unprintable;

/// The most groups of a principal. More are refused, not cut: a policy that forbids a group must not miss it.
const MAX_GROUPS: usize = 200;
/// The longest principal, group or class.
const MAX_NAME_BYTES: usize = 256;

/// Who it is, by a claim. An email must have been verified by the issuer, and is written in lower case.
///
/// # Errors
/// What is wrong with the claim.
pub fn principal(claims: &Map<String, Value>, claim: &str) -> Result<Arc<str>, String> {
    let absent = |why: &str| format!("the claim `{claim}` {why}");
    let value = told(claims, claim).ok_or_else(|| absent("is not there"))?;
    let name = value.as_str().ok_or_else(|| absent("is no string"))?;
    let name = name_of(name).ok_or_else(|| absent("is no name of 1 to 256 printable bytes"))?;
    if claim != "email" {
        return Ok(name);
    }
    match claims.get("email_verified") {
        Some(Value::Bool(true)) => Ok(name.to_ascii_lowercase().into()),
        _ => Err(absent("is not verified by the issuer (`email_verified`)")),
    }
}

/// Their groups, a string or a list of strings, sorted.
///
/// # Errors
/// They are too many, or not names; or the issuer leaves them out because they were too many for it, and says where they
/// would be (OpenID Connect Core 1.0 §5.6.2): then nobody knows which they are.
pub fn groups(claims: &Map<String, Value>, claim: &str) -> Result<Arc<[Arc<str>]>, String> {
    let invalid = |why: &str| format!("the claim `{claim}` {why}");
    let is_elsewhere = claims.get("_claim_names").is_some_and(|names| names.get(claim).is_some());
    let values: &[Value] = match told(claims, claim) {
        None if is_elsewhere || claims.get("hasgroups") == Some(&Value::Bool(true)) => {
            return Err(invalid("is left out because the groups are too many for the issuer"));
        }
        None => &[],
        Some(Value::Array(values)) => values,
        Some(one) => std::slice::from_ref(one),
    };
    if values.len() > MAX_GROUPS {
        return Err(invalid(&format!("names more than {MAX_GROUPS} groups")));
    }
    let names: Option<Vec<_>> = values.iter().map(|value| value.as_str().and_then(name_of)).collect();
    let mut names = names.ok_or_else(|| invalid("names what is no group of 1 to 256 printable bytes"))?;
    names.sort();
    names.dedup();
    Ok(names.into())
}

/// For whom a token is: one, or several (RFC 7519 §4.1.3). `None` where that is neither.
pub fn audience(claims: &Map<String, Value>) -> Option<Vec<&str>> {
    match told(claims, "aud")? {
        Value::String(one) => Some(vec![one]),
        Value::Array(many) => Some(many.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

/// A time, where it is there.
///
/// # Errors
/// It is something else.
pub fn time(claims: &Map<String, Value>, claim: &str) -> Result<Option<NumericDate>, String> {
    let Some(value) = told(claims, claim) else { return Ok(None) };
    NumericDate::deserialize(value).map(Some).map_err(|error| format!("`{claim}`: {error}"))
}

/// A claim that is a name, where it is there.
///
/// # Errors
/// It is something else.
pub fn name(claims: &Map<String, Value>, claim: &str) -> Result<Option<Arc<str>>, String> {
    let Some(value) = told(claims, claim) else { return Ok(None) };
    value.as_str().and_then(name_of).map(Some).ok_or_else(|| format!("`{claim}` is no name"))
}

/// A claim that is there and not null.
fn told<'c>(claims: &'c Map<String, Value>, claim: &str) -> Option<&'c Value> {
    claims.get(claim).filter(|value| !value.is_null())
}

/// A text that can be a name in policies and records.
fn name_of(text: &str) -> Option<Arc<str>> {
    let good = (1..=MAX_NAME_BYTES).contains(&text.len()) && !text.chars().any(is_unprintable);
    good.then(|| Arc::from(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn groups_of(claims: Value) -> Result<Vec<String>, String> {
        let found = groups(claims.as_object().unwrap(), "groups")?;
        Ok(found.iter().map(|group| group.to_string()).collect())
    }

    #[test]
    fn groups_are_sorted_and_named_once() {
        assert_eq!(groups_of(json!({})), Ok(vec![]));
        assert_eq!(groups_of(json!({"groups": null})), Ok(vec![]));
        assert_eq!(groups_of(json!({"groups": "one"})), Ok(vec!["one".into()]));
        assert_eq!(groups_of(json!({"groups": ["b", "a", "b"]})), Ok(vec!["a".into(), "b".into()]));
        for bad in [json!([1]), json!([""]), json!(["\n"]), json!({"a": 1}), json!(vec!["g"; MAX_GROUPS + 1])] {
            assert!(groups_of(json!({ "groups": bad })).is_err(), "{bad}");
        }
    }

    /// As Microsoft Entra ID does: by a reference (OpenID Connect Core 1.0 §5.6.2), or by a mark.
    #[test]
    fn groups_that_are_left_out_are_not_none() {
        for claims in [
            json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://x"}}}),
            json!({"groups": null, "_claim_names": {"groups": "src1"}}),
            json!({"hasgroups": true}),
        ] {
            assert!(groups_of(claims.clone()).is_err(), "{claims}");
        }
        assert_eq!(groups_of(json!({"_claim_names": {"address": "src1"}, "hasgroups": false})), Ok(vec![]));
        assert_eq!(groups_of(json!({"groups": ["a"], "hasgroups": true})), Ok(vec!["a".into()]));
    }

    #[test]
    fn an_email_is_verified_and_in_lower_case() {
        let named = |claims: Value| principal(claims.as_object().unwrap(), "email").map(|name| name.to_string());
        let verified = json!({"email": "Alice@Example.org", "email_verified": true});
        assert_eq!(named(verified), Ok("alice@example.org".into()));
        assert!(named(json!({"email": "alice@example.org"})).is_err());
        assert!(named(json!({"email": "alice@example.org", "email_verified": "true"})).is_err());
        // The Kelvin sign is no `k`, though Unicode makes one of it.
        let kelvin = json!({"email": "\u{212A}im@example.org", "email_verified": true});
        assert_ne!(named(kelvin), Ok("kim@example.org".into()));
    }
}
