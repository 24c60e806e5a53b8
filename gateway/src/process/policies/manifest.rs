//! The manifest of a policy bundle: which files it consists of, by whom it was put together, and its place in the order
//! of bundles. Signatures are made over its bytes as they stand in the file.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::files::File;
use crate::config::diagnostic::Diagnostic;

/// The manifest's file in the policy directory.
pub const MANIFEST: &str = "bundle.json";
/// The folder of the signatures, `NAME.sig` each: 64 bytes, as RFC 8032 has them.
pub const SIGNATURES: &str = "signatures";

/// What the manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What kind of document was signed: no signature over anything else can be taken for one over a manifest.
    pub format: Format,
    /// Rises with each bundle: none comes into force after one with a higher number.
    pub sequence: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The signer who made it. All others approve.
    pub author: String,
    /// The files, in the order of their names.
    pub files: Vec<Entry>,
}

/// The version of the manifest's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// The first.
    #[serde(rename = "gaccong-policy-bundle/1")]
    V1,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its path relative to the policy directory.
    pub name: String,
    /// SHA-256 of its content, in lower-case hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// The manifest of `files`.
    pub fn of(files: &[File], sequence: u64, created_at: Timestamp, author: &str) -> Self {
        let entry = |file: &File| Entry { name: file.name.clone(), sha256: sha256(&file.bytes) };
        let files = files.iter().filter(|file| is_content(&file.name)).map(entry).collect();
        Self { format: Format::V1, sequence, created_at, author: author.to_owned(), files }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// It is not of this form, or names a file twice.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Box<Diagnostic>> {
        let fault = |message: String| Box::new(Diagnostic::of_file(path, message));
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| fault(format!("this is not a manifest: {error}")))?;
        match manifest.files.is_sorted_by(|a, b| a.name < b.name) {
            true => Ok(manifest),
            false => Err(fault("the files must stand in the order of their names, each once".to_owned())),
        }
    }

    /// How `files` differ from what the manifest says of them.
    pub fn differences(&self, directory: &Path, files: &[File]) -> Vec<Diagnostic> {
        let mut named: BTreeMap<&str, &str> =
            self.files.iter().map(|entry| (entry.name.as_str(), entry.sha256.as_str())).collect();
        let mut found = Vec::new();
        let mut differs = |name: &str, what: &str| {
            let message = format!("{what}; undo the change, or make a new bundle with `gaccong policy sign --author`");
            found.push(Diagnostic::of_file(directory.join(name), message));
        };
        for file in files.iter().filter(|file| is_content(&file.name)) {
            match named.remove(file.name.as_str()) {
                None => differs(&file.name, "the file is not in the signed bundle"),
                Some(signed) if signed != sha256(&file.bytes) => {
                    differs(&file.name, "the file is not as it was signed");
                }
                Some(_) => {}
            }
        }
        for name in named.into_keys() {
            differs(name, "the file is in the signed bundle, but not in the directory");
        }
        found
    }
}

/// Whether a file is part of what is signed, and neither the manifest nor a signature.
fn is_content(name: &str) -> bool {
    name != MANIFEST && !name.strip_prefix(SIGNATURES).is_some_and(|rest| rest.starts_with('/'))
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> File {
        File { name: name.to_owned(), bytes: text.as_bytes().to_vec() }
    }

    fn manifest(files: &[File]) -> Manifest {
        Manifest::of(files, 1, Timestamp::UNIX_EPOCH, "lan")
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let signed = [file("a.cedar", "a"), file("b.cedar", "b"), file("c.cedar", "c"), file(MANIFEST, "{}")];
        let manifest = manifest(&signed);
        assert_eq!(manifest.files.len(), 3);
        assert!(manifest.differences(Path::new("p"), &signed).is_empty());
        let now = [file("a.cedar", "a"), file("b.cedar", "B"), file("signatures.cedar", "d")];
        let found: Vec<_> = manifest.differences(Path::new("p"), &now).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found[0].starts_with("p/b.cedar: the file is not as it was signed"), "{found:#?}");
        assert!(found[1].starts_with("p/signatures.cedar: the file is not in the signed bundle"), "{found:#?}");
        assert!(found[2].starts_with("p/c.cedar: the file is in the signed bundle, but not in"), "{found:#?}");
    }

    #[test]
    fn a_manifest_that_can_be_read_in_two_ways_is_refused() {
        let good = serde_json::to_value(manifest(&[file("a", "a"), file("b", "b")])).unwrap();
        let parse = |value: &serde_json::Value| Manifest::parse(Path::new("m"), value.to_string().as_bytes());
        assert!(parse(&good).is_ok());
        let mut twice = good.clone();
        twice["files"][1]["name"] = "a".into();
        let mut unsorted = good.clone();
        unsorted["files"].as_array_mut().unwrap().reverse();
        let mut extra = good.clone();
        extra["note"] = "x".into();
        let mut other = good;
        other["format"] = "gaccong-policy-bundle/2".into();
        for bad in [twice, unsorted, extra, other] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }
}
