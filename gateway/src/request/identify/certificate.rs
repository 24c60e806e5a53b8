//! What a client certificate says, parsed once for each connection.

use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::pki_types::CertificateDer;
use x509_parser::asn1_rs::{Any, Class, Oid, Tag, oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;
use x509_parser::prelude::FromDer;

use super::distinguished_name;
use crate::audit::event::PresentedCertificate;
use crate::text::{hex, is_unprintable, printable};

/// The largest certificate that is read.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;
/// The longest serial number, in bytes (RFC 5280 §4.1.2.2).
pub const MAX_SERIAL_BYTES: usize = 20;
/// The most names in one certificate.
const MAX_NAMES: usize = 64;
/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 512;
/// The longest distinguished name, in bytes as it is written.
const MAX_DISTINGUISHED_NAME_BYTES: usize = 1_024;
/// userPrincipalName, the otherName in which Active Directory writes who a certificate is of.
const UPN: Oid<'static> = oid!(1.3.6.1.4.1.311.20.2.3);

/// A client certificate whose chain and key are good. Whether it is valid *now* is [`crate::facts::trust`]'s to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The trust domain whose CA vouches for it.
    pub trust_domain: Arc<str>,
    /// The names it bears.
    pub names: Names,
    /// Distinguished name of the subject (RFC 4514).
    pub subject: Arc<str>,
    /// Distinguished name of the issuer (RFC 4514).
    pub issuer: Arc<str>,
    /// Serial number, lower-case hexadecimal, two digits a byte, without leading zero bytes.
    pub serial: Arc<str>,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: Arc<str>,
    /// The certificate itself (DER).
    pub der: Box<[u8]>,
    /// Start of validity, milliseconds since the Unix epoch.
    pub not_before_ms: i64,
    /// End of validity, milliseconds since the Unix epoch.
    pub not_after_ms: i64,
    /// Each certificate of the chain below the root, leaf first, as revocation knows it.
    pub chain: Vec<ChainLink>,
}

/// A certificate of a chain as its issuer's revocation list knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLink {
    /// SHA-256 over the issuer's subject name and public key (DER).
    pub issuer_key: [u8; 32],
    /// Serial number, big-endian, without leading zero bytes.
    pub serial: Box<[u8]>,
    /// End of validity, milliseconds since the Unix epoch.
    pub not_after_ms: i64,
    /// SHA-256 of each URI of its cRLDistributionPoints: a revocation list may be for some of them only.
    pub distribution_points: Box<[[u8; 32]]>,
}

/// The names in a certificate's subjectAltName, and the common name of its subject. Names with control characters make
/// the certificate malformed, so none has any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// uniformResourceIdentifier
    pub uris: Vec<String>,
    /// rfc822Name
    pub emails: Vec<String>,
    /// otherName userPrincipalName (1.3.6.1.4.1.311.20.2.3)
    pub upns: Vec<String>,
    /// dNSName
    pub dns: Vec<String>,
    /// commonName of the subject; none where the subject has several
    pub common_name: Option<String>,
}

/// A certificate that is not honest, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(&'static str);

/// The names in a certificate (DER).
pub fn parse(der: &[u8]) -> Result<Names, Malformed> {
    if der.len() > MAX_CERTIFICATE_BYTES {
        return Err(Malformed("the certificate is too large"));
    }
    match X509Certificate::from_der(der) {
        Ok(([], x509)) => Names::of(&x509),
        Ok(_) => Err(Malformed("bytes follow the certificate")),
        Err(_) => Err(Malformed("not an X.509 certificate")),
    }
}

impl ClientCertificate {
    /// What a certificate says whose `chain` leads to a CA of `trust_domain`.
    pub(crate) fn new(
        trust_domain: Arc<str>,
        x509: &X509Certificate<'_>,
        chain: Vec<ChainLink>,
    ) -> Result<Self, Malformed> {
        let (subject, issuer) = (distinguished_name(x509.subject()), distinguished_name(x509.issuer()));
        if subject.len().max(issuer.len()) > MAX_DISTINGUISHED_NAME_BYTES {
            return Err(Malformed("its subject or issuer is too long"));
        }
        let serial = serial(x509);
        if serial.len() > 2 * MAX_SERIAL_BYTES {
            return Err(Malformed("its serial number is too long"));
        }
        Ok(Self {
            trust_domain,
            names: Names::of(x509)?,
            subject: subject.into(),
            issuer: issuer.into(),
            serial: serial.into(),
            fingerprint: fingerprint(x509.as_raw()).into(),
            der: x509.as_raw().into(),
            not_before_ms: x509.validity().not_before.timestamp().saturating_mul(1_000),
            not_after_ms: x509.validity().not_after.timestamp().saturating_mul(1_000),
            chain,
        })
    }
}

impl Names {
    fn of(x509: &X509Certificate<'_>) -> Result<Self, Malformed> {
        let mut names = Self { common_name: common_name(x509)?, ..Self::default() };
        let extension = x509
            .get_extension_unique(&OID_X509_EXT_SUBJECT_ALT_NAME)
            .map_err(|_| Malformed("it has two subjectAltName extensions"))?;
        let general_names = match extension.map(|extension| extension.parsed_extension()) {
            None => return Ok(names),
            Some(ParsedExtension::SubjectAlternativeName(value)) => &value.general_names,
            Some(_) => return Err(Malformed("its subjectAltName cannot be parsed")),
        };
        if general_names.len() > MAX_NAMES {
            return Err(Malformed("it has too many names"));
        }
        for name in general_names {
            names.add(name)?;
        }
        Ok(names)
    }

    fn add(&mut self, name: &GeneralName<'_>) -> Result<(), Malformed> {
        match name {
            GeneralName::URI(uri) => self.uris.push(checked(uri)?),
            GeneralName::RFC822Name(email) => self.emails.push(checked(email)?),
            GeneralName::DNSName(dns) => self.dns.push(checked(dns)?),
            GeneralName::OtherName(kind, value) if *kind == UPN => self.upns.push(upn(value)?),
            GeneralName::Invalid(..) => return Err(Malformed("a name in its subjectAltName cannot be parsed")),
            // Addresses, directory names and the like name nobody here.
            _ => {}
        }
        Ok(())
    }
}

/// The value of a userPrincipalName: `[0] EXPLICIT UTF8String`.
fn upn(value: &[u8]) -> Result<String, Malformed> {
    const MALFORMED: Malformed = Malformed("its userPrincipalName cannot be parsed");
    let (rest, explicit) = Any::from_der(value).map_err(|_| MALFORMED)?;
    let (inner_rest, text) = Any::from_der(explicit.data).map_err(|_| MALFORMED)?;
    let tags = (explicit.class(), explicit.tag(), text.class(), text.tag());
    if !rest.is_empty() || !inner_rest.is_empty() {
        return Err(MALFORMED);
    }
    match tags {
        (Class::ContextSpecific, Tag(0), Class::Universal, Tag::Utf8String) => {
            checked(std::str::from_utf8(text.data).map_err(|_| MALFORMED)?)
        }
        _ => Err(MALFORMED),
    }
}

fn common_name(x509: &X509Certificate<'_>) -> Result<Option<String>, Malformed> {
    let mut names = x509.subject().iter_common_name();
    match (names.next(), names.next()) {
        (Some(name), None) => {
            let name = name.as_str().map_err(|_| Malformed("its common name is not UTF-8"))?;
            checked(name).map(Some)
        }
        _ => Ok(None),
    }
}

fn checked(name: &str) -> Result<String, Malformed> {
    if name.is_empty() {
        return Err(Malformed("a name in it is empty"));
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(Malformed("a name in it is too long"));
    }
    if name.chars().any(is_unprintable) {
        return Err(Malformed("a name in it has characters that cannot be shown"));
    }
    Ok(name.to_owned())
}

/// What can be told of a certificate that was refused, whatever is wrong with it.
pub(crate) fn presented(der: &CertificateDer<'_>) -> PresentedCertificate {
    let bounded = Some(der).filter(|der| der.len() <= MAX_CERTIFICATE_BYTES);
    let x509 = bounded.and_then(|der| X509Certificate::from_der(der).ok()).map(|(_, x509)| x509);
    let shown = |text: Option<String>| Arc::from(printable(&text.unwrap_or_default(), MAX_DISTINGUISHED_NAME_BYTES));
    PresentedCertificate {
        fingerprint: fingerprint(der).into(),
        subject: shown(x509.as_ref().map(|x509| distinguished_name(x509.subject()))),
        issuer: shown(x509.as_ref().map(|x509| distinguished_name(x509.issuer()))),
        serial: shown(x509.as_ref().map(serial)),
    }
}

fn serial(x509: &X509Certificate<'_>) -> String {
    let bytes = x509.raw_serial();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count().min(bytes.len().saturating_sub(1));
    hex(bytes.get(zeros..).unwrap_or_default())
}

fn fingerprint(der: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, der).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, CustomExtension, DnType, KeyPair, SanType};

    const UPN_ARCS: [u64; 9] = [1, 3, 6, 1, 4, 1, 311, 20, 2];

    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name.remove(DnType::CommonName);
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn every_kind_of_name(params: &mut CertificateParams) {
        params.distinguished_name.push(DnType::CommonName, "Nguyễn Văn A");
        params.subject_alt_names = vec![
            SanType::URI("urn:device:d1".try_into().unwrap()),
            SanType::Rfc822Name("a@example.org".try_into().unwrap()),
            SanType::OtherName(([&UPN_ARCS[..], &[3]].concat(), "Ánh@example.org".into())),
            SanType::OtherName(([&UPN_ARCS[..], &[4]].concat(), "other".into())),
            SanType::DnsName("host.example.org".try_into().unwrap()),
            SanType::IpAddress([127, 0, 0, 1].into()),
        ];
    }

    /// A subjectAltName of one name, as its bytes stand.
    fn raw_san(name: &[u8]) -> Vec<u8> {
        let length = u8::try_from(name.len()).unwrap();
        certificate(|params| {
            let contents = [&[0x30, length], name].concat();
            params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 17], contents));
        })
    }

    #[test]
    fn names_of_every_kind() {
        assert_eq!(
            parse(&certificate(every_kind_of_name)).unwrap(),
            Names {
                uris: vec!["urn:device:d1".to_owned()],
                emails: vec!["a@example.org".to_owned()],
                upns: vec!["Ánh@example.org".to_owned()],
                dns: vec!["host.example.org".to_owned()],
                common_name: Some("Nguyễn Văn A".to_owned()),
            }
        );
        assert_eq!(parse(&certificate(|_| {})).unwrap(), Names::default());
    }

    #[test]
    fn names_that_make_a_certificate_malformed() {
        let upn = |value: &[u8]| {
            let kind = [0x06, 10, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 20, 2, 3];
            let contents = [&kind, value].concat();
            raw_san(&[&[0xa0, u8::try_from(contents.len()).unwrap()], contents.as_slice()].concat())
        };
        assert_eq!(parse(&upn(&[0xa0, 3, 0x0c, 1, b'a'])).unwrap().upns, ["a"]);
        let two_extensions = certificate(|params| {
            every_kind_of_name(params);
            let second = CustomExtension::from_oid_content(&[2, 5, 29, 17], vec![0x30, 3, 0x82, 1, b'b']);
            params.custom_extensions.push(second);
        });
        for (name, der) in [
            ("UPN that is no UTF-8", upn(&[0xa0, 3, 0x0c, 1, 0xff])),
            ("UPN that is no UTF8String", upn(&[0xa0, 3, 0x16, 1, b'a'])),
            ("UPN with two values", upn(&[0xa0, 6, 0x0c, 1, b'a', 0x0c, 1, b'b'])),
            ("UPN without value", upn(&[])),
            ("UPN with NUL", upn(&[0xa0, 4, 0x0c, 2, b'a', 0])),
            ("e-mail with NUL", raw_san(&[0x81, 2, b'a', 0])),
            ("e-mail with DEL", raw_san(&[0x81, 2, b'a', 0x7f])),
            ("e-mail with a byte above ASCII", raw_san(&[0x81, 2, b'a', 0xe9])),
            ("empty DNS name", raw_san(&[0x82, 0])),
            ("URI with newline", raw_san(&[0x86, 2, b'a', b'\n'])),
            ("two subjectAltNames", two_extensions),
            ("trailing bytes", [certificate(|_| {}), vec![0]].concat()),
            ("too large", vec![0x30; MAX_CERTIFICATE_BYTES + 1]),
            ("nothing", vec![]),
        ] {
            assert!(parse(&der).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_input_yields_a_name_that_cannot_be_shown(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        ) {
            thread_local!(static CERTIFICATE: Vec<u8> = certificate(every_kind_of_name));
            let mut der = CERTIFICATE.with(Clone::clone);
            for (place, byte) in changes {
                let place = place.index(der.len());
                der[place] = byte;
            }
            if let Ok(names) = parse(&der) {
                let all = [names.uris, names.emails, names.upns, names.dns, names.common_name.into_iter().collect()];
                for name in all.iter().flatten() {
                    prop_assert!(!name.is_empty() && name.len() <= MAX_NAME_BYTES);
                    prop_assert!(!name.chars().any(is_unprintable), "{:?}", name);
                }
            }
        }
    }
}
