//! `crl_fetch` and `ocsp` of a trust domain: where the gateway itself asks what was revoked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest;

use super::clients::files;
use super::reader::{Table, Text};
use crate::outgoing::Url;

/// The longest list that may be fetched, in bytes.
const MAX_LIST_BYTES: u64 = 1024 * 1024 * 1024;

/// An entry of `crl_fetch`: a revocation list that is fetched, kept in `clients.cache` and loaded from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlFetch {
    /// `url`
    pub url: Url,
    /// `ca`: PEM files with the CAs of an `https` server.
    pub ca: Vec<PathBuf>,
    /// `every_s`: how often. Default an hour.
    pub every: Duration,
    /// `timeout_ms`: for the whole list. Default a minute.
    pub timeout: Duration,
    /// `max_bytes`: the longest list. Default 256 MiB.
    pub max_bytes: u64,
    /// Where it is kept.
    pub file: PathBuf,
}

/// `ocsp`: the responder that is asked about the certificates of live connections (RFC 6960).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ocsp {
    /// `url`
    pub url: Url,
    /// `ca`: PEM files with the CAs of an `https` responder.
    pub ca: Vec<PathBuf>,
    /// `on_failure = "hard" | "soft"`. Default hard.
    pub on_failure: OnFailure,
    /// `responder`: the certificate of a responder that the issuer has not delegated. Default none.
    pub responder: Option<PathBuf>,
    /// `every_s`: how often a certificate is asked about at least. Default five minutes.
    pub every: Duration,
    /// `timeout_ms`: for one answer. Default five seconds.
    pub timeout: Duration,
    /// `wait_ms`: how long a new connection may wait for the first answer about its certificate. Default a second.
    pub wait: Duration,
    /// `max_age_s`: how old an answer without a nextUpdate may be. Default an hour.
    pub max_age: Duration,
}

/// What is made of a certificate about which the responder says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// It is refused.
    Hard,
    /// It is served.
    Soft,
}

/// `crl_fetch` of the trust domain `domain`.
pub(super) fn crl_fetch(table: &mut Table<'_>, domain: Option<&str>, cache: Option<&Path>) -> Vec<CrlFetch> {
    let spot = table.spot;
    let entries = table.tables("crl_fetch");
    if cache.is_none() && !entries.is_empty() {
        spot.error("fetched revocation lists have no place", "`cache = \"FOLDER\"` in `[clients]`");
    }
    let (domain, cache) = (domain.unwrap_or_default(), cache.unwrap_or(Path::new("")));
    let mut lists: Vec<CrlFetch> = Vec::new();
    for entry in entries {
        let spot = entry.spot;
        let Some(list) = fetched_list(entry, domain, cache) else { continue };
        if lists.iter().any(|known| known.url == list.url) {
            spot.error(format!("`{}` is fetched twice", list.url), "each address once");
        }
        lists.push(list);
    }
    lists
}

fn fetched_list(mut table: Table<'_>, domain: &str, cache: &Path) -> Option<CrlFetch> {
    let url = table.required_text("url").and_then(|text| Some((url(&text)?, text.spot)));
    let ca = files(&table.texts("ca"));
    let every = table.seconds("every_s", 3_600, 1..=30 * 86_400);
    let timeout = table.milliseconds("timeout_ms", 60_000, 10..=3_600_000);
    let max_bytes = table.integer("max_bytes", MAX_LIST_BYTES / 4, 1_024..=MAX_LIST_BYTES);
    let spot = table.spot;
    table.finish();

    let (url, url_spot) = url?;
    if url.is_https() && ca.is_empty() {
        spot.error("an `https` server can be believed only by its CA", "`ca = [\"….pem\"]`");
    }
    let file = cache.join(format!("{domain}-{}.crl", short_name(&url)));
    url_spot.findings.watch(file.clone());
    Some(CrlFetch { url, ca, every, timeout, max_bytes, file })
}

/// A name for a file of what is at this address: the beginning of its SHA-256.
fn short_name(url: &Url) -> String {
    let digest = digest::digest(&digest::SHA256, url.to_string().as_bytes());
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// `ocsp`
pub(super) fn ocsp(mut table: Table<'_>) -> Option<Ocsp> {
    let url = table.required_text("url").and_then(|text| url(&text));
    let ca = files(&table.texts("ca"));
    let on_failure = table.choice("on_failure", &[("hard", OnFailure::Hard), ("soft", OnFailure::Soft)]);
    let responder = table.file("responder");
    let every = table.seconds("every_s", 300, 1..=7 * 86_400);
    let timeout = table.milliseconds("timeout_ms", 5_000, 10..=60_000);
    let wait = table.milliseconds("wait_ms", 1_000, 0..=10_000);
    let max_age = table.seconds("max_age_s", 3_600, 1..=7 * 86_400);
    let spot = table.spot;
    table.finish();

    let url = url?;
    if url.is_https() && ca.is_empty() {
        spot.error("an `https` responder can be believed only by its CA", "`ca = [\"….pem\"]`");
    }
    let on_failure = on_failure.unwrap_or(OnFailure::Hard);
    Some(Ocsp { url, ca, on_failure, responder, every, timeout, wait, max_age })
}

/// The address of a service.
fn url(text: &Text<'_>) -> Option<Url> {
    match text.parse() {
        Ok(url) => Some(url),
        Err(why) => text.refuse(format!("`{}` is no address: {why}", &**text), "`http://host/path` or `https://…`"),
    }
}
