//! What policy says of its refusals: to the person who is refused, and to whoever looks after the policies.

use std::path::Path;
use std::process::Stdio;

use gaccong_tests::client::{empty, request};
use gaccong_tests::gateway::command;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Answer, Gateway, within_patience};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

const HOST: &str = "payroll.example.test";

const POLICY: &str = r#"
@id("healthy-laptops")
forbid (principal is User, action, resource == App::"payroll")
unless {
    context has device && context.device has disk_encrypted && context.device.disk_encrypted &&
    context.device has patch_age_days && context.device.patch_age_days <= 30
};
"#;

async fn gateway(groups: Value) -> Gateway {
    let echo = Echo::h1().await;
    Gateway::start(|setup| {
        setup.app("payroll", echo.url());
        setup.policies.insert("payroll.cedar", POLICY.to_owned());
        setup.groups = json!({ "groups": groups });
    })
    .await
}

/// The answer to Bob, whose disk is not encrypted and whose last patch is 90 days old.
async fn refused(gateway: &Gateway, accept: &str, language: &str) -> Answer {
    let request = request("GET", HOST, "/a").header("accept", accept).header("accept-language", language);
    let bob = gateway.client(&gateway.pki().bob());
    let answer = bob.send(HOST, request.body(empty()).unwrap()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.reason()), (403, Some("policy.forbid")));
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_is_told_what_to_mend() {
    let gateway = gateway(json!({ "staff": ["bob@example.org"] })).await;
    for (language, words) in [
        ("en", ["Turn on the encryption of your disk", "last update: 90; allowed: 30"]),
        ("vi", ["Bật mã hóa ổ đĩa", "gần nhất: 90; cho phép: 30"]),
    ] {
        let page = refused(&gateway, "text/html", language).await.text();
        let problem = refused(&gateway, "application/json", language).await.json();
        for (at, words) in words.into_iter().enumerate() {
            assert!(page.contains(words), "{words} in {page}");
            assert!(problem["remedies"][at]["text"].as_str().unwrap().contains(words), "{words} in {problem}");
        }
        assert_eq!(problem["remedies"][0]["fact"], "disk_encrypted");
        assert!(!page.contains("healthy-laptops") && !page.contains("context."), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_would_not_be_let_in_anyway_is_told_nothing() {
    let gateway = gateway(json!({ "staff": ["alice@example.org"] })).await;
    let problem = refused(&gateway, "application/json", "en").await.json();
    assert!(problem.get("remedies").is_none(), "{problem}");
    assert!(!refused(&gateway, "text/html", "vi").await.text().contains("<ul"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_refusal_is_explained() {
    let gateway = gateway(json!({ "staff": ["bob@example.org"] })).await;
    let answer = refused(&gateway, "application/json", "en").await;
    let record = gateway.final_record(answer.id()).await;
    let (code, text) = explain(gateway.dir(), &["--request", answer.id()]).await;
    assert_eq!(code, 1, "{text}");
    for part in [
        "by forbid `healthy-laptops` (payroll.cedar:2:1)",
        "`context.device.disk_encrypted` is false, must be true",
        "`context.device.patch_age_days` is 90, must be ≤ 30",
        "permit `staff`",
        "Turn on the encryption of your disk",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // The same from the question itself, in a file and on standard input.
    let question = record.question().unwrap().to_string();
    let file = gateway.dir().join("question.json");
    std::fs::write(&file, &question).unwrap();
    assert_eq!(explain(gateway.dir(), &["--question", file.to_str().unwrap()]).await, (code, text.clone()));
    assert_eq!(explain_stdin(gateway.dir(), &question).await, (code, text));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_put_by_hand_is_explained() {
    let gateway = gateway(json!({ "staff": ["alice@example.org"] })).await;
    let healthy = ["--device-fact", "disk_encrypted=true", "--device-fact", "patch_age_days=12"];
    let alice = ["--principal", "alice@example.org", "--app", "payroll", "--method", "POST"];
    let (code, text) = explain(gateway.dir(), &[&alice[..], &healthy].concat()).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("permitted") && text.contains("by permit `staff`"), "{text}");

    let carol = ["--principal", "carol@example.org", "--app", "payroll", "--format", "json"];
    let (code, text) = explain(gateway.dir(), &[&carol[..], &healthy].concat()).await;
    let explanation: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!((code, &explanation["refused"], &explanation["permitted"]), (1, &json!("no_permit"), &json!(false)));
    let change = &explanation["permits"][0]["conditions"][0]["change"]["fact"];
    assert_eq!((&change["subject"], &change["must"]), (&json!("principal"), &json!("in")), "{text}");
    assert_eq!(explanation["remedies"], json!([]));

    let (code, text) = explain(gateway.dir(), &[&carol[..4], &["--group", "staff"], &healthy].concat()).await;
    assert_eq!(code, 0, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_question_is_said_to_be_none() {
    let gateway = gateway(json!({ "staff": [] })).await;
    let unknown = ["--principal", "a", "--app", "payroll", "--device-fact", "disk_encryptd=true"];
    let absent = ["--request", "01890000-0000-7000-8000-000000000000"];
    for (arguments, expected, words) in [
        (&[][..], 2, "--principal"),
        (&["--principal", "a"], 2, "--app"),
        (&["--principal", "a", "--app", "payroll", "--device-fact", "x"], 2, "name=value"),
        (&unknown, 2, "disk_encryptd"),
        (&["--principal", "a", "--app", "payrol"], 2, "payrol"),
        (&["--question", "absent.json"], 3, "absent.json"),
        (&absent, 3, "01890000"),
    ] {
        let (code, text) = explain(gateway.dir(), arguments).await;
        assert_eq!(code, expected, "{arguments:?}: {text}");
        assert!(text.contains(words), "{words} in {text}");
    }
    let (code, text) = explain_stdin(gateway.dir(), "{\"principal\":").await;
    assert_eq!(code, 2, "{text}");
}

/// Exit code, and what was printed on either stream.
async fn explain(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = command();
    command.args(["policy", "explain"]).args(arguments).current_dir(dir);
    let output = within_patience("a command", command.output()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

async fn explain_stdin(dir: &Path, question: &str) -> (i32, String) {
    let mut command = command();
    command.args(["policy", "explain", "--question", "-"]).current_dir(dir);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(question.as_bytes()).await.unwrap();
    let output = within_patience("a command", child.wait_with_output()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}
