//! What a leaf certificate is to say.

use std::fmt;
use std::net::IpAddr;

use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType};

use super::{KeyKind, PkiError, Validity};

/// userPrincipalName, Microsoft's otherName for the person of a smartcard.
const UPN: [u64; 10] = [1, 3, 6, 1, 4, 1, 311, 20, 2, 3];

/// A certificate to be issued.
#[derive(Debug, Clone)]
pub struct LeafRequest {
    /// What it is for.
    pub purpose: Purpose,
    /// Whom it names: at least one.
    pub names: Vec<Name>,
    /// When it is valid.
    pub validity: Validity,
    /// The kind of its key.
    pub key: KeyKind,
}

/// Which side of a TLS connection a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// `clientAuth`
    Client,
    /// `serverAuth`
    Server,
}

/// A name in a certificate. Its text is spelled as the gateway's configuration spells the kinds: `email:a@b.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// Common name of the subject.
    CommonName(String),
    /// dNSName
    Dns(String),
    /// rfc822Name
    Email(String),
    /// uniformResourceIdentifier
    Uri(String),
    /// otherName userPrincipalName
    Upn(String),
    /// iPAddress
    Ip(IpAddr),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommonName(name) => write!(f, "cn:{name}"),
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Email(name) => write!(f, "email:{name}"),
            Self::Uri(name) => write!(f, "uri:{name}"),
            Self::Upn(name) => write!(f, "upn:{name}"),
            Self::Ip(address) => write!(f, "ip:{address}"),
        }
    }
}

impl Name {
    /// The name without its kind.
    fn value(&self) -> String {
        match self {
            Self::CommonName(name) | Self::Dns(name) | Self::Email(name) | Self::Uri(name) | Self::Upn(name) => {
                name.clone()
            }
            Self::Ip(address) => address.to_string(),
        }
    }

    /// The name in subjectAltName; `None` for the common name, which is of the subject.
    fn alternative(&self) -> Result<Option<SanType>, PkiError> {
        Ok(Some(match self {
            Self::CommonName(_) => return Ok(None),
            Self::Dns(name) => SanType::DnsName(ia5("dns", name)?),
            Self::Email(name) => SanType::Rfc822Name(ia5("email", name)?),
            Self::Uri(name) => SanType::URI(ia5("uri", name)?),
            Self::Upn(name) => SanType::OtherName((UPN.to_vec(), name.as_str().into())),
            Self::Ip(address) => SanType::IpAddress(*address),
        }))
    }
}

fn ia5(kind: &'static str, name: &str) -> Result<Ia5String, PkiError> {
    let refused = |detail| PkiError::Name { kind, value: name.to_owned(), detail };
    if name.is_empty() {
        return Err(refused("it is empty"));
    }
    Ia5String::try_from(name).map_err(|_| refused("only ASCII is allowed; write a host name in its `xn--` form"))
}

impl LeafRequest {
    /// The common name: the one given, or else the first name of another kind, so that people can tell certificates apart
    /// in a browser's list.
    pub(super) fn subject(&self) -> Result<String, PkiError> {
        let given = self.names.iter().find(|name| matches!(name, Name::CommonName(_)));
        given.or(self.names.first()).map(Name::value).ok_or(PkiError::Unnamed)
    }

    pub(super) fn params(&self, serial: Vec<u8>) -> Result<CertificateParams, PkiError> {
        self.validity.check()?;
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, self.subject()?);

        let mut params = CertificateParams::default();
        params.serial_number = Some(serial.into());
        params.distinguished_name = subject;
        params.not_before = std::time::SystemTime::from(self.validity.not_before).into();
        params.not_after = std::time::SystemTime::from(self.validity.not_after).into();
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match self.purpose {
            Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
            Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        for name in &self.names {
            params.subject_alt_names.extend(name.alternative()?);
        }
        Ok(params)
    }
}
