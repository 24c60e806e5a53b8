//! Certificates, made afresh for each test.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SanType,
    SerialNumber, SubjectPublicKeyInfo,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// An hour: certificates begin an hour ago, so that a clock a little behind does not matter.
pub const HOUR: Duration = Duration::from_secs(3600);

/// The CAs of a test.
pub struct Pki {
    /// Signs the gateway's certificates and those of https upstreams.
    pub servers: Ca,
    /// Signs the certificates of managed laptops: device and person.
    pub laptops: Ca,
    /// Signs the certificates of services: SPIFFE IDs.
    pub services: Ca,
    /// Signs certificates that name a person and no device; its trust domain has no revocation list.
    pub people: Ca,
}

impl Pki {
    /// Four fresh CAs.
    pub fn new() -> Self {
        Self {
            servers: Ca::new("Test servers"),
            laptops: Ca::new("Test laptops"),
            services: Ca::new("Test services"),
            people: Ca::new("Test people"),
        }
    }

    /// Alice's laptop: compliant by the default posture.
    pub fn alice(&self) -> Certified {
        self.laptops.issue(laptop("laptop-7", "alice@example.org"))
    }

    /// Bob's laptop: its disk is not encrypted by the default posture.
    pub fn bob(&self) -> Certified {
        self.laptops.issue(laptop("laptop-8", "bob@example.org"))
    }

    /// The billing service.
    pub fn billing(&self) -> Certified {
        self.services.issue(workload("spiffe://prod.example/billing"))
    }
}

impl Default for Pki {
    fn default() -> Self {
        Self::new()
    }
}

/// A CA.
pub struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Ca {
    /// A CA as it should be.
    pub fn new(name: &str) -> Self {
        Self::with(ca_params(name))
    }

    /// A CA of one's own making, wrong ones too.
    pub fn with(params: CertificateParams) -> Self {
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    /// A CA below this one.
    pub fn sub(&self, params: CertificateParams) -> Self {
        let issuer = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.issuer).unwrap();
        Self { issuer }
    }

    /// The CA's certificate.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The CA's private key.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// The CA's certificate.
    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A certificate with a new P-256 key.
    pub fn issue(&self, params: CertificateParams) -> Certified {
        self.issue_for(params, KeyPair::generate().unwrap())
    }

    /// A certificate for a public key (PEM) whose private key is elsewhere.
    pub fn issue_pem_for(&self, params: &CertificateParams, public_key: &str) -> String {
        params.signed_by(&SubjectPublicKeyInfo::from_pem(public_key).unwrap(), &self.issuer).unwrap().pem()
    }

    /// A certificate for a key.
    pub fn issue_for(&self, mut params: CertificateParams, key: KeyPair) -> Certified {
        let serial = params.serial_number.get_or_insert_with(next_serial).clone();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Certified {
            chain: vec![certificate.der().clone()],
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            serial,
        }
    }

    /// A revocation list that is valid for a day.
    pub fn crl(&self, revoked: &[&Certified]) -> String {
        self.crl_until(revoked, SystemTime::now() + 24 * HOUR)
    }

    /// A revocation list with a nextUpdate of one's own.
    pub fn crl_until(&self, revoked: &[&Certified], next_update: SystemTime) -> String {
        let serials: Vec<_> = revoked.iter().map(|certified| certified.serial.clone()).collect();
        self.crl_of(&serials, next_update)
    }

    /// A revocation list of serial numbers.
    pub fn crl_of(&self, revoked: &[SerialNumber], next_update: SystemTime) -> String {
        let revoked_certs = revoked
            .iter()
            .map(|serial| RevokedCertParams {
                serial_number: serial.clone(),
                revocation_time: (SystemTime::now() - HOUR).into(),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            })
            .collect();
        let params = CertificateRevocationListParams {
            this_update: (SystemTime::now() - HOUR).into(),
            next_update: next_update.into(),
            crl_number: next_serial(),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// A certificate with its key.
pub struct Certified {
    /// What is sent in a handshake, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
    /// The leaf.
    pub pem: String,
    /// The private key.
    pub key_pem: String,
    /// The leaf's serial number.
    pub serial: SerialNumber,
}

impl Clone for Certified {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
            pem: self.pem.clone(),
            key_pem: self.key_pem.clone(),
            serial: self.serial.clone(),
        }
    }
}

impl Certified {
    /// The same, sending `intermediate` after the leaf.
    pub fn via(mut self, intermediate: &Ca) -> Self {
        self.chain.push(intermediate.der());
        self
    }

    /// The same certificate with the key of another: a proof that cannot succeed.
    pub fn with_key_of(mut self, other: &Self) -> Self {
        self.key = other.key.clone_key();
        self
    }
}

/// A certificate of a managed laptop.
pub fn laptop(device: &str, person: &str) -> CertificateParams {
    client(vec![uri(&format!("urn:device:{device}")), email(person)])
}

/// A certificate that names a device only.
pub fn device(device: &str) -> CertificateParams {
    client(vec![uri(&format!("urn:device:{device}"))])
}

/// A certificate that names a person only.
pub fn person(person: &str) -> CertificateParams {
    client(vec![email(person)])
}

/// A certificate of a service.
pub fn workload(spiffe_id: &str) -> CertificateParams {
    client(vec![uri(spiffe_id)])
}

/// A client certificate with these names.
pub fn client(names: Vec<SanType>) -> CertificateParams {
    let mut params = leaf();
    params.subject_alt_names = names;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// A server certificate for these hosts.
pub fn server(hosts: &[&str]) -> CertificateParams {
    let mut params = leaf();
    params.subject_alt_names = hosts.iter().map(|host| SanType::DnsName((*host).try_into().unwrap())).collect();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// A root CA.
pub fn ca_params(name: &str) -> CertificateParams {
    let mut params = dated();
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A subjectAltName of kind URI.
pub fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().unwrap())
}

/// A subjectAltName of kind rfc822Name.
pub fn email(name: &str) -> SanType {
    SanType::Rfc822Name(name.try_into().unwrap())
}

fn leaf() -> CertificateParams {
    let mut params = dated();
    params.distinguished_name = named("leaf");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
}

fn dated() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = (SystemTime::now() - HOUR).into();
    params.not_after = (SystemTime::now() + 60 * 24 * HOUR).into();
    params
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Gaccong tests");
    name.push(DnType::CommonName, common_name);
    name
}

fn next_serial() -> SerialNumber {
    static NEXT: AtomicU64 = AtomicU64::new(0x1000_0001);
    SerialNumber::from(NEXT.fetch_add(1, Ordering::Relaxed))
}
