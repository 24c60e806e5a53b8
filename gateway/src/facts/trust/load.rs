//! Reading CA bundles and revocation lists from the files of the configuration.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::DistinguishedName;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};

use super::authority::Authority;
use super::crl_files::{self, CrlFile};
use super::fetch::Fetcher;
use super::ocsp::Responder;
use super::{Domain, Trust};
use crate::config::{Clients, TrustDomain};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How long before its end the certificate of a CA is warned of.
const AUTHORITY_WARNING_MS: i64 = 30 * DAY_MS;

/// What was loaded, and what people should look at.
#[derive(Debug)]
pub struct LoadedTrust {
    /// The trust to put in force.
    pub trust: Trust,
    /// What is wrong but does not prevent it.
    pub warnings: Vec<TrustProblem>,
    /// Whether a revocation list failed to load and the last good one stays in force.
    pub kept_list: bool,
}

/// Something wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustProblem {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub message: String,
}

impl Trust {
    /// Reads every file of every trust domain and reports all that is wrong at once.
    ///
    /// A revocation list that fails to load is taken from `previous`, with a warning, where that has one of the same
    /// file: the last good list stays in force, and other files can still change.
    pub fn load(clients: &Clients, now_ms: i64, previous: Option<&Self>) -> Result<LoadedTrust, Vec<TrustProblem>> {
        let algorithms = default_provider().signature_verification_algorithms;
        let mut report = Report { now_ms, errors: Vec::new(), warnings: Vec::new(), kept_list: false };
        let mut domains = Vec::new();
        for domain in &clients.trust {
            let before = previous.and_then(|trust| trust.domains.iter().find(|known| known.name == domain.name));
            domains.extend(load_domain(domain, before, algorithms.all, &mut report));
        }
        if !report.errors.is_empty() {
            return Err(report.errors);
        }
        let hints = hints(&domains);
        let answers = previous.map_or_else(Arc::default, |previous| Arc::clone(&previous.answers));
        let trust = Self { domains, hints, algorithms, answers };
        Ok(LoadedTrust { trust, warnings: report.warnings, kept_list: report.kept_list })
    }
}

/// What is found wrong while loading.
pub(super) struct Report {
    pub(super) now_ms: i64,
    errors: Vec<TrustProblem>,
    warnings: Vec<TrustProblem>,
    pub(super) kept_list: bool,
}

impl Report {
    pub(super) fn error(&mut self, file: &Path, message: impl Into<String>) {
        self.errors.push(TrustProblem { file: file.to_owned(), message: message.into() });
    }

    pub(super) fn warn(&mut self, file: &Path, message: impl Into<String>) {
        self.warnings.push(TrustProblem { file: file.to_owned(), message: message.into() });
    }
}

fn load_domain(
    domain: &TrustDomain,
    before: Option<&Domain>,
    algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    report: &mut Report,
) -> Option<Domain> {
    let authorities: Vec<Authority> = domain.ca.iter().flat_map(|file| load_bundle(file, report)).collect();
    if authorities.is_empty() {
        return None;
    }
    let files_before = before.map(|before| &before.crl_files);
    let crl_files = crl_files::load(domain, &authorities, files_before, algorithms, report);
    let mut crls: HashMap<_, Vec<_>> = HashMap::new();
    for crl in crl_files.values().flat_map(CrlFile::lists) {
        crls.entry(crl.issuer).or_default().push(Arc::clone(crl));
    }
    let fetches = domain.crl_fetch.iter().map(|fetch| &fetch.file);
    if let Some(file) = domain.crl.iter().chain(fetches).next() {
        for authority in authorities.iter().filter(|authority| !crls.contains_key(&authority.id)) {
            report.warn(file, format!("no revocation list of `{}`: its certificates are refused", authority.name));
        }
    }
    let issued: Vec<bool> = authorities
        .iter()
        .map(|authority| authorities.iter().any(|other| authority.is_issued_by(other, algorithms)))
        .collect();
    let (intermediates, roots): (Vec<_>, Vec<_>) = authorities.into_iter().zip(issued).partition(|(_, issued)| *issued);
    let roots: Vec<Authority> = roots.into_iter().map(|(authority, _)| authority).collect();
    let mut roots_end_ms = HashMap::new();
    let mut anchors = Vec::new();
    for root in &roots {
        anchors.push(webpki::anchor_from_trusted_cert(&root.certificate).ok()?.to_owned());
        let end_ms = roots_end_ms.entry(root.id).or_insert(root.not_after_ms);
        *end_ms = root.not_after_ms.max(*end_ms);
    }
    Some(Domain {
        name: Arc::clone(&domain.name),
        naming: domain.clone(),
        anchors,
        roots,
        intermediates: intermediates.into_iter().map(|(authority, _)| authority).collect(),
        roots_end_ms,
        checks_revocation: !(domain.crl.is_empty() && domain.crl_fetch.is_empty()),
        fetchers: open_fetchers(domain, before, report)?,
        responder: open_responder(domain, report),
        crls,
        crl_files,
    })
}

/// What fetches the lists of a domain; a fetcher with the same settings as before is taken over.
fn open_fetchers(domain: &TrustDomain, before: Option<&Domain>, report: &mut Report) -> Option<Vec<Arc<Fetcher>>> {
    let before = before.map_or(&[][..], |before| &before.fetchers);
    let opened = domain.crl_fetch.iter().map(|settings| Fetcher::open(&domain.name, settings, before));
    let opened: Vec<_> =
        opened.map(|fetcher| fetcher.map_err(|fault| report.error(&fault.file, fault.message))).collect();
    opened.into_iter().collect::<Result<_, ()>>().ok()
}

fn open_responder(domain: &TrustDomain, report: &mut Report) -> Option<Responder> {
    let opened = domain.ocsp.as_ref().map(Responder::open)?;
    opened.map_err(|fault| report.error(&fault.file, fault.message)).ok()
}

fn load_bundle(file: &Path, report: &mut Report) -> Vec<Authority> {
    let certificates = match CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(certificates) => certificates,
        Err(error) => {
            report.error(file, format!("CA bundle cannot be read: {error}"));
            return Vec::new();
        }
    };
    if certificates.is_empty() {
        report.error(file, "CA bundle is empty: it has no `CERTIFICATE` section in PEM");
    }
    let mut authorities = Vec::new();
    for certificate in certificates {
        match Authority::read(certificate) {
            Ok(authority) => {
                warn_of_authority(file, &authority, report);
                authorities.push(authority);
            }
            Err(why) => report.error(file, why),
        }
    }
    authorities
}

fn warn_of_authority(file: &Path, authority: &Authority, report: &mut Report) {
    let name = &authority.name;
    if report.now_ms > authority.not_after_ms {
        let end = timestamp(authority.not_after_ms);
        report.warn(file, format!("`{name}` expired at {end}: its certificates are refused"));
    } else if report.now_ms < authority.not_before_ms {
        let start = timestamp(authority.not_before_ms);
        report.warn(file, format!("`{name}` is not valid before {start}: its certificates are refused"));
    } else if authority.not_after_ms.saturating_sub(report.now_ms) < AUTHORITY_WARNING_MS {
        report.warn(file, format!("`{name}` expires at {}", timestamp(authority.not_after_ms)));
    }
}

fn hints(domains: &[Domain]) -> Vec<DistinguishedName> {
    let mut hints: Vec<_> = domains.iter().flat_map(Domain::hints).collect();
    hints.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
    hints.dedup_by(|one, other| one.as_ref() == other.as_ref());
    hints
}

/// A time as people read it.
pub(super) fn timestamp(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |time| time.to_string())
}

impl Domain {
    /// The names of its CAs.
    pub(super) fn hints(&self) -> impl Iterator<Item = DistinguishedName> {
        self.authorities().filter_map(Authority::subject)
    }
}
