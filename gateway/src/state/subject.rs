//! Subjects: whom a revocation, a signal or a call of the control API is about.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use gaccong_policy::PrincipalKind;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::request::identify::{ClientCertificate, Identity};

/// What kind of subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// A person.
    User,
    /// A service or a job.
    Workload,
    /// A device, by the name in its certificate.
    Device,
    /// A certificate: the SHA-256 of it in lower-case hexadecimal, or `ISSUER|SERIAL`.
    Certificate,
    /// A login session.
    Session,
}

/// Whom something is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// Person, workload, device, certificate or session.
    pub kind: SubjectKind,
    /// The name by which policies and records know it.
    pub id: Arc<str>,
}

/// The subjects that a connection proves.
pub type Subjects = SmallVec<[Subject; 4]>;

impl SubjectKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::User, Self::Workload, Self::Device, Self::Certificate, Self::Session];

    /// As commands, calls and policies spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Workload => "workload",
            Self::Device => "device",
            Self::Certificate => "certificate",
            Self::Session => "session",
        }
    }
}

impl FromStr for SubjectKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(())
    }
}

impl From<PrincipalKind> for SubjectKind {
    fn from(kind: PrincipalKind) -> Self {
        match kind {
            PrincipalKind::User => Self::User,
            PrincipalKind::Workload => Self::Workload,
            PrincipalKind::Device => Self::Device,
        }
    }
}

impl Subject {
    /// A subject of that kind and name.
    pub fn new(kind: SubjectKind, id: impl Into<Arc<str>>) -> Self {
        Self { kind, id: id.into() }
    }

    /// The subject that a person or a program names. A certificate's fingerprint and serial number are taken as tools print
    /// them, with colons or capitals; what is neither names no certificate.
    pub fn named(kind: SubjectKind, id: &str) -> Option<Self> {
        if kind != SubjectKind::Certificate {
            return Some(Self::new(kind, id));
        }
        let digits = |text: &str| text.replace(':', "").to_ascii_lowercase();
        let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let named = match id.rsplit_once('|') {
            Some((issuer, serial)) => Some(digits(serial)).filter(|it| is_hex(it)).map(|it| format!("{issuer}|{it}")),
            None => Some(digits(id)).filter(|it| it.len() == 64 && is_hex(it)),
        };
        named.map(|id| Self::new(kind, id))
    }

    /// Everyone and everything that a connection proves to be.
    pub fn of(identity: &Identity) -> Subjects {
        let Identity::Proven { certificate, device, principal } = identity else { return Subjects::new() };
        let mut subjects = Subjects::new();
        subjects.extend(principal.as_ref().map(|it| Self { kind: it.kind.into(), id: Arc::clone(&it.id) }));
        subjects.extend(device.as_ref().map(|device| Self { kind: SubjectKind::Device, id: Arc::clone(device) }));
        subjects.push(Self { kind: SubjectKind::Certificate, id: Arc::clone(&certificate.fingerprint) });
        subjects.push(Self::new(SubjectKind::Certificate, issued(certificate)));
        subjects
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind.as_str(), self.id)
    }
}

/// A certificate's other name, for those who do not have the certificate: `ISSUER|SERIAL`, the issuer's distinguished
/// name (RFC 4514) and the serial number in lower-case hexadecimal.
fn issued(certificate: &ClientCertificate) -> String {
    format!("{}|{}", certificate.issuer, certificate.serial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_named_as_tools_print_them_or_not_at_all() {
        let named = |id: &str| Subject::named(SubjectKind::Certificate, id).map(|subject| subject.id.to_string());
        assert_eq!(named(&("AB:".repeat(31) + "CD")), Some("ab".repeat(31) + "cd"));
        assert_eq!(named("CN=Laptops,O=Org|0A:FF"), Some("CN=Laptops,O=Org|0aff".to_owned()));
        for nobody in ["", "abcd", "CN=Laptops", "CN=Laptops|", "CN=Laptops|xyz", &"g".repeat(64)] {
            assert_eq!(named(nobody), None, "{nobody}");
        }
        assert!(Subject::named(SubjectKind::Device, "AB:CD").is_some_and(|subject| &*subject.id == "AB:CD"));
    }
}
