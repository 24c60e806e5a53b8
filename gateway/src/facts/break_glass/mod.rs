//! Break-glass: the way in for emergencies, when the identity provider, the device manager or the store are out of order,
//! or policy has locked out those who could mend it.
//!
//! It needs a certificate of an offline trust domain and a [`Grant`] that two of the named signers have signed. Grants are
//! files that are read into memory: nothing else has to work. They are read apart from everything else, so that a
//! configuration that does not load keeps no grant from coming into force, and none from being withdrawn.

pub mod grant;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gaccong_policy::PolicySet;

pub use self::grant::{Grant, Holder};
use self::grant::{THRESHOLD, file_name, id_of, signature_name};
use crate::process::policies::files::{self, File, Wanted};
use crate::request::identify::{ClientCertificate, Subject};
use crate::signers::Signers;

/// The most grants that are read.
const MAX_GRANTS: usize = 1000;

/// `[break_glass]`, ready to use.
#[derive(Debug)]
pub struct BreakGlass {
    /// The trust domains whose certificates come in by a grant only.
    pub trust: Vec<Arc<str>>,
    /// The policies that decide.
    pub policies: Arc<PolicySet>,
    /// Who may sign.
    pub signers: Signers,
    /// Where the grants are.
    pub directory: PathBuf,
}

/// The grants of a directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Those that enough signers have signed, in the order of their ids; whether they are in force is a question of time.
    pub signed: Vec<Arc<Signed>>,
    /// Those that are not good, and why.
    pub refused: Vec<Unsigned>,
}

/// A grant that enough signers have signed.
#[derive(Debug, PartialEq, Eq)]
pub struct Signed {
    /// What they have signed.
    pub grant: Grant,
    /// Who they are.
    pub signers: Vec<Arc<str>>,
}

/// A grant that is not good.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unsigned {
    /// Its file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

impl Grants {
    /// Reads the grants of `directory`. One that is not good keeps no other from being read.
    pub fn read(directory: &Path, signers: &Signers) -> Self {
        let files = match files::read(directory, Wanted::All) {
            Ok(files) => files,
            Err(error) => {
                let why = error.to_string();
                return Self { signed: Vec::new(), refused: vec![Unsigned { file: directory.to_owned(), why }] };
            }
        };
        let by_name: HashMap<&str, &[u8]> = files.iter().map(|file| (&*file.name, &*file.bytes)).collect();
        let mut grants = Self::default();
        let mut documents = files.iter().filter(|file| file.name.ends_with(".json"));
        for File { name, bytes } in documents.by_ref().take(MAX_GRANTS) {
            let file = directory.join(name);
            match verify(Path::new(name), bytes, &by_name, signers) {
                Ok(signed) => grants.signed.push(Arc::new(signed)),
                Err(why) => grants.refused.push(Unsigned { file, why }),
            }
        }
        if documents.next().is_some() {
            let why = format!("there are more than {MAX_GRANTS} grants; take away those that have ended");
            grants.refused.push(Unsigned { file: directory.to_owned(), why });
        }
        grants
    }

    /// The grant by which whoever proves to be this may reach the app now; of several, the one that lasts longest.
    ///
    /// # Errors
    /// There is none, and why, for the record.
    pub fn find(
        &self,
        certificate: &ClientCertificate,
        principal: &Subject,
        app: &str,
        now_ms: i64,
    ) -> Result<&Arc<Signed>, String> {
        let theirs = || self.signed.iter().filter(|signed| signed.grant.is_for(certificate, principal));
        let opening = || theirs().filter(|signed| signed.grant.opens(app));
        let in_force = opening().filter(|signed| signed.grant.holds_at(now_ms));
        if let Some(longest) = in_force.max_by_key(|signed| signed.grant.not_after_ms()) {
            return Ok(longest);
        }
        Err(match (theirs().next(), opening().next()) {
            (None, _) => "no signed grant is for this principal or certificate".to_owned(),
            (Some(signed), None) => format!("grant `{}` is for other apps", signed.grant.id),
            (_, Some(signed)) => {
                let Grant { id, not_before, not_after, .. } = &signed.grant;
                format!("grant `{id}` is in force from {not_before} to {not_after} only")
            }
        })
    }

    /// Those in force.
    pub fn in_force(&self, now_ms: i64) -> impl Iterator<Item = &Arc<Signed>> {
        self.signed.iter().filter(move |signed| signed.grant.holds_at(now_ms))
    }
}

fn verify(name: &Path, bytes: &[u8], by_name: &HashMap<&str, &[u8]>, signers: &Signers) -> Result<Signed, String> {
    let grant = Grant::parse(bytes)?;
    let id = &*grant.id;
    if name.parent() != Some(Path::new("")) || id_of(name) != Some(id) {
        return Err(format!("a grant with the id `{id}` must be in the file `{}` of this directory", file_name(id)));
    }
    let standings = signers.standings(bytes, |signer| by_name.get(&*signature_name(id, signer)).copied());
    let good: Vec<_> = standings.good().cloned().collect();
    if good.len() < THRESHOLD {
        return Err(format!("it needs {THRESHOLD} signatures: {}", standings.in_words("this grant")));
    }
    Ok(Signed { grant, signers: good })
}

#[cfg(test)]
mod tests;
