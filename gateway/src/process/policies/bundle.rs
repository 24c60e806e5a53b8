//! A signed bundle: whether a policy directory is what enough of the named signers have signed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;

use super::files::File;
use super::manifest::{MANIFEST, Manifest, SIGNATURES, sha256};
use crate::config::diagnostic::Diagnostic;
use crate::config::{KeyRef, Signer, Signing};

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
    let keys = keys(signing)?;
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
    let standings: Vec<_> = keys
        .iter()
        .map(|(name, key)| (name, standing(key, manifest_bytes, by_name.get(&*format!("{SIGNATURES}/{name}.sig")))))
        .collect();
    let signed =
        |name: &str| standings.iter().any(|(signer, found)| signer.as_ref() == name && *found == Standing::Good);
    let good = standings.iter().filter(|(_, found)| *found == Standing::Good);
    if !signed(&manifest.author) || good.clone().count() < signing.threshold {
        errors.push(Diagnostic::of_file(&path, too_few(&manifest.author, &standings, signing.threshold)));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let (author, approvers) = good.map(|(name, _)| Arc::clone(name)).partition(|name| **name == *manifest.author);
    let author: Vec<Arc<str>> = author;
    Ok(Bundle {
        sequence: manifest.sequence,
        manifest: sha256(manifest_bytes).into(),
        author: author.into_iter().next().unwrap_or_default(),
        approvers,
    })
}

/// What there is of a signer's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    /// It is over something else, or by another key.
    Bad,
    Absent,
}

fn standing(key: &ParsedPublicKey, manifest: &[u8], signature: Option<&&[u8]>) -> Standing {
    match signature.map(|signature| key.verify_sig(manifest, signature)) {
        Some(Ok(())) => Standing::Good,
        Some(Err(_)) => Standing::Bad,
        None => Standing::Absent,
    }
}

fn too_few(author: &str, standings: &[(&Arc<str>, Standing)], threshold: usize) -> String {
    let words = standings.iter().map(|(name, found)| match found {
        Standing::Good => format!("`{name}` has signed"),
        Standing::Bad => format!("the signature of `{name}` is not one over this bundle by the key of that name"),
        Standing::Absent => format!("`{name}` has not signed"),
    });
    let words: Vec<_> = words.collect();
    format!(
        "the bundle needs {threshold} signatures, that of its author `{author}` among them: {}; approve it with \
         `gaccong policy sign`",
        words.join(", ")
    )
}

/// The keys of the signers. Two signers with one key would be one person with two voices.
fn keys(signing: &Signing) -> Result<Vec<(Arc<str>, ParsedPublicKey)>, Vec<Diagnostic>> {
    let (mut keys, mut errors) = (Vec::<(Arc<str>, ParsedPublicKey)>::new(), Vec::new());
    for Signer { name, key: KeyRef::File(path) } in &signing.signers {
        let fault = |message: String| Diagnostic::of_file(path, message);
        let Some(key) = public_key(path) else {
            errors.push(fault(format!(
                "this is not the public key of `{name}`: Ed25519 in PEM, as `openssl pkey -pubout` writes it"
            )));
            continue;
        };
        match keys.iter().find(|(other, known)| other == name || known.as_ref() == key.as_ref()) {
            Some((other, _)) => errors.push(fault(format!("the signers `{other}` and `{name}` have one name or key"))),
            None => keys.push((Arc::clone(name), key)),
        }
    }
    if errors.is_empty() { Ok(keys) } else { Err(errors) }
}

fn public_key(path: &Path) -> Option<ParsedPublicKey> {
    let der = SubjectPublicKeyInfoDer::from_pem_file(path).ok()?;
    ParsedPublicKey::new(&ED25519, der.as_ref()).ok()
}

#[cfg(test)]
mod tests;
