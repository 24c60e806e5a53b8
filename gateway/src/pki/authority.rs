//! The authority: makes its folder, issues leaves, revokes them and signs the revocation list.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::index::{Index, hex};
use super::{IndexEntry, Issued, KeyKind, LeafRequest, PkiError, RevocationReason, Validity, files};

const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca.key";
const CRL: &str = "crl.pem";
const INDEX: &str = "index.jsonl";

/// Until its first list is replaced, a new authority vouches for it this long.
const FIRST_CRL_DAYS: u32 = 30;

/// RFC 5280 allows twenty octets; sixteen random ones cannot be guessed and do not collide.
const SERIAL_BYTES: usize = 16;

/// A new authority.
#[derive(Debug, Clone)]
pub struct AuthorityRequest {
    /// Its common name.
    pub name: String,
    /// When it is valid.
    pub validity: Validity,
    /// The kind of its key.
    pub key: KeyKind,
}

/// A certificate to be revoked.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Why.
    pub reason: RevocationReason,
    /// Since when.
    pub at: Timestamp,
}

/// A certificate authority in a folder.
pub struct Authority {
    dir: PathBuf,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    index: Index,
}

impl Authority {
    /// Makes a root in `dir`, with an empty revocation list.
    pub fn create(dir: &Path, request: &AuthorityRequest) -> Result<Self, PkiError> {
        request.validity.check()?;
        if dir.join(KEY).exists() {
            return Err(PkiError::AuthorityExists(dir.to_owned()));
        }
        let key = request.key.generate()?;
        let certificate = root_params(request)?.self_signed(&key).map_err(PkiError::crypto("CA certificate"))?;
        files::create_dir(dir)?;
        files::write_private(&dir.join(KEY), key.serialize_pem().as_bytes())?;
        files::write_public(&dir.join(CERTIFICATE), certificate.pem().as_bytes())?;
        let authority = Self::new(dir, certificate.der().clone(), key)?;
        authority.write_crl(Validity::days(FIRST_CRL_DAYS))?;
        Ok(authority)
    }

    /// Opens the authority that [`Self::create`] made in `dir`.
    pub fn open(dir: &Path) -> Result<Self, PkiError> {
        let (key_path, certificate_path) = (dir.join(KEY), dir.join(CERTIFICATE));
        if !key_path.exists() || !certificate_path.exists() {
            return Err(PkiError::NoAuthority(dir.to_owned()));
        }
        let key = KeyPair::from_pem(&files::read(&key_path)?)
            .map_err(|error| PkiError::Malformed { path: key_path, detail: error.to_string() })?;
        let certificate = CertificateDer::from_pem_slice(files::read(&certificate_path)?.as_bytes())
            .map_err(|error| PkiError::Malformed { path: certificate_path, detail: error.to_string() })?;
        Self::new(dir, certificate, key)
    }

    fn new(dir: &Path, certificate: CertificateDer<'static>, key: KeyPair) -> Result<Self, PkiError> {
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(PkiError::crypto("issuer"))?;
        Ok(Self { dir: dir.to_owned(), certificate, issuer, index: Index::new(dir.join(INDEX)) })
    }

    /// Issues a leaf with a new key and enters it in the index.
    pub fn issue(&self, request: &LeafRequest) -> Result<Issued, PkiError> {
        let serial = new_serial()?;
        let params = request.params(serial.to_vec())?;
        let key = request.key.generate()?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(PkiError::crypto("certificate"))?;
        let entry = IndexEntry {
            serial: hex(&serial),
            names: request.names.iter().map(ToString::to_string).collect(),
            not_after: request.validity.not_after,
            revoked_at: None,
            reason: None,
        };
        self.index.add(&entry)?;
        Ok(Issued {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            entry,
            certificate_der: certificate.der().to_vec(),
            key_der: key.serialized_der().to_vec(),
            authority_der: self.certificate.to_vec(),
            label: request.subject()?,
        })
    }

    /// Enters a revocation in the index; [`Self::write_crl`] publishes it. A certificate that is revoked already keeps its
    /// first time and reason.
    pub fn revoke(&self, revocation: &Revocation) -> Result<IndexEntry, PkiError> {
        let serial = revocation.serial.to_ascii_lowercase().replace(':', "");
        let serial = serial.trim_start_matches('0');
        let mut entries = self.index.entries()?;
        let entry = entries
            .iter_mut()
            .find(|entry| entry.serial == serial)
            .ok_or_else(|| PkiError::UnknownCertificate(revocation.serial.clone()))?;
        if entry.revoked_at.is_none() {
            entry.revoked_at = Some(revocation.at);
            entry.reason = Some(revocation.reason);
        }
        let revoked = entry.clone();
        self.index.replace(&entries)?;
        Ok(revoked)
    }

    /// Signs and replaces `crl.pem`, with every revocation in the index, valid for `validity`.
    pub fn write_crl(&self, validity: Validity) -> Result<PathBuf, PkiError> {
        validity.check()?;
        let crl = CertificateRevocationListParams {
            this_update: SystemTime::from(validity.not_before).into(),
            next_update: SystemTime::from(validity.not_after).into(),
            crl_number: crl_number().into(),
            issuing_distribution_point: None,
            revoked_certs: self.entries()?.iter().filter_map(revoked).collect::<Result<_, _>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let failed = PkiError::crypto("revocation list");
        let pem = crl.signed_by(&self.issuer).and_then(|crl| crl.pem()).map_err(failed)?;
        files::write_public(&self.crl_path(), pem.as_bytes())?;
        Ok(self.crl_path())
    }

    /// Every certificate issued, oldest first.
    pub fn entries(&self) -> Result<Vec<IndexEntry>, PkiError> {
        self.index.entries()
    }

    /// `ca.pem`
    pub fn certificate_path(&self) -> PathBuf {
        self.dir.join(CERTIFICATE)
    }

    /// `crl.pem`
    pub fn crl_path(&self) -> PathBuf {
        self.dir.join(CRL)
    }

    /// The CA's certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }
}

/// The key is never printed.
impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("dir", &self.dir).finish_non_exhaustive()
    }
}

fn root_params(request: &AuthorityRequest) -> Result<CertificateParams, PkiError> {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, request.name.as_str());
    let mut params = CertificateParams::default();
    params.serial_number = Some(new_serial()?.to_vec().into());
    params.distinguished_name = subject;
    params.not_before = SystemTime::from(request.validity.not_before).into();
    params.not_after = SystemTime::from(request.validity.not_after).into();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// Positive and of full length: the first octet is between 0x40 and 0x7f.
fn new_serial() -> Result<[u8; SERIAL_BYTES], PkiError> {
    let mut serial = [0; SERIAL_BYTES];
    aws_lc_rs::rand::fill(&mut serial)
        .map_err(|_| PkiError::Crypto { what: "serial number", detail: "no randomness from the system".to_owned() })?;
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(serial)
}

/// Lists must be numbered upwards; the clock in milliseconds needs no state.
fn crl_number() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}

/// The line of the revocation list for `entry`, if it is revoked. A serial that cannot be read is an error: to leave it out
/// would let a revoked certificate in.
fn revoked(entry: &IndexEntry) -> Option<Result<RevokedCertParams, PkiError>> {
    let revocation_time = SystemTime::from(entry.revoked_at?).into();
    let serial =
        u128::from_str_radix(&entry.serial, 16).map_err(|_| PkiError::UnknownCertificate(entry.serial.clone()));
    Some(serial.map(|serial| RevokedCertParams {
        serial_number: serial.to_be_bytes().to_vec().into(),
        revocation_time,
        reason_code: entry.reason.filter(|reason| *reason != RevocationReason::Unspecified).map(RevocationReason::code),
        invalidity_date: None,
    }))
}
