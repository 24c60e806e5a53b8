//! Which grants are good, and for whom.

use gaccong_policy::PrincipalKind;
use rcgen::{KeyPair, PKCS_ED25519, SigningKey};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::audit::fixtures;
use crate::config::{KeyRef, Signer};

/// 2026-01-01T09:00:00Z, an hour after the grant begins.
const NOW_MS: i64 = 1_767_258_000_000;

/// A directory of grants, and the keys of three signers.
struct Directory {
    dir: TempDir,
    people: Vec<(&'static str, KeyPair)>,
    signers: Signers,
}

impl Directory {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join(".keys");
        std::fs::create_dir(&keys).unwrap();
        let people: Vec<_> =
            ["lan", "minh", "hoa"].map(|name| (name, KeyPair::generate_for(&PKCS_ED25519).unwrap())).into();
        let signer = |(name, key): &(&'static str, KeyPair)| {
            let path = keys.join(name);
            std::fs::write(&path, key.public_key_pem()).unwrap();
            Signer { name: (*name).into(), key: KeyRef::File(path) }
        };
        let signers = Signers::load(&people.iter().map(signer).collect::<Vec<_>>()).unwrap();
        Self { dir, people, signers }
    }

    fn put(&self, file: &str, document: &Value) {
        std::fs::write(self.dir.path().join(file), document.to_string()).unwrap();
    }

    /// `name` signs the grant with the key of `with`.
    fn sign_as(&self, id: &str, name: &str, with: &str) {
        let (_, key) = self.people.iter().find(|(person, _)| *person == with).unwrap();
        let signature = key.sign(&std::fs::read(self.dir.path().join(file_name(id))).unwrap()).unwrap();
        std::fs::write(self.dir.path().join(signature_name(id, name)), signature).unwrap();
    }

    fn signed(&self, file: &str, document: &Value) {
        self.put(file, document);
        let id = document["id"].as_str().unwrap();
        self.sign_as(id, "lan", "lan");
        self.sign_as(id, "minh", "minh");
    }

    fn read(&self) -> Grants {
        Grants::read(self.dir.path(), &self.signers)
    }

    fn why(&self) -> String {
        let grants = self.read();
        assert!(grants.signed.is_empty(), "{grants:?}");
        grants.refused[0].why.clone()
    }
}

fn document(id: &str) -> Value {
    json!({
        "format": "gaccong-break-glass-grant/1",
        "id": id,
        "for": {"user": "alice@example.org"},
        "apps": ["payroll"],
        "reason": "the identity provider is down",
        "not_before": "2026-01-01T08:00:00Z",
        "not_after": "2026-01-01T12:00:00Z",
    })
}

fn find(grants: &Grants, principal: &str, app: &str, now_ms: i64) -> Result<String, String> {
    let principal = Subject { kind: PrincipalKind::User, id: principal.into() };
    let certificate = fixtures::asked().certificate;
    grants.find(&certificate, &principal, app, now_ms).map(|signed| signed.grant.id.to_string())
}

#[test]
fn two_signatures_by_two_signers_make_a_grant() {
    let directory = Directory::new();
    directory.put("fire-1.json", &document("fire-1"));
    assert!(directory.why().contains("it needs 2 signatures: `lan` has not signed, `minh` has not"));
    directory.sign_as("fire-1", "lan", "lan");
    assert!(directory.why().contains("`lan` has signed, `minh` has not signed"));
    directory.sign_as("fire-1", "minh", "lan");
    assert!(directory.why().contains("the signature of `minh` is not one over this grant"), "{}", directory.why());
    directory.sign_as("fire-1", "hoa", "hoa");
    let grants = directory.read();
    assert_eq!(grants.signed[0].signers, ["lan".into(), "hoa".into()]);
    assert_eq!(find(&grants, "alice@example.org", "payroll", NOW_MS), Ok("fire-1".to_owned()));
}

#[test]
fn what_was_changed_after_it_was_signed_is_no_grant() {
    let directory = Directory::new();
    directory.signed("fire-1.json", &document("fire-1"));
    assert_eq!(directory.read().signed.len(), 1);
    let mut more = document("fire-1");
    more["apps"] = json!(["payroll", "records"]);
    directory.put("fire-1.json", &more);
    assert!(directory.why().contains("the signature of `lan` is not one over this grant"));
}

#[test]
fn a_grant_is_good_under_its_own_name_only() {
    let directory = Directory::new();
    directory.signed("fire-1.json", &document("fire-1"));
    std::fs::rename(directory.dir.path().join("fire-1.json"), directory.dir.path().join("fire-2.json")).unwrap();
    assert!(directory.why().contains("must be in the file `fire-1.json`"), "{}", directory.why());
}

#[test]
fn a_bad_grant_keeps_no_other_out() {
    let directory = Directory::new();
    directory.put("bad.json", &json!({"format": 1}));
    directory.signed("fire-1.json", &document("fire-1"));
    let grants = directory.read();
    assert_eq!((grants.signed.len(), grants.refused.len()), (1, 1));
}

#[test]
fn a_grant_opens_its_apps_to_its_holder_in_its_time() {
    let directory = Directory::new();
    directory.signed("fire-1.json", &document("fire-1"));
    let grants = directory.read();
    let why = |principal: &str, app: &str, now_ms: i64| find(&grants, principal, app, now_ms).unwrap_err();
    assert!(why("bob@example.org", "payroll", NOW_MS).contains("no signed grant is for this principal"));
    assert_eq!(why("alice@example.org", "wiki", NOW_MS), "grant `fire-1` is for other apps");
    for now_ms in [NOW_MS - 3_600_001, NOW_MS + 3 * 3_600_000] {
        assert!(why("alice@example.org", "payroll", now_ms).contains("is in force from 2026-01-01T08:00:00Z"));
    }
}

#[test]
fn a_grant_for_a_certificate_is_for_no_other_certificate() {
    let directory = Directory::new();
    let fingerprint = fixtures::asked().certificate.fingerprint.to_string();
    let mut document = document("fire-1");
    document["for"] = json!({"certificate": fingerprint});
    directory.signed("fire-1.json", &document);
    assert!(find(&directory.read(), "anyone", "payroll", NOW_MS).is_ok());
    document["for"] = json!({"certificate": "00".repeat(32)});
    directory.signed("fire-1.json", &document);
    assert!(find(&directory.read(), "anyone", "payroll", NOW_MS).is_err());
}

#[test]
fn of_several_grants_the_one_that_lasts_longest_counts() {
    let directory = Directory::new();
    let mut short = document("a");
    short["not_after"] = "2026-01-01T10:00:00Z".into();
    directory.signed("a.json", &short);
    directory.signed("b.json", &document("b"));
    short["id"] = "c".into();
    directory.signed("c.json", &short);
    assert_eq!(find(&directory.read(), "alice@example.org", "payroll", NOW_MS), Ok("b".to_owned()));
}
