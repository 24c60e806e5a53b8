//! Who must have signed what, for a directory to be a bundle.

use std::fs;

use jiff::Timestamp;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SigningKey};
use tempfile::TempDir;

use super::*;
use crate::config::{KeyRef, Signer};

/// A signed directory in memory, and the keys of its signers on disk.
struct Signed {
    keys: TempDir,
    people: Vec<(&'static str, KeyPair)>,
    files: Vec<File>,
}

impl Signed {
    /// By `lan`, whose bundle `minh` and `hoa` may approve; nobody has signed yet.
    fn new() -> Self {
        let keys = tempfile::tempdir().unwrap();
        let people: Vec<_> = ["lan", "minh", "hoa"]
            .into_iter()
            .map(|name| (name, KeyPair::generate_for(&PKCS_ED25519).unwrap()))
            .collect();
        for (name, key) in &people {
            fs::write(keys.path().join(name), key.public_key_pem()).unwrap();
        }
        let mut signed = Self { keys, people, files: vec![file("a.cedar", b"permit")] };
        signed.bundle("lan");
        signed
    }

    fn bundle(&mut self, author: &str) {
        let manifest = Manifest::of(&self.files, 7, Timestamp::UNIX_EPOCH, author);
        self.put(MANIFEST, &serde_json::to_vec(&manifest).unwrap());
    }

    fn put(&mut self, name: &str, bytes: &[u8]) {
        self.files.retain(|file| file.name != name);
        self.files.push(file(name, bytes));
    }

    fn get(&self, name: &str) -> &[u8] {
        &self.files.iter().find(|file| file.name == name).unwrap().bytes
    }

    /// `name` signs with the key of `with`.
    fn sign_as(&mut self, name: &str, with: &str) {
        let (_, key) = self.people.iter().find(|(person, _)| *person == with).unwrap();
        let signature = key.sign(self.get(MANIFEST)).unwrap();
        self.put(&format!("{SIGNATURES}/{name}.sig"), &signature);
    }

    fn sign(&mut self, name: &str) {
        self.sign_as(name, name);
    }

    fn signing(&self, names: &[&str], threshold: usize) -> Signing {
        let signer = |name: &&str| Signer { name: (*name).into(), key: KeyRef::File(self.keys.path().join(name)) };
        Signing { threshold, signers: names.iter().map(signer).collect(), state: "unused".into() }
    }

    fn verify(&self, threshold: usize) -> Result<Bundle, String> {
        self.verify_by(&self.signing(&["lan", "minh", "hoa"], threshold))
    }

    fn verify_by(&self, signing: &Signing) -> Result<Bundle, String> {
        let words = |errors: Vec<Diagnostic>| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        verify(Path::new("policies"), &self.files, signing).map_err(words)
    }
}

fn file(name: &str, bytes: &[u8]) -> File {
    File { name: name.to_owned(), bytes: bytes.to_vec() }
}

#[test]
fn author_and_approver_make_a_bundle() {
    let mut signed = Signed::new();
    signed.sign("lan");
    signed.sign("hoa");
    let bundle = signed.verify(2).unwrap();
    assert_eq!((bundle.sequence, &*bundle.author), (7, "lan"));
    assert_eq!(bundle.approvers, ["hoa".into()]);
    assert_eq!(&*bundle.manifest, sha256(signed.get(MANIFEST)));
    assert!(signed.verify(3).unwrap_err().contains("`minh` has not signed"));
    signed.sign("minh");
    assert_eq!(signed.verify(3).unwrap().approvers, ["minh".into(), "hoa".into()]);
}

#[test]
fn the_author_alone_is_not_enough_and_neither_are_approvers() {
    let mut signed = Signed::new();
    assert!(signed.verify(2).is_err());
    signed.sign("lan");
    assert!(signed.verify(2).unwrap_err().contains("`minh` has not signed, `hoa` has not signed"));
    let mut signed = Signed::new();
    signed.sign("minh");
    signed.sign("hoa");
    assert!(signed.verify(2).unwrap_err().contains("that of its author `lan` among them: `lan` has not signed"));
}

#[test]
fn an_author_who_is_no_signer_is_refused() {
    let mut signed = Signed::new();
    signed.bundle("eve");
    for name in ["lan", "minh", "hoa"] {
        signed.sign(name);
    }
    assert!(signed.verify(2).unwrap_err().contains("its author `eve`"));
}

#[test]
fn a_signature_counts_for_its_own_key_and_bundle_only() {
    let mut signed = Signed::new();
    signed.sign("lan");
    signed.sign_as("minh", "lan");
    assert!(signed.verify(2).unwrap_err().contains("the signature of `minh` is not one over this bundle"));
    signed.sign("minh");
    assert!(signed.verify(2).is_ok());
    signed.put("b.cedar", b"forbid");
    signed.bundle("lan");
    assert!(signed.verify(2).unwrap_err().contains("the signature of `lan` is not one over this bundle"), "stale");
    for junk in [&b""[..], b"x", &[0; 64], &[0xff; 64], &[0; 100_000]] {
        signed.put("signatures/lan.sig", junk);
        assert!(signed.verify(2).is_err());
    }
}

#[test]
fn signatures_of_others_do_not_count() {
    let mut signed = Signed::new();
    signed.sign("lan");
    signed.sign("hoa");
    let without_hoa = signed.signing(&["lan", "minh"], 2);
    assert!(signed.verify_by(&without_hoa).is_err());
}

#[test]
fn every_file_must_be_as_it_was_signed() {
    let mut signed = Signed::new();
    signed.sign("lan");
    signed.sign("minh");
    for (name, bytes) in [("a.cedar", &b"Permit"[..]), ("b.cedar", b""), ("notes.txt", b""), ("signatures.cedar", b"")]
    {
        let mut changed =
            Signed { keys: tempfile::tempdir().unwrap(), people: Vec::new(), files: signed.files.clone() };
        std::mem::swap(&mut changed.keys, &mut signed.keys);
        changed.put(name, bytes);
        assert!(changed.verify(2).unwrap_err().contains(&format!("policies/{name}: ")), "{name}");
        std::mem::swap(&mut changed.keys, &mut signed.keys);
    }
    signed.files.retain(|file| file.name != "a.cedar");
    assert!(signed.verify(2).unwrap_err().contains("policies/a.cedar: the file is in the signed bundle, but not"));
}

#[test]
fn without_a_manifest_nothing_is_signed() {
    let mut signed = Signed::new();
    signed.sign("lan");
    signed.sign("minh");
    signed.files.retain(|file| file.name != MANIFEST);
    assert!(signed.verify(2).unwrap_err().contains("there is no `bundle.json`"));
    signed.put(MANIFEST, b"{}");
    assert!(signed.verify(2).unwrap_err().contains("this is not a manifest"));
}

#[test]
fn keys_must_be_ed25519_and_each_another() {
    let mut signed = Signed::new();
    signed.sign("lan");
    signed.sign("minh");
    let write = |name: &str, pem: &str| fs::write(signed.keys.path().join(name), pem).unwrap();
    write("hoa", &signed.people[0].1.public_key_pem());
    assert!(signed.verify(2).unwrap_err().contains("the signers `lan` and `hoa` have one name or key"));
    assert!(signed.verify_by(&signed.signing(&["lan", "minh", "lan"], 2)).unwrap_err().contains("one name or key"));
    for pem in ["", "junk", &KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().public_key_pem()] {
        write("hoa", pem);
        assert!(signed.verify(2).unwrap_err().contains("this is not the public key of `hoa`"), "{pem}");
    }
}
