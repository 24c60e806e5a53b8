//! Name rules: which part of which name of a certificate names a device, a person or a workload.

use super::diagnostic::{one_of, suggestion};
use super::reader::Text;

/// Which part of which name of a certificate names the subject: `"email"`, `"dns"`, `"uri:urn:device:{id}"`, `"cn"`.
/// Without a pattern the whole name is taken. A pattern has exactly one `{id}`, which stands for one or more characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameRule {
    /// Which kind of name.
    pub source: NameSource,
    /// What stands before `{id}`; empty without a pattern.
    pub prefix: String,
    /// What stands after `{id}`; empty without a pattern.
    pub suffix: String,
    /// Whether the whole name is taken (`uri:spiffe://prod/{*}`: the prefix must match, the name is the whole URI).
    pub whole: bool,
}

/// The kinds of names in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameSource {
    /// `uri`: uniformResourceIdentifier of the SAN.
    Uri,
    /// `email`: rfc822Name of the SAN.
    Email,
    /// `upn`: otherName 1.3.6.1.4.1.311.20.2.3 of the SAN.
    Upn,
    /// `dns`: dNSName of the SAN.
    Dns,
    /// `cn`: common name of the subject; only when the configuration says so.
    CommonName,
}

const SOURCES: [(&str, NameSource); 5] = [
    ("uri", NameSource::Uri),
    ("email", NameSource::Email),
    ("upn", NameSource::Upn),
    ("dns", NameSource::Dns),
    ("cn", NameSource::CommonName),
];

/// `email`, `uri:urn:device:{id}` or `uri:spiffe://prod.example/{*}`
pub(super) fn rule(text: &Text<'_>) -> Option<NameRule> {
    let (word, pattern) = match text.split_once(':') {
        Some((word, pattern)) => (word, Some(pattern)),
        None => (&**text, None),
    };
    let Some((_, source)) = SOURCES.iter().find(|(known, _)| *known == word) else {
        let known = || SOURCES.iter().map(|(known, _)| *known);
        let message = format!("unknown kind of name `{word}`{}", suggestion(word, known()));
        return text.part(0..word.len()).refuse(message, one_of(known()));
    };
    let Some(pattern) = pattern else {
        return Some(NameRule { source: *source, prefix: String::new(), suffix: String::new(), whole: false });
    };
    match split(pattern) {
        Ok((prefix, suffix, whole)) => {
            Some(NameRule { source: *source, prefix: prefix.to_owned(), suffix: suffix.to_owned(), whole })
        }
        Err((message, expected)) => text.part(word.len() + 1..text.len()).refuse(message, expected),
    }
}

/// What stands before and after the place holder, and whether the whole name is taken.
fn split(pattern: &str) -> Result<(&str, &str, bool), (String, &'static str)> {
    let free = |part: &str| !part.contains(['{', '}']);
    if let Some((prefix, suffix)) = pattern.split_once("{id}").filter(|(a, b)| free(a) && free(b)) {
        return Ok((prefix, suffix, false));
    }
    match pattern.strip_suffix("{*}") {
        Some(prefix) if free(prefix) && !prefix.is_empty() => Ok((prefix, "", true)),
        _ => Err((
            format!("the pattern `{pattern}` does not say which part is the name"),
            "exactly one `{id}` for a part, or `{*}` at the end, after a prefix, for the whole name",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert_eq!(split("urn:device:{id}"), Ok(("urn:device:", "", false)));
        assert_eq!(split("{id}.laptops.example"), Ok(("", ".laptops.example", false)));
        assert_eq!(split("spiffe://prod.example/{*}"), Ok(("spiffe://prod.example/", "", true)));
        for bad in ["", "urn:device:", "{id}{id}", "{id}-{*}", "{*}", "{*}.example", "{name}", "{id"] {
            assert!(split(bad).is_err(), "{bad}");
        }
    }
}
