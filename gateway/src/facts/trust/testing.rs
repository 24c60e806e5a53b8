//! Certificates made for tests, around a fixed time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams, CrlIssuingDistributionPoint,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData,
    RevokedCertParams, SanType, SerialNumber, SignatureAlgorithm, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

use super::{LoadedTrust, Trust, TrustProblem};
use crate::config::{CertificateMode, Clients, NameRule, NameSource, OnInvalid, TrustDomain};

/// 2025-06-01T00:00:00Z
pub(super) const NOW_MS: i64 = 1_748_736_000_000;

/// A CA that can sign.
pub(super) struct Ca {
    pub(super) certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A good CA certificate, 2025 and 2026.
pub(super) fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

/// A good client certificate of 2025: serial number 0x42, a device and a person.
pub(super) fn leaf_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, "laptop");
    params.serial_number = Some(SerialNumber::from(0x42));
    params.subject_alt_names = vec![
        SanType::URI("urn:device:d1".try_into().unwrap()),
        SanType::Rfc822Name("Alice@Example.org".try_into().unwrap()),
    ];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2026, 1, 1);
    params
}

impl Ca {
    pub(super) fn root(name: &str) -> Self {
        Self::self_signed(ca_params(name))
    }

    pub(super) fn self_signed(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), issuer: Issuer::new(params, key) }
    }

    /// A CA with a key of another kind.
    pub(super) fn with_key(name: &str, key: KeyPair) -> Self {
        let params = ca_params(name);
        Self { certificate: params.self_signed(&key).unwrap(), issuer: Issuer::new(params, key) }
    }

    /// A CA below this one.
    pub(super) fn issue_ca(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.signed_by(&key, &self.issuer).unwrap(), issuer: Issuer::new(params, key) }
    }

    /// A client certificate.
    pub(super) fn issue(&self, params: &CertificateParams) -> CertificateDer<'static> {
        self.issue_to(params, &KeyPair::generate().unwrap())
    }

    /// A client certificate of a given key.
    pub(super) fn issue_to(&self, params: &CertificateParams, key: &impl PublicKeyData) -> CertificateDer<'static> {
        params.signed_by(key, &self.issuer).unwrap().into()
    }

    pub(super) fn key(&self) -> &KeyPair {
        self.issuer.key()
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// A list of 2025, in PEM.
    pub(super) fn crl(&self, revoked: &[u64]) -> String {
        self.crl_from(&crl_params(revoked))
    }

    pub(super) fn crl_from(&self, params: &CertificateRevocationListParams) -> String {
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    /// The same name and key with another certificate.
    pub(super) fn with_certificate(&self, params: &CertificateParams) -> Certificate {
        params.self_signed(self.issuer.key()).unwrap()
    }
}

pub(super) fn crl_params(revoked: &[u64]) -> CertificateRevocationListParams {
    let entry = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2025, 2, 1),
        reason_code: None,
        invalidity_date: None,
    };
    CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 5, 1),
        next_update: date_time_ymd(2025, 12, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None::<CrlIssuingDistributionPoint>,
        revoked_certs: revoked.iter().map(entry).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

/// A key of 1024 bits that nobody holds.
pub(super) struct WeakKey(Vec<u8>);

impl WeakKey {
    pub(super) fn new() -> Self {
        let header = [0x30, 0x81, 0x89, 0x02, 0x81, 0x81, 0x00];
        Self([&header[..], &[0xff; 128], &[0x02, 0x03, 1, 0, 1]].concat())
    }
}

impl PublicKeyData for WeakKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

/// A trust domain `staff` in files of its own.
pub(super) struct Files {
    directory: TempDir,
    pub(super) clients: Clients,
}

impl Files {
    pub(super) fn new(bundle: &[&Certificate], crls: &[String]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ca = directory.path().join("ca.pem");
        std::fs::write(&ca, bundle.iter().map(|certificate| certificate.pem()).collect::<String>()).unwrap();
        let crl: Vec<PathBuf> = (0..crls.len()).map(|place| directory.path().join(format!("{place}.crl"))).collect();
        for (file, pem) in crl.iter().zip(crls) {
            std::fs::write(file, pem).unwrap();
        }
        let rule = |source, prefix: &str| {
            Some(NameRule { source, prefix: prefix.to_owned(), suffix: String::new(), whole: false })
        };
        let domain = TrustDomain {
            name: Arc::from("staff"),
            ca: vec![ca],
            crl,
            crl_fetch: vec![],
            ocsp: None,
            device: rule(NameSource::Uri, "urn:device:"),
            person: rule(NameSource::Email, ""),
            groups: Vec::new(),
            workload: None,
        };
        let clients = Clients {
            certificate: CertificateMode::Required,
            on_invalid: OnInvalid::Alert,
            cache: None,
            trust: vec![domain],
        };
        Self { directory, clients }
    }

    pub(super) fn write(&self, file: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.directory.path().join(file), contents).unwrap();
    }

    /// Makes a file look as if it was written then.
    pub(super) fn date(&self, file: &str, written: SystemTime) {
        let file = std::fs::File::options().write(true).open(self.directory.path().join(file)).unwrap();
        file.set_modified(written).unwrap();
    }

    pub(super) fn load(&self, previous: Option<&Trust>) -> Result<LoadedTrust, Vec<TrustProblem>> {
        Trust::load(&self.clients, NOW_MS, previous)
    }

    pub(super) fn trust(&self) -> Trust {
        self.load(None).unwrap().trust
    }
}

/// Trust in one bundle.
pub(super) fn trust(bundle: &[&Certificate], crls: &[String]) -> Trust {
    Files::new(bundle, crls).trust()
}
