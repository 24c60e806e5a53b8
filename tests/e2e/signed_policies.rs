//! Who may change policy: bundles signed by several people, never older than the one in force.

use std::path::Path;
use std::process::{Command, Output};

use gaccong_tests::gateway::binary;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, Record, Setup, eventually};
use rcgen::{KeyPair, PKCS_ED25519};

const HOST: &str = "echo.example.test";
const NOBODY: &str = "@id(\"nobody\") forbid (principal, action, resource);";

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_its_author_and_an_approver() {
    let (gateway, _echo) = start().await;
    let alice = gateway.alice();
    assert_eq!(alice.get(HOST, "/").await.status, 200);

    let policies = gateway.dir().join("policies");
    std::fs::write(policies.join("nobody.cedar"), NOBODY).unwrap();
    gateway.reload_in_vain().await;
    assert!(gateway.log().contains("nobody.cedar: the file is not in the signed bundle"), "{}", gateway.log());

    sign_well(gateway.dir(), &["--as", "lan", "--author"]);
    gateway.reload_in_vain().await;
    assert!(gateway.log().contains("`minh` has not signed"), "{}", gateway.log());
    assert_eq!(alice.get(HOST, "/").await.status, 200, "the old policies are in force");

    sign_well(gateway.dir(), &["--as", "minh"]);
    gateway.reload().await;
    assert_eq!(alice.get(HOST, "/").await.reason(), Some("policy.forbid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_load_is_recorded_with_its_signers() {
    let (gateway, _echo) = start().await;
    let digest = |record: &Record| record.text("/unmapped/gaccong/policy_digest").unwrap().to_owned();
    let result = |record: &Record| record.text("/unmapped/gaccong/result").unwrap().to_owned();
    let first = gateway.policy_load("the first load", |_| true).await;
    assert_eq!((result(&first).as_str(), first.text("/status")), ("in_force", Some("Success")));
    assert_eq!(first.text("/unmapped/gaccong/bundle/author"), Some("lan"));
    assert_eq!(first.at("/unmapped/gaccong/bundle/approvers"), Some(&serde_json::json!(["minh"])));
    assert_eq!(first.at("/unmapped/gaccong/bundle/sequence"), Some(&serde_json::json!(1)));
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum("gaccong_policy_info", &[("digest", &digest(&first))]), Some(1.0));

    std::fs::write(gateway.dir().join("policies/nobody.cedar"), NOBODY).unwrap();
    gateway.reload_in_vain().await;
    let refused = gateway.policy_load("the refused load", |record| record.text("/status") == Some("Failure")).await;
    assert_eq!((result(&refused).as_str(), digest(&refused)), ("refused", digest(&first)));
    assert!(refused.text("/status_detail").unwrap().contains("nobody.cedar"));

    sign_well(gateway.dir(), &["--as", "lan", "--author"]);
    sign_well(gateway.dir(), &["--as", "hoa"]);
    gateway.reload().await;
    let second = gateway
        .policy_load("the second load", |record| {
            record.text("/entity/version") == Some("2") && result(record) == "in_force"
        })
        .await;
    assert_ne!(digest(&second), digest(&first));
    assert_eq!(second.at("/unmapped/gaccong/bundle/approvers"), Some(&serde_json::json!(["hoa"])));

    gateway.reload().await;
    let good = gateway.policy_loads().iter().filter(|record| result(record) == "in_force").count();
    assert_eq!(good, 2, "a reload that leaves the policies as they are is no load of policies");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_bundle_does_not_come_back_even_after_a_restart() {
    let (mut gateway, _echo) = start().await;
    let old = tempfile::tempdir().unwrap();
    copy(&gateway.dir().join("policies"), old.path());
    std::fs::write(gateway.dir().join("policies/nobody.cedar"), NOBODY).unwrap();
    sign_well(gateway.dir(), &["--as", "lan", "--author"]);
    sign_well(gateway.dir(), &["--as", "minh"]);
    gateway.reload().await;

    std::fs::remove_dir_all(gateway.dir().join("policies")).unwrap();
    copy(old.path(), &gateway.dir().join("policies"));
    gateway.reload_in_vain().await;
    // A reload that the first of these changes has caused may have seen some of the files only.
    let is_refused = || async { gateway.log().contains("an older one is refused").then_some(()) };
    eventually("the refusal of the older bundle", is_refused).await;
    assert_eq!(gateway.alice().get(HOST, "/").await.reason(), Some("policy.forbid"), "the newer is in force");

    gateway.kill9().await;
    for command in ["run", "check"] {
        let (code, text) = gaccong(&[command, "-c", gateway.dir().join("gaccong.toml").to_str().unwrap()]);
        assert_eq!(code, 78, "{command}: {text}");
        assert!(text.contains("number 1, and number 2 was in force"), "{command}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_cannot_be_read_fails_closed() {
    let (gateway, _echo) = start().await;
    let toml = gateway.dir().join("gaccong.toml");
    let (code, text) = gaccong(&["check", "-c", toml.to_str().unwrap()]);
    assert_eq!(code, 0, "{text}");
    std::fs::write(gateway.dir().join("run/policy.state"), "{\"sequence\": ").unwrap();
    let (code, text) = gaccong(&["check", "-c", toml.to_str().unwrap()]);
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("policy.state: this is not the state of the policies"), "{text}");
    gateway.reload_in_vain().await;
    assert_eq!(gateway.alice().get(HOST, "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_must_agree_with_what_is_there_and_not_be_the_author() {
    let (gateway, _echo) = start().await;
    let (code, text) = sign(gateway.dir(), &["--as", "lan"]);
    assert!(code == 1 && text.contains("`lan` is the author of this bundle; someone else must approve it"), "{text}");
    std::fs::write(gateway.dir().join("policies/nobody.cedar"), NOBODY).unwrap();
    let (code, text) = sign(gateway.dir(), &["--as", "minh"]);
    assert!(code == 1 && text.contains("nobody.cedar: the file is not in the signed bundle"), "{text}");
    let (code, text) = sign(gateway.dir(), &["--as", "../minh"]);
    assert_eq!(code, 2, "{text}");
    let (code, text) = sign(gateway.dir(), &["--as", "lan", "--author", "--format", "json"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["sequence"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threshold_that_nobody_can_reach_or_that_one_can_is_refused() {
    let (gateway, _echo) = start().await;
    let file = gateway.dir().join("gaccong.toml");
    let toml = std::fs::read_to_string(&file).unwrap();
    for (threshold, words) in [("4", "asks for 4 signatures, but there are 3 signers"), ("1", "out of range")] {
        let wrong = toml.replace("threshold = 2", &format!("threshold = {threshold}"));
        std::fs::write(gateway.dir().join("wrong.toml"), wrong).unwrap();
        let (code, text) = gaccong(&["check", "-c", gateway.dir().join("wrong.toml").to_str().unwrap()]);
        assert!(code == 78 && text.contains(words), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_in_the_folder_of_an_app_speak_of_it_only() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        let own = "@id(\"own\") forbid (principal, action, resource == App::\"echo\");";
        setup.policies.insert("apps/echo/own.cedar", own.to_owned());
    })
    .await;
    assert_eq!(gateway.alice().get(HOST, "/").await.reason(), Some("policy.forbid"));
    gateway.replace("policies/apps/echo/own.cedar", NOBODY);
    gateway.reload_in_vain().await;
    assert!(gateway.log().contains("own.cedar:1:1: the policy `nobody` is in the folder of the app `echo`"));
    assert_eq!(gateway.alice().get(HOST, "/").await.reason(), Some("policy.forbid"));
}

/// A gateway whose policies are a bundle by `lan`, approved by `minh`; `hoa` may sign too.
async fn start() -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        signed(setup);
    })
    .await;
    (gateway, echo)
}

fn signed(setup: &mut Setup) {
    let signers = ["lan", "minh", "hoa"].map(|name| {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        setup.write(&format!("{name}.key"), &key.serialize_pem());
        setup.write(&format!("{name}.pub"), &key.public_key_pem());
        format!("{{ name = \"{name}\", key = \"file:{name}.pub\" }}")
    });
    setup.set("policy", "threshold = 2");
    setup.set("policy", &format!("signers = [{}]", signers.join(", ")));
    std::fs::create_dir(setup.dir().join("policies")).unwrap();
    for (name, text) in &setup.policies {
        std::fs::write(setup.dir().join("policies").join(name), text).unwrap();
    }
    sign_well(setup.dir(), &["--as", "lan", "--author"]);
    sign_well(setup.dir(), &["--as", "minh"]);
}

fn sign_well(dir: &Path, arguments: &[&str]) {
    let (code, text) = sign(dir, arguments);
    assert_eq!(code, 0, "{text}");
}

/// `gaccong policy sign` with the key of the name after `--as`.
fn sign(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let key = dir.join(format!("{}.key", arguments[1].trim_start_matches("../")));
    let policies = dir.join("policies");
    gaccong(&[&["policy", "sign", policies.to_str().unwrap(), "--key", key.to_str().unwrap()], arguments].concat())
}

fn gaccong(arguments: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = Command::new(binary()).args(arguments).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
