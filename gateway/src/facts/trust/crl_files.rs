//! The revocation lists of a trust domain, by the files that hold them.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::SignatureVerificationAlgorithm;

use super::authority::Authority;
use super::crl::{Crl, Unverified};
use super::load::{Report, timestamp};
use crate::config::TrustDomain;

/// The longest file of lists, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;

/// How much of a file is read at a time.
const READ_BYTES: usize = 256 * 1024;

/// A list is warned of when less than one part in so many of its time is left.
const WARNING_PART: i64 = 4;

/// A file that has rested for this long when it is read shows a later change in its times: longer than the clock of any
/// file system stands still, with times in whole seconds and with finer ones.
const RESTED_COARSE: Duration = Duration::from_secs(3);
const RESTED: Duration = Duration::from_millis(50);

/// The lists of one file.
pub(super) struct CrlFile {
    lists: Vec<Arc<Crl>>,
    /// `None` where the file was too young for its times to tell a later change.
    stamp: Option<Stamp>,
}

/// By what it is known that a file has not changed.
#[derive(PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified_ns: (i64, i64),
    changed_ns: (i64, i64),
}

impl CrlFile {
    pub(super) fn lists(&self) -> &[Arc<Crl>] {
        &self.lists
    }

    #[cfg(test)]
    pub(super) fn into_lists(self) -> Vec<Arc<Crl>> {
        self.lists
    }
}

/// Reads the files that have changed since `before`. One that cannot be loaded keeps the lists that it held before.
pub(super) fn load(
    domain: &TrustDomain,
    authorities: &[Authority],
    before: Option<&HashMap<PathBuf, CrlFile>>,
    algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    report: &mut Report,
) -> HashMap<PathBuf, CrlFile> {
    let mut loaded = HashMap::new();
    let fetched = domain.crl_fetch.iter().map(|fetch| (&fetch.file, true));
    for (file, is_fetched) in domain.crl.iter().map(|file| (file, false)).chain(fetched) {
        let held = before.and_then(|before| before.get(file)).filter(|held| held.is_trusted(authorities));
        let read = match read(file, held, authorities, algorithms) {
            Ok(read) => read,
            Err(why) => match held {
                Some(held) => {
                    report.kept_list = true;
                    report.warn(file, format!("revocation list cannot be loaded, the last good one stays: {why}"));
                    CrlFile { lists: held.lists.clone(), stamp: None }
                }
                // It will be fetched, and until then the certificates that it is about are refused.
                None if is_fetched => {
                    report.warn(file, format!("no fetched revocation list yet: {why}"));
                    continue;
                }
                None => {
                    report.error(file, format!("revocation list cannot be loaded: {why}"));
                    continue;
                }
            },
        };
        for crl in &read.lists {
            warn_of(file, crl, report);
        }
        loaded.insert(file.clone(), read);
    }
    loaded
}

/// Reads and verifies the lists of a file, unless it is the one whose lists are `held`.
fn read(
    file: &Path,
    held: Option<&CrlFile>,
    authorities: &[Authority],
    algorithms: &[&'static dyn SignatureVerificationAlgorithm],
) -> Result<CrlFile, String> {
    let open = File::open(file).map_err(|error| error.to_string())?;
    let stamp = open.metadata().ok().and_then(|metadata| Stamp::of(&metadata));
    if let Some(held) = held.filter(|held| stamp.is_some() && held.stamp == stamp) {
        return Ok(CrlFile { lists: held.lists.clone(), stamp });
    }
    let lists = read_lists(&open, authorities, algorithms)?.into_iter().map(Arc::new).collect();
    Ok(CrlFile { lists, stamp })
}

/// Reads and verifies the lists of a file.
pub(super) fn read_lists<'a>(
    file: &File,
    authorities: impl IntoIterator<Item = &'a Authority> + Clone,
    algorithms: &[&'static dyn SignatureVerificationAlgorithm],
) -> Result<Vec<Crl>, String> {
    if file.metadata().map_err(|error| error.to_string())?.len() > MAX_FILE_BYTES {
        return Err(format!("longer than {MAX_FILE_BYTES} bytes"));
    }
    let input = BufReader::with_capacity(READ_BYTES, file.take(MAX_FILE_BYTES));
    let lists = Unverified::read_all(input)?.into_iter();
    lists.map(|list| Crl::verify(list, authorities.clone(), algorithms)).collect()
}

impl CrlFile {
    /// Whether the issuers of all its lists are still trusted.
    fn is_trusted(&self, authorities: &[Authority]) -> bool {
        let trusted = |crl: &Arc<Crl>| authorities.iter().any(|ca| ca.id == crl.issuer && ca.signs_crls);
        self.lists.iter().all(trusted)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Option<Self> {
        let age = SystemTime::now().duration_since(metadata.modified().ok()?).ok()?;
        let rested = if metadata.mtime_nsec() == 0 { RESTED_COARSE } else { RESTED };
        (age > rested).then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified_ns: (metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

fn warn_of(file: &Path, crl: &Crl, report: &mut Report) {
    let left_ms = crl.next_update_ms.saturating_sub(report.now_ms);
    let period_ms = crl.next_update_ms.saturating_sub(crl.this_update_ms);
    let (name, due) = (&crl.issuer_name, timestamp(crl.next_update_ms));
    if left_ms <= 0 {
        report.warn(file, format!("revocation list of `{name}` was due at {due}: its certificates are refused"));
    } else if left_ms < period_ms / WARNING_PART {
        report.warn(file, format!("revocation list of `{name}` is due at {due}"));
    }
}
