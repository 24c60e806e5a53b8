//! Whether a list that was fetched takes the place of the last one.

use std::fs::{self, File};
use std::path::Path;

use super::download::Unfinished;
use super::{FetchError, Fetched};
use crate::clock;
use crate::facts::trust::Trust;
use crate::facts::trust::crl::Crl;
use crate::facts::trust::crl_files::{CrlFile, read_lists};

/// Puts a list in the place of `file`, if it is good: signed by a CA of the trust domain, and not older than the last.
pub(super) fn keep(trust: &Trust, domain: &str, unfinished: &Unfinished, file: &Path) -> Result<Fetched, FetchError> {
    let domain = trust.domains.iter().find(|known| &*known.name == domain);
    let domain = domain.ok_or_else(|| FetchError::Refused("its trust domain is no more".to_owned()))?;
    let lists = read_lists(&File::open(unfinished.path())?, domain.authorities(), trust.algorithms.all);
    let fetched = lists
        .and_then(|lists| compare(&lists, domain.crl_files.get(file), clock::now_ms()))
        .map_err(FetchError::Refused)?;
    if fetched == Fetched::New {
        fs::rename(unfinished.path(), file)?;
        File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(fetched)
}

/// Compares lists with those in force. For each of those there must be one that is not older: whoever stands between us
/// and the server could replay an old list, or put that of another CA in its place. One that is stale may go.
fn compare(lists: &[Crl], in_force: Option<&CrlFile>, now_ms: i64) -> Result<Fetched, String> {
    let in_force = in_force.map_or(&[][..], CrlFile::lists);
    for held in in_force {
        let mut successors = lists.iter().filter(|list| list.issuer == held.issuer).peekable();
        if successors.peek().is_none() && now_ms < held.next_update_ms {
            return Err(format!("it is not by `{}`, whose list is in force", held.issuer_name));
        }
        if successors.peek().is_some() && successors.all(|list| list.is_older_than(held)) {
            return Err(format!("it is older than the list of `{}` in force", held.issuer_name));
        }
    }
    let same = lists.len() == in_force.len() && lists.iter().zip(in_force).all(|(list, held)| list.is_same_as(held));
    Ok(if same { Fetched::Unchanged } else { Fetched::New })
}
