//! `[clients]`: whose certificates are accepted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::group_rule::{self, GroupRule};
use super::name::{self, NameRule};
use super::reader::{Table, Text, file};
use super::revocation::{self, CrlFetch, Ocsp};
use super::source::Spot;

/// `[clients]`: whose certificates are accepted.
#[derive(Debug, Clone)]
pub struct Clients {
    /// `certificate = "required" | "optional"`. Default required.
    pub certificate: CertificateMode,
    /// `on_invalid = "page" | "alert"`. Default alert.
    pub on_invalid: OnInvalid,
    /// `cache`: the folder where fetched revocation lists are kept.
    pub cache: Option<PathBuf>,
    /// `[[clients.trust]]`: at least one, names unique.
    pub trust: Vec<TrustDomain>,
}

impl Clients {
    /// The trust domain of that name.
    pub fn domain(&self, name: &str) -> Option<&TrustDomain> {
        self.trust.iter().find(|domain| *domain.name == *name)
    }
}

/// Whether a client must present a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateMode {
    /// The handshake fails without one.
    Required,
    /// A connection without one is unauthenticated.
    Optional,
}

/// What becomes of a certificate that is genuine but expired or revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnInvalid {
    /// The handshake completes as unauthenticated and every request gets the page that says so.
    Page,
    /// A TLS alert.
    Alert,
}

/// `[[clients.trust]]`: a trust domain: CAs, their revocation lists, and how its certificates name devices and principals.
#[derive(Debug, Clone)]
pub struct TrustDomain {
    /// `name`
    pub name: Arc<str>,
    /// `ca`: PEM files.
    pub ca: Vec<PathBuf>,
    /// `crl`: PEM or DER files.
    pub crl: Vec<PathBuf>,
    /// `crl_fetch`: lists that are fetched. Without any list, no list is asked.
    pub crl_fetch: Vec<CrlFetch>,
    /// `ocsp`
    pub ocsp: Option<Ocsp>,
    /// `device`
    pub device: Option<NameRule>,
    /// `person`
    pub person: Option<NameRule>,
    /// `workload`
    pub workload: Option<NameRule>,
    /// `[[clients.trust.groups]]`: groups of those whom its certificates name.
    pub groups: Vec<GroupRule>,
}

impl TrustDomain {
    /// The groups of whom its certificates name so.
    pub fn groups_of<'a>(&'a self, principal: &'a str) -> impl Iterator<Item = &'a Arc<str>> {
        self.groups.iter().filter(|rule| rule.matches(principal)).flat_map(|rule| &rule.groups)
    }
}

/// `[clients]` and where the names of its trust domains stand.
pub(super) struct Read<'a> {
    pub(super) clients: Clients,
    pub(super) names: Vec<(Arc<str>, Spot<'a>)>,
    /// How many trust domains are written, whatever is wrong with them.
    pub(super) domains: usize,
}

impl<'a> Read<'a> {
    pub(super) fn add(&mut self, trust: Vec<Table<'a>>) {
        self.domains += trust.len();
        let cache = self.clients.cache.clone();
        for (domain, spot) in trust.into_iter().filter_map(|table| trust_domain(table, cache.as_deref())) {
            self.names.push((domain.name.clone(), spot));
            self.clients.trust.push(domain);
        }
    }
}

pub(super) fn read(mut table: Table<'_>) -> Read<'_> {
    let certificate = table
        .choice("certificate", &[("required", CertificateMode::Required), ("optional", CertificateMode::Optional)]);
    let on_invalid = table.choice("on_invalid", &[("page", OnInvalid::Page), ("alert", OnInvalid::Alert)]);
    let cache = table.folder("cache");
    let trust = table.tables("trust");
    table.finish();
    let clients = Clients {
        certificate: certificate.unwrap_or(CertificateMode::Required),
        on_invalid: on_invalid.unwrap_or(OnInvalid::Alert),
        cache,
        trust: Vec::new(),
    };
    let mut read = Read { clients, names: Vec::new(), domains: 0 };
    read.add(trust);
    read
}

fn trust_domain<'a>(mut table: Table<'a>, cache: Option<&Path>) -> Option<(TrustDomain, Spot<'a>)> {
    let name = table.required_text("name");
    let ca = files(&table.required_texts("ca"));
    let crl = files(&table.texts("crl"));
    let asks = table.has("crl_fetch") || table.has("ocsp");
    let crl_fetch = revocation::crl_fetch(&mut table, name.as_deref(), cache);
    let ocsp_table = table.table("ocsp");
    let device = table.text("device");
    let person = table.text("person");
    let workload = table.text("workload");
    let groups = group_rule::rules(table.tables("groups"));
    let spot = table.spot;
    table.finish();

    if device.is_none() && person.is_none() && workload.is_none() {
        spot.error("this trust domain names nobody", "`device`, `person` or `workload`, such as `person = \"email\"`");
    }
    if crl.is_empty() && !asks {
        spot.warn("revocation is not checked for this trust domain", "`crl = [\"….crl\"]`");
    }
    let ocsp = ocsp_table.and_then(revocation::ocsp);
    let rule = |text: Option<Text<'_>>| text.and_then(|text| name::rule(&text));
    let (device, person, workload) = (rule(device), rule(person), rule(workload));
    let name = name?;
    let domain = TrustDomain { name: identifier(&name)?, ca, crl, crl_fetch, ocsp, device, person, workload, groups };
    Some((domain, name.spot))
}

pub(super) fn files(texts: &[Text<'_>]) -> Vec<PathBuf> {
    texts.iter().filter_map(file).collect()
}

/// A name of the operator's that appears in policies, metrics and records.
pub(super) fn identifier(text: &Text<'_>) -> Option<Arc<str>> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let good = (1..=64).contains(&text.len()) && text.chars().all(allowed);
    if good {
        return Some(Arc::from(&**text));
    }
    text.refuse(
        format!("`{}` is not a name", &**text),
        "1 to 64 of the letters a-z and A-Z, digits, and `-`, `_`, `.`, `:`",
    )
}
