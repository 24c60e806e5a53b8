//! `[assertion]`: what upstreams are told of who asks.

use std::sync::Arc;

use super::Auth;
use super::reader::{Table, Text};

/// Who vouches where nobody logs in and no `issuer` is named.
const UNNAMED: &str = "gaccong";
/// The longest name of an issuer, in bytes.
const MAX_ISSUER_BYTES: usize = 512;

/// `[assertion]`: the field `Gaccong-Assertion`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// `enabled`: whether apps get it that do not say otherwise. Default true.
    pub enabled: bool,
    /// `issuer`: the claim `iss` (RFC 7519 §4.1.1). Default the origin of the host where people log in, or `gaccong`.
    pub issuer: Arc<str>,
}

pub(super) fn read(mut table: Table<'_>, auth: Option<&Auth>) -> Assertion {
    let enabled = table.flag("enabled", true);
    let issuer = table.text("issuer").and_then(|text| issuer(&text));
    table.finish();
    let default = || auth.map_or_else(|| UNNAMED.into(), |auth| auth.host.origin().into());
    Assertion { enabled, issuer: issuer.unwrap_or_else(default) }
}

fn issuer(text: &Text<'_>) -> Option<Arc<str>> {
    let fits = (1..=MAX_ISSUER_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Some(Arc::from(&**text))
    } else {
        text.refuse("this names no issuer", "such as `https://auth.example.org`")
    }
}
