//! From the names in a certificate to a device and a principal, by the rules of its trust domain.

use std::borrow::Cow;
use std::sync::Arc;

use gaccong_policy::PrincipalKind;

use super::{Names, Subject, spiffe};
use crate::config::{NameRule, NameSource, TrustDomain};
use crate::reason::Reason;

/// Whom a certificate names: a device, a principal, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The device.
    pub device: Option<Arc<str>>,
    /// The person or workload.
    pub principal: Option<Subject>,
}

/// Whom `names` name. A rule that finds two different ids, a person and a workload at once, or nobody at all is
/// [`Reason::CertificateUnnamed`]: who is meant must never be a choice of ours.
pub fn identify(names: &Names, rules: &TrustDomain) -> Result<Named, Reason> {
    let device = find(names, rules.device.as_ref())?;
    let person = find(names, rules.person.as_ref())?;
    let workload = find(names, rules.workload.as_ref())?;
    let principal = match (person, workload) {
        (Some(_), Some(_)) => return Err(Reason::CertificateUnnamed),
        (Some(id), None) => Some(Subject { kind: PrincipalKind::User, id }),
        (None, Some(id)) => Some(Subject { kind: PrincipalKind::Workload, id }),
        (None, None) => None,
    };
    if device.is_none() && principal.is_none() {
        return Err(Reason::CertificateUnnamed);
    }
    Ok(Named { device, principal })
}

/// The one id that a rule finds, if any.
fn find(names: &Names, rule: Option<&NameRule>) -> Result<Option<Arc<str>>, Reason> {
    let Some(rule) = rule else { return Ok(None) };
    let mut found: Option<Arc<str>> = None;
    for name in candidates(names, rule.source) {
        let name = normalise(name, rule.source);
        let Some(id) = matched(&name, rule) else { continue };
        if !may_be(&name, names, rule.source) || found.as_deref().is_some_and(|known| known != id) {
            return Err(Reason::CertificateUnnamed);
        }
        found = Some(id.into());
    }
    Ok(found)
}

fn candidates(names: &Names, source: NameSource) -> &[String] {
    match source {
        NameSource::Uri => &names.uris,
        NameSource::Email => &names.emails,
        NameSource::Upn => &names.upns,
        NameSource::Dns => &names.dns,
        NameSource::CommonName => names.common_name.as_slice(),
    }
}

/// Names that are the same whatever their case are written in lower case, so that no policy is passed by on that account.
fn normalise(name: &str, source: NameSource) -> Cow<'_, str> {
    match source {
        NameSource::Email | NameSource::Dns => Cow::Owned(name.to_ascii_lowercase()),
        NameSource::Upn => Cow::Owned(name.to_lowercase()),
        NameSource::Uri | NameSource::CommonName => Cow::Borrowed(name),
    }
}

/// What stands for `{id}` in `name`, or all of it where the rule takes the whole.
fn matched<'a>(name: &'a str, rule: &NameRule) -> Option<&'a str> {
    let prefix = normalise(&rule.prefix, rule.source);
    let suffix = normalise(&rule.suffix, rule.source);
    let inner = name.strip_prefix(&*prefix)?.strip_suffix(&*suffix)?;
    let id = if rule.whole { name } else { inner };
    (!inner.is_empty() && id.trim() == id).then_some(id)
}

/// A SPIFFE ID must be one, and the only URI; a wildcard is nobody's name.
fn may_be(name: &str, names: &Names, source: NameSource) -> bool {
    match source {
        NameSource::Uri if name.starts_with(spiffe::SCHEME) => names.uris.len() == 1 && spiffe::is_workload_id(name),
        NameSource::Dns => !name.contains('*'),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> NameRule {
        let (source, pattern) = text.split_once(':').unwrap_or((text, "{id}"));
        let source = match source {
            "uri" => NameSource::Uri,
            "email" => NameSource::Email,
            "upn" => NameSource::Upn,
            "dns" => NameSource::Dns,
            _ => NameSource::CommonName,
        };
        let whole = pattern.contains("{*}");
        let (prefix, suffix) = pattern.split_once(if whole { "{*}" } else { "{id}" }).unwrap();
        NameRule { source, prefix: prefix.to_owned(), suffix: suffix.to_owned(), whole }
    }

    fn domain(device: Option<&str>, person: Option<&str>, workload: Option<&str>) -> TrustDomain {
        TrustDomain {
            name: "staff".into(),
            ca: vec![],
            crl: vec![],
            crl_fetch: vec![],
            ocsp: None,
            device: device.map(rule),
            person: person.map(rule),
            groups: Vec::new(),
            workload: workload.map(rule),
        }
    }

    fn names(kind: &str, values: &[&str]) -> Names {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        match kind {
            "uri" => Names { uris: values, ..Names::default() },
            "email" => Names { emails: values, ..Names::default() },
            "upn" => Names { upns: values, ..Names::default() },
            "dns" => Names { dns: values, ..Names::default() },
            _ => Names { common_name: values.first().cloned(), ..Names::default() },
        }
    }

    #[test]
    fn one_rule() {
        for (text, values, expected) in [
            ("email", &["Alice@Example.ORG"][..], Some("alice@example.org")),
            ("email:{id}@EXAMPLE.org", &["Alice@Example.ORG"], Some("alice")),
            ("email", &["a@x", "A@X"], Some("a@x")),
            ("email", &["a@x", "b@x"], None),
            ("email:{id}@x", &["a@x", "b@y"], Some("a")),
            ("email", &[], None),
            ("upn", &["Ánh@Example.ORG"], Some("ánh@example.org")),
            ("dns", &["Host.Example"], Some("host.example")),
            ("dns", &["*.example"], None),
            ("cn", &["Alice B"], Some("Alice B")),
            ("cn", &[" Alice"], None),
            ("uri:urn:device:{id}", &["urn:device:D1", "urn:other"], Some("D1")),
            ("uri:urn:device:{id}", &["urn:device:"], None),
            ("uri:urn:device:{id}", &["URN:device:D1"], None),
            ("uri:a{id}a", &["a"], None),
            ("uri:urn:{*}", &["urn:a"], Some("urn:a")),
            ("uri:urn:{*}", &["urn:"], None),
            ("uri:spiffe://prod/{*}", &["spiffe://prod/a"], Some("spiffe://prod/a")),
            ("uri:spiffe://prod/{id}", &["spiffe://prod/a"], Some("a")),
            ("uri:spiffe://prod/{*}", &["spiffe://prod/a", "urn:b"], None),
            ("uri:spiffe://prod/{*}", &["spiffe://prod/../a"], None),
            ("uri:spiffe://prod/{*}", &["spiffe://test/a"], None),
            ("uri", &["spiffe://prod/a?b"], None),
        ] {
            let kind = text.split(':').next().unwrap_or_default();
            let named = identify(&names(kind, values), &domain(None, None, Some(text)));
            let expected = expected.map(|id| Named {
                device: None,
                principal: Some(Subject { kind: PrincipalKind::Workload, id: id.into() }),
            });
            assert_eq!(named, expected.ok_or(Reason::CertificateUnnamed), "{text} of {values:?}");
        }
    }

    #[test]
    fn device_person_and_workload_together() {
        let certificate = Names { emails: vec!["a@x".to_owned()], ..names("uri", &["urn:device:d1"]) };
        let device = Some("uri:urn:device:{id}");
        let person = Some(Subject { kind: PrincipalKind::User, id: "a@x".into() });
        for (rules, expected) in [
            (domain(device, Some("email"), None), Ok((true, person.clone()))),
            (domain(None, Some("email"), None), Ok((false, person.clone()))),
            (domain(device, Some("upn"), None), Ok((true, None))),
            (domain(device, Some("email"), Some("uri")), Err(Reason::CertificateUnnamed)),
            (domain(Some("dns"), Some("upn"), None), Err(Reason::CertificateUnnamed)),
            (domain(None, None, None), Err(Reason::CertificateUnnamed)),
        ] {
            let named = identify(&certificate, &rules).map(|named| (named.device.is_some(), named.principal));
            assert_eq!(named, expected, "{rules:?}");
        }
    }
}
