//! TLS towards clients: which certificate for which name, and the handshake's parameters.
//!
//! Every connection gets a `ServerConfig` of its own, because its client verifier remembers what it found. No session is
//! ever resumed: a resumed session would not run the verifier again.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{SupportedProtocolVersion, version};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::clock;
use crate::config::diagnostic::Diagnostic;
use crate::config::{HostPattern, KeyRef, Listen, ServerCertificate, TlsVersion};

/// A server certificate this close to its end is warned about.
const EXPIRES_SOON_MS: i64 = 14 * 24 * 3600 * 1000;

static TLS13_ONLY: &[&SupportedProtocolVersion] = &[&version::TLS13];
static TLS12_TOO: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// Server certificates by the name that the client asks for.
#[derive(Debug)]
pub struct ServerTls {
    exact: HashMap<String, Arc<ServerName>>,
    wildcard: HashMap<String, Arc<ServerName>>,
    default: Arc<ServerName>,
    provider: Arc<CryptoProvider>,
    /// The earliest end of validity of the server certificates, milliseconds since the Unix epoch.
    pub first_expiry_ms: i64,
}

/// One server certificate and the names it answers for.
#[derive(Debug)]
pub struct ServerName {
    /// The hosts that requests on its connections may name.
    pub hosts: Arc<[HostPattern]>,
    key: Arc<CertifiedKey>,
    versions: &'static [&'static SupportedProtocolVersion],
    not_after_ms: i64,
}

impl ServerTls {
    /// Reads the certificates and keys. Warnings are of certificates that end soon.
    pub fn load(listen: &Listen) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let (mut names, mut errors, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        for certificate in &listen.certificates {
            match ServerName::load(certificate, &provider) {
                Ok(name) => {
                    warnings.extend(expiry_warning(certificate, name.not_after_ms));
                    names.push(Arc::new(name));
                }
                Err(error) => errors.push(*error),
            }
        }
        let Some(default) = names.first().filter(|_| errors.is_empty()).cloned() else {
            return Err(errors);
        };
        let (mut exact, mut wildcard) = (HashMap::new(), HashMap::new());
        for name in &names {
            for host in name.hosts.iter() {
                match host {
                    HostPattern::Exact(host) => exact.entry(host.clone()),
                    HostPattern::Wildcard(parent) => wildcard.entry(parent.clone()),
                }
                .or_insert_with(|| Arc::clone(name));
            }
        }
        let first_expiry_ms = names.iter().map(|name| name.not_after_ms).min().unwrap_or(i64::MAX);
        Ok((Self { exact, wildcard, default, provider, first_expiry_ms }, warnings))
    }

    /// The certificate for the name that a client asks for. A client that asks for none gets the first.
    pub fn choose(&self, sni: Option<&str>) -> Option<&Arc<ServerName>> {
        let Some(name) = sni else { return Some(&self.default) };
        let name = name.to_ascii_lowercase();
        self.exact.get(&name).or_else(|| self.wildcard.get(name.split_once('.')?.1))
    }

    /// The parameters of one handshake.
    pub fn handshake(
        &self,
        name: &ServerName,
        verifier: Arc<dyn ClientCertVerifier>,
    ) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(name.versions)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&name.key))));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        Ok(Arc::new(config))
    }
}

impl ServerName {
    fn load(certificate: &ServerCertificate, provider: &CryptoProvider) -> Result<Self, Box<Diagnostic>> {
        let chain = read_chain(&certificate.chain)?;
        let key = read_key(&certificate.key)?;
        let of_chain = |message: String| Box::new(Diagnostic::of_file(&certificate.chain, message));
        let leaf = chain.first().ok_or_else(|| of_chain("the file holds no certificate".into()))?;
        let (_, parsed) = X509Certificate::from_der(leaf).map_err(|error| of_chain(format!("not X.509: {error}")))?;
        let not_after_ms = parsed.validity().not_after.timestamp().saturating_mul(1000);
        if not_after_ms < clock::now_ms() {
            return Err(of_chain("the certificate has expired; issue a new one".into()));
        }
        let hosts = if certificate.hosts.is_empty() { hosts_of(&parsed) } else { certificate.hosts.clone() };
        if hosts.is_empty() {
            return Err(of_chain("the certificate names no host; name them in `hosts`".into()));
        }
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| {
            let KeyRef::File(file) = &certificate.key;
            Box::new(Diagnostic::of_file(file, format!("the key does not fit the certificate: {error}")))
        })?;
        let versions = match certificate.min_tls {
            TlsVersion::Tls13 => TLS13_ONLY,
            TlsVersion::Tls12 => TLS12_TOO,
        };
        Ok(Self { hosts: hosts.into(), key: Arc::new(key), versions, not_after_ms })
    }
}

/// Reads a chain of certificates, leaf first.
pub fn read_chain(file: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, Box<Diagnostic>> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| Box::new(Diagnostic::of_file(file, format!("cannot read certificates: {error}"))))
}

/// Reads a private key.
pub fn read_key(key: &KeyRef) -> Result<PrivateKeyDer<'static>, Box<Diagnostic>> {
    let KeyRef::File(file) = key;
    PrivateKeyDer::from_pem_file(file)
        .map_err(|error| Box::new(Diagnostic::of_file(file, format!("cannot read a private key: {error}"))))
}

fn hosts_of(certificate: &X509Certificate<'_>) -> Vec<HostPattern> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let dns = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    dns.map(|name| match name.strip_prefix("*.") {
        Some(parent) => HostPattern::Wildcard(parent.to_owned()),
        None => HostPattern::Exact(name),
    })
    .collect()
}

fn expiry_warning(certificate: &ServerCertificate, not_after_ms: i64) -> Option<Diagnostic> {
    let left_ms = not_after_ms - clock::now_ms();
    (left_ms < EXPIRES_SOON_MS).then(|| {
        let days = left_ms / (24 * 3600 * 1000);
        Diagnostic::of_file(&certificate.chain, format!("the certificate expires in {days} days; renew it"))
            .as_warning()
    })
}
