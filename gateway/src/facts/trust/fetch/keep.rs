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

#[cfg(test)]
mod tests {
    use rcgen::{SerialNumber, date_time_ymd};

    use super::*;
    use crate::facts::trust::crl_files::CrlFile;
    use crate::facts::trust::testing::{Ca, Files, NOW_MS, crl_params};

    /// What is made of a file with these lists where one with those is in force.
    fn compared(bundle: [&Ca; 2], new: String, in_force: String, now_ms: i64) -> Result<Fetched, String> {
        let lists = |lists: String| {
            let files = Files::new(&bundle.map(|ca| &ca.certificate), &[lists]);
            let mut trust = files.trust();
            trust.domains.pop().unwrap().crl_files.into_values().next().unwrap()
        };
        let new: CrlFile = lists(new);
        let new: Vec<Crl> =
            new.into_lists().into_iter().map(|list| std::sync::Arc::into_inner(list).unwrap()).collect();
        compare(&new, Some(&lists(in_force)), now_ms)
    }

    #[test]
    fn only_a_successor_takes_the_place_of_a_list() {
        let (one, two) = (Ca::root("one"), Ca::root("two"));
        let list = |ca: &Ca, number: u64, day: u8| {
            let mut params = crl_params(&[]);
            params.crl_number = SerialNumber::from(number);
            params.this_update = date_time_ymd(2025, 5, day);
            ca.crl_from(&params)
        };
        const STALE_MS: i64 = NOW_MS + 200 * 24 * 60 * 60 * 1_000;
        for (name, new, in_force, now_ms, expected) in [
            ("newer", list(&one, 300, 3), list(&one, 255, 2), NOW_MS, Ok(Fetched::New)),
            ("same", list(&one, 2, 2), list(&one, 2, 2), NOW_MS, Ok(Fetched::Unchanged)),
            ("lower number", list(&one, 255, 3), list(&one, 300, 2), NOW_MS, Err("older")),
            ("earlier", list(&one, 3, 1), list(&one, 2, 2), NOW_MS, Err("older")),
            ("of another CA", list(&two, 3, 3), list(&one, 2, 2), NOW_MS, Err("not by `CN=one`")),
            ("of another CA, after the end", list(&two, 3, 3), list(&one, 2, 2), STALE_MS, Ok(Fetched::New)),
            ("one more", list(&one, 2, 2) + &list(&two, 1, 1), list(&one, 2, 2), NOW_MS, Ok(Fetched::New)),
        ] {
            match (compared([&one, &two], new, in_force, now_ms), expected) {
                (Ok(fetched), Ok(expected)) => assert_eq!(fetched, expected, "{name}"),
                (Err(why), Err(part)) => assert!(why.contains(part), "{name}: {why}"),
                (other, _) => panic!("{name}: {other:?}"),
            }
        }
    }
}
