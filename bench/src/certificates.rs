//! A throwaway PKI for one run: a server CA, a client CA with an empty revocation list, one leaf of each.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CertifiedKey,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The host that clients ask for and the server certificate names.
pub(crate) const HOST: &str = "app.localhost";
/// The host where people would log in, which the server certificate names too.
pub(crate) const LOGIN_HOST: &str = "login.localhost";
/// The device that the client certificate names.
pub(crate) const DEVICE: &str = "laptop-1";
/// The person that the client certificate names.
pub(crate) const PERSON: &str = "alice@example.org";

/// The files that peers read, and what the load generator needs in memory.
pub(crate) struct Certificates {
    /// The server's certificate (PEM).
    pub(crate) server_chain: PathBuf,
    /// The server's key (PEM).
    pub(crate) server_key: PathBuf,
    /// The server's certificate and key in one file, as haproxy wants them.
    pub(crate) server_bundle: PathBuf,
    /// The CA of clients (PEM).
    pub(crate) client_ca: PathBuf,
    /// Its revocation list (PEM): nothing is revoked, but every peer has to look.
    pub(crate) client_crl: PathBuf,
    /// The CA of cards (PEM), of which nobody has one.
    pub(crate) card_ca: PathBuf,
    /// The CA that the load generator trusts.
    pub(crate) server_ca: CertificateDer<'static>,
    /// The load generator's certificate.
    pub(crate) client: CertificateDer<'static>,
    /// Its key.
    pub(crate) client_key: PrivateKeyDer<'static>,
}

impl Certificates {
    /// Makes all of them and writes those that peers read into `folder`. Every key is ECDSA P-256.
    pub(crate) fn make(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let server_ca = authority("bench server CA")?;
        let client_ca = authority("bench client CA")?;
        let hosts = vec![SanType::DnsName(HOST.try_into()?), SanType::DnsName(LOGIN_HOST.try_into()?)];
        let server = leaf(&server_ca, HOST, hosts, ExtendedKeyUsagePurpose::ServerAuth)?;
        let client = leaf(
            &client_ca,
            "alice on laptop-1",
            vec![SanType::URI(format!("urn:device:{DEVICE}").try_into()?), SanType::Rfc822Name(PERSON.try_into()?)],
            ExtendedKeyUsagePurpose::ClientAuth,
        )?;

        let write = |name: &str, text: String| -> Result<PathBuf> {
            let path = folder.join(name);
            fs::write(&path, text)?;
            Ok(path)
        };
        let (chain, key) = (server.cert.pem(), server.signing_key.serialize_pem());
        Ok(Self {
            server_bundle: write("server-bundle.pem", format!("{chain}{key}"))?,
            server_chain: write("server.pem", chain)?,
            server_key: write("server.key", key)?,
            client_ca: write("clients.pem", client_ca.pem())?,
            client_crl: write("clients.crl", empty_revocation_list(&client_ca)?)?,
            card_ca: write("cards.pem", authority("bench card CA")?.pem())?,
            server_ca: server_ca.der().clone(),
            client: client.cert.der().clone(),
            client_key: client.signing_key.into(),
        })
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Result<Authority> {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)?)
}

fn leaf(
    issuer: &Authority,
    name: &str,
    names: Vec<SanType>,
    usage: ExtendedKeyUsagePurpose,
) -> Result<CertifiedKey<KeyPair>> {
    let mut params = params(name);
    params.subject_alt_names = names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    let signing_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let cert = params.signed_by(&signing_key, issuer)?;
    Ok(CertifiedKey { cert, signing_key })
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params
}

fn empty_revocation_list(issuer: &Authority) -> Result<String> {
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 1),
        next_update: date_time_ymd(2049, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Ok(params.signed_by(issuer)?.pem()?)
}
