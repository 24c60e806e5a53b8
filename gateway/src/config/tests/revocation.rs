//! Where the gateway asks what was revoked.

use std::time::Duration;

use super::{Folder, MINIMAL};
use crate::config::OnFailure;

/// `MINIMAL` with a cache, and with these lines in its trust domain in place of `crl`.
fn with(lines: &str) -> String {
    let trust = MINIMAL.replace("crl = [\"staff.crl\"]", lines);
    trust.replace("[[clients.trust]]", "[clients]\ncache = \"policies\"\n\n[[clients.trust]]")
}

#[test]
fn fetched_lists_have_a_place_of_their_own() {
    let folder = Folder::new();
    let lines =
        "crl_fetch = [{ url = \"http://a.example/1.crl\" }, { url = \"http://a.example/2.crl\", every_s = 60 }]";
    let loaded = folder.load(&with(lines)).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let [one, two] = &loaded.config.clients.trust[0].crl_fetch[..] else { panic!("two lists") };
    assert_eq!((one.every, two.every), (Duration::from_secs(3600), Duration::from_secs(60)));
    assert_ne!(one.file, two.file);
    for list in [one, two] {
        assert_eq!(list.file.parent(), Some(&*folder.path().join("policies")));
        assert!(list.file.file_name().unwrap().to_str().unwrap().starts_with("staff-"));
        assert!(loaded.config.watched.contains(&list.file));
    }
}

#[test]
fn a_responder_is_hard_unless_it_is_said_to_be_soft() {
    let folder = Folder::new();
    let ocsp = |lines: &str| {
        let loaded = folder.load(&with(&format!("ocsp = {{ url = \"http://ocsp.example\"{lines} }}"))).unwrap();
        loaded.config.clients.trust[0].ocsp.clone().unwrap()
    };
    assert_eq!(ocsp("").on_failure, OnFailure::Hard);
    let soft = ocsp(", on_failure = \"soft\", responder = \"staff.pem\", wait_ms = 0");
    assert_eq!((soft.on_failure, soft.wait), (OnFailure::Soft, Duration::ZERO));
    assert_eq!(soft.responder, Some(folder.path().join("staff.pem")));
}

#[test]
fn addresses_that_cannot_be_asked_are_faults() {
    for (lines, fault) in [
        ("crl_fetch = [{ url = \"ldap://a.example/\" }]", "neither `https://` nor `http://`"),
        ("crl_fetch = [{ url = \"https://a.example/1.crl\" }]", "only by its CA"),
        ("crl_fetch = [{ url = \"http://a.example/\" }, { url = \"http://a.example/\" }]", "is fetched twice"),
        ("crl_fetch = [{ url = \"http://a.example/\", every_s = 0 }]", "out of range"),
        ("crl_fetch = [{}]", "`url` is missing"),
        ("ocsp = { url = \"https://ocsp.example/\" }", "only by its CA"),
        ("ocsp = { url = \"http://me:secret@ocsp.example/\" }", "user name"),
        ("ocsp = { url = \"http://ocsp.example/\", on_failure = \"open\" }", "unknown `on_failure`"),
    ] {
        let found = Folder::new().fault(&with(lines));
        assert!(found.message.contains(fault), "{lines}: {found}");
    }
    let without_cache = MINIMAL.replace("crl = [\"staff.crl\"]", "crl_fetch = [{ url = \"http://a.example/\" }]");
    assert!(Folder::new().fault(&without_cache).message.contains("no place"));
}
