//! `[app.headers]`: plain fields for upstreams that cannot verify an assertion.

use http::HeaderName;

use super::cors::field_name;
use super::diagnostic::one_of;
use super::reader::{Table, Text};
use crate::request::forward::headers::{is_irregular, is_settable};

/// A field that tells the upstream one thing about who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityHeader {
    /// Its name. No client can send it.
    pub name: HeaderName,
    /// The same with `-overflow`: says how many values there are, where they are too many for the field.
    pub overflow: HeaderName,
    /// What it says.
    pub value: IdentityValue,
}

/// What a field can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityValue {
    /// `principal`: the person or workload, as policies name it.
    Principal,
    /// `kind`: `user` or `workload`.
    Kind,
    /// `groups`: all of them, with commas between.
    Groups,
    /// `device`: the device, where it is known.
    Device,
    /// `auth_method`: `oidc`, `smartcard` or `token`, where there is a session or a token.
    AuthMethod,
    /// `acr`: the authentication context class of the login, where it is known.
    Acr,
}

const VALUES: [(&str, IdentityValue); 6] = [
    ("principal", IdentityValue::Principal),
    ("kind", IdentityValue::Kind),
    ("groups", IdentityValue::Groups),
    ("device", IdentityValue::Device),
    ("auth_method", IdentityValue::AuthMethod),
    ("acr", IdentityValue::Acr),
];
/// The most fields of one app.
const MAX_HEADERS: usize = 16;

/// `X-Remote-User = "principal"` and so on.
pub(super) fn read(mut table: Table<'_>) -> Vec<IdentityHeader> {
    let mut headers: Vec<IdentityHeader> = Vec::new();
    for (name, value) in table.named_texts() {
        let Some(header) = header(&name, &value) else { continue };
        let taken = |other: &IdentityHeader| {
            [&other.name, &other.overflow].into_iter().any(|known| *known == header.name || *known == header.overflow)
        };
        if headers.iter().any(taken) {
            name.spot.error(format!("`{}` is set twice", &*name), "another name");
        } else if headers.len() == MAX_HEADERS {
            name.spot.error(format!("more than {MAX_HEADERS} fields"), "fewer");
        } else {
            headers.push(header);
        }
    }
    table.finish();
    headers
}

fn header(name: &Text<'_>, value: &Text<'_>) -> Option<IdentityHeader> {
    let known = || VALUES.iter().map(|(word, _)| *word);
    let found = VALUES.iter().find(|(word, _)| *word == &**value).map(|(_, value)| *value);
    let value =
        found.or_else(|| value.refuse(format!("`{}` is nothing that a field can say", &**value), one_of(known())));
    let field = field_name(name)?;
    if is_irregular(field.as_str()) {
        let message = format!("`{}` is not of letters and digits joined by single hyphens", &**name);
        return name.refuse(message, "a name such as `X-Remote-User`, which servers read in one way only");
    }
    if !is_settable(field.as_str()) {
        return name
            .refuse(format!("`{}` means something else to the upstream", &**name), "a name such as `X-Remote-User`");
    }
    let overflow = HeaderName::try_from(format!("{field}-overflow")).ok()?;
    Some(IdentityHeader { name: field, overflow, value: value? })
}
