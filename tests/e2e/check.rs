//! The commands that an operator runs by hand.

use std::path::PathBuf;

use gaccong_tests::gateway::command;
use gaccong_tests::{Gateway, within_patience};
use tempfile::TempDir;

/// What is right, what stands there instead, and what the diagnostic must speak of.
const FAULTS: [(&str, &str, &str); 5] = [
    ("address = \"127.0.0.1:0\"", "address = \"localhost\"", "`localhost`"),
    ("threads = 2", "threds = 2", "did you mean `threads`"),
    ("person = \"email\"", "person = \"mail\"", "`mail`"),
    ("key = \"file:server.key\"", "key = \"file:missing.key\"", "missing.key"),
    ("http://127.0.0.1:9", "htp://127.0.0.1:9", "unknown upstream scheme `htp`"),
];

/// A complete configuration with all the faults, each once; the folder lives as long as the gateway.
async fn with_faults() -> (Gateway, PathBuf) {
    let gateway = Gateway::start(|setup| {
        setup.app("echo", "http://127.0.0.1:9");
    })
    .await;
    let file = gateway.dir().join("gaccong.toml");
    let mut toml = std::fs::read_to_string(&file).unwrap();
    for (right, wrong, _) in FAULTS {
        assert!(toml.contains(right), "{right} in {toml}");
        toml = toml.replacen(right, wrong, 1);
    }
    let faulty = gateway.dir().join("faulty.toml");
    std::fs::write(&faulty, toml).unwrap();
    (gateway, faulty)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_faults_are_five_diagnostics() {
    let (_gateway, file) = with_faults().await;
    let toml = std::fs::read_to_string(&file).unwrap();
    let (code, text) = run(&["check", "-c", file.to_str().unwrap()]).await;
    assert_eq!(code, 78, "{text}");
    for (_, wrong, words) in FAULTS {
        let line = toml.lines().position(|line| line.contains(wrong)).unwrap() + 1;
        let place = format!("faulty.toml:{line}:");
        let found = text.lines().any(|diagnostic| diagnostic.contains(&place) && diagnostic.contains(words));
        assert!(found, "no diagnostic at {place} with {words} in:\n{text}");
    }
    let placed =
        |line: &str| line.split_once("faulty.toml:").is_some_and(|(_, place)| place.starts_with(char::is_numeric));
    let diagnostics = text.lines().filter(|line| placed(line) && !line.contains("warning"));
    assert_eq!(diagnostics.count(), FAULTS.len(), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_policies_are_reported_with_those_of_the_configuration() {
    let (gateway, file) = with_faults().await;
    std::fs::write(gateway.dir().join("policies/broken.cedar"), "permit (principal, action, resource)\n").unwrap();
    let (code, text) = run(&["check", "-c", file.to_str().unwrap()]).await;
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("broken.cedar:") && text.contains("`mail`"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn diagnostics_are_available_as_json() {
    let (_gateway, file) = with_faults().await;
    let output = command().args(["check", "--format", "json", "-c"]).arg(&file).output().await.unwrap();
    assert_eq!(output.status.code(), Some(78));
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_configuration_does_not_run() {
    let (gateway, file) = with_faults().await;
    let (code, text) = run(&["run", "-c", file.to_str().unwrap()]).await;
    assert_eq!(code, 78, "{text}");
    let (code, text) = run(&["run", "-c", gateway.dir().join("absent.toml").to_str().unwrap()]).await;
    assert!([3, 78].contains(&code), "{code}: {text}");
    assert!(text.contains("absent.toml"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_configuration_passes_with_warnings() {
    let gateway = Gateway::start(|setup| {
        setup.app("echo", "http://127.0.0.1:9");
        let unknown = "@id(\"typo\") permit (principal, action, resource == App::\"ecko\");";
        setup.policies.insert("typo.cedar", unknown.to_owned());
        let guarded = "@id(\"guarded\") forbid (principal, action, resource == App::\"echo\")
            when { context has device && context.device has compliant && !context.device.compliant };";
        setup.policies.insert("guarded.cedar", guarded.to_owned());
    })
    .await;
    let file = gateway.dir().join("gaccong.toml");
    let (code, text) = run(&["check", "-c", file.to_str().unwrap()]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("ecko"), "a policy of an unknown app is warned of: {text}");
    assert!(text.contains("guarded"), "a forbid guarded by `has` is warned of: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_about_to_expire_are_warned_of() {
    let gateway = Gateway::start(|setup| {
        setup.app("echo", "http://127.0.0.1:9");
        let mut params = gaccong_tests::pki::server(&["*.example.test"]);
        params.not_after = (std::time::SystemTime::now() + gaccong_tests::pki::HOUR).into();
        let certified = setup.pki.servers.issue(params);
        setup.write("server.pem", &certified.pem);
        setup.write("server.key", &certified.key_pem);
    })
    .await;
    let file = gateway.dir().join("gaccong.toml");
    let (code, text) = run(&["check", "-c", file.to_str().unwrap()]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("server.pem") && text.contains("expire"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_says_so() {
    for arguments in [&["no-such-command"][..], &[], &["check", "--no-such-flag"]] {
        let (code, text) = run(arguments).await;
        assert_eq!(code, 2, "{arguments:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_walks_its_own_tour() {
    let dir = TempDir::new().unwrap();
    let demo = dir.path().join("demo");
    let arguments = ["demo", "--once", "--port", "0", "--management-port", "0", "--dir"];
    let output = command().args(arguments).arg(&demo).output();
    let output = within_patience("the demo", output).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for reason in ["policy.", "certificate.revoked", "certificate.expired", "principal.absent"] {
        assert!(text.contains(reason), "{reason} in {text}");
    }
    assert!(demo.join("gaccong.toml").is_file());
}

/// Exit code, and what was printed on either stream.
async fn run(arguments: &[&str]) -> (i32, String) {
    let output = within_patience("a command", command().args(arguments).output()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}
