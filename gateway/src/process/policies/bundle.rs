//! A signed bundle: whether a policy directory is what enough of the named signers have signed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::files::File;
use super::manifest::{MANIFEST, Manifest, SIGNATURES, sha256};
use crate::config::Signing;
use crate::config::diagnostic::Diagnostic;
use crate::signers::{Signers, Standings};

/// A bundle whose files and signatures were found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Its place in the order of bundles.
    pub sequence: u64,
    /// SHA-256 of the manifest, lower-case hexadecimal.
    pub manifest: Arc<str>,
    /// Who made it, and signed.
    pub author: Arc<str>,
    /// Who else signed, in the order of the configuration.
    pub approvers: Vec<Arc<str>>,
}

/// Makes sure that `files`, which are all of `directory`, are a bundle as `signing` demands.
///
/// # Errors
/// Everything that is wrong with it.
pub fn verify(directory: &Path, files: &[File], signing: &Signing) -> Result<Bundle, Vec<Diagnostic>> {
    let signers = Signers::load(&signing.signers)?;
    let by_name: HashMap<&str, &[u8]> = files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice())).collect();
    let Some(manifest_bytes) = by_name.get(MANIFEST) else {
        let message = format!(
            "the policies must be signed, and there is no `{MANIFEST}`; make it with `gaccong policy sign --author`"
        );
        return Err(vec![Diagnostic::of_file(directory, message)]);
    };
    let path = directory.join(MANIFEST);
    let manifest = Manifest::parse(&path, manifest_bytes).map_err(|error| vec![*error])?;

    let mut errors = manifest.differences(directory, files);
    let standings =
        signers.standings(manifest_bytes, |signer| by_name.get(&*format!("{SIGNATURES}/{signer}.sig")).copied());
    let author_signed = standings.good().any(|signer| **signer == *manifest.author);
    if !author_signed || standings.good().count() < signing.threshold {
        errors.push(Diagnostic::of_file(&path, too_few(&manifest.author, &standings, signing.threshold)));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let (author, approvers) = standings.good().cloned().partition(|name| **name == *manifest.author);
    let author: Vec<Arc<str>> = author;
    Ok(Bundle {
        sequence: manifest.sequence,
        manifest: sha256(manifest_bytes).into(),
        author: author.into_iter().next().unwrap_or_default(),
        approvers,
    })
}

fn too_few(author: &str, standings: &Standings<'_>, threshold: usize) -> String {
    format!(
        "the bundle needs {threshold} signatures, that of its author `{author}` among them: {}; approve it with \
         `gaccong policy sign`",
        standings.in_words("this bundle")
    )
}

#[cfg(test)]
mod tests;
