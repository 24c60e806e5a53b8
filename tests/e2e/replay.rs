//! `gaccong policy replay` asks other policies what real requests asked, and shows which would flip.

use std::path::PathBuf;

use gaccong_tests::gateway::command;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, within_patience};
use serde_json::{Value, json};

const HOST: &str = "echo.example.test";
const PERMIT: &str = "@id(\"staff\") permit (principal in Group::\"staff\", action, resource);";
const COMPLIANT_ONLY: &str = "@id(\"compliant-only\") forbid (principal is User, action, resource)
    unless { context has device && context.device has compliant && context.device.compliant };";

/// A gateway that let Alice through twice, with `/` and `/secret`, and refused Bob once; with their ids in this order.
async fn with_records() -> (Gateway, Vec<String>) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.policies.insert("permits.cedar", format!("{PERMIT}\n{COMPLIANT_ONLY}"));
    })
    .await;
    let (alice, bob) = (gateway.alice(), gateway.client(&gateway.pki().bob()));
    let mut ids = Vec::new();
    for (client, path, status) in [(&alice, "/", 200), (&alice, "/secret", 200), (&bob, "/", 403)] {
        let answer = client.get(HOST, path).await;
        assert_eq!(answer.status.as_u16(), status);
        gateway.final_record(answer.id()).await;
        ids.push(answer.id().to_owned());
    }
    (gateway, ids)
}

/// Exit code and standard output of a replay with policies of this text.
async fn replay(gateway: &Gateway, policies: &str, options: &[&str]) -> (i32, String) {
    let directory = written(gateway, policies);
    let config = gateway.dir().join("gaccong.toml");
    let mut replay = command();
    replay.args(["policy", "replay", "-c"]).arg(config).arg("--policy").arg(directory).args(options);
    let output = within_patience("a replay", replay.output()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!output.stderr.contains(&b'\r'), "no progress bar where there is no terminal");
    (output.status.code().unwrap(), text)
}

fn written(gateway: &Gateway, policies: &str) -> PathBuf {
    let directory = gateway.dir().join("new-policies");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("new.cedar"), policies).unwrap();
    directory
}

async fn report(gateway: &Gateway, policies: &str, options: &[&str]) -> Value {
    let (code, text) = replay(gateway, policies, &[options, &["--format", "json"]].concat()).await;
    assert_eq!(code, 0, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn stricter_and_looser_policies_flip_what_they_say() {
    let (gateway, ids) = with_records().await;

    let same = report(&gateway, &format!("{PERMIT}\n{COMPLIANT_ONLY}"), &[]).await;
    assert_eq!(same["same"], json!({"permit": 2, "observe": 0, "refuse": 1}));

    let stricter = format!(
        "{PERMIT}\n{COMPLIANT_ONLY}\n@id(\"no-secrets\") forbid (principal, action, resource)
         when {{ context.request.path like \"/secret*\" }};"
    );
    let stricter = report(&gateway, &stricter, &[]).await;
    assert_eq!(stricter["changes"]["refused"], json!({"count": 1, "examples": [ids[1]]}));
    assert_eq!(stricter["changes"]["permitted"]["count"], 0);
    assert_eq!(stricter["persons"]["top"][0]["name"], "alice@example.org");
    assert_eq!(stricter["apps"]["top"][0]["name"], "echo");
    assert_eq!(stricter["reasons"]["top"][0]["name"], "policy.forbid: no-secrets");

    let looser = report(&gateway, PERMIT, &[]).await;
    assert_eq!(looser["changes"]["permitted"], json!({"count": 1, "examples": [ids[2]]}));
    assert_eq!(looser["changes"]["refused"]["count"], 0);
    assert_eq!(looser["persons"]["top"][0]["name"], "bob@example.org");
    assert_eq!(looser["reasons"]["top"][0]["name"], "policy.forbid: compliant-only");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_can_be_read_by_people_and_posted() {
    let (gateway, ids) = with_records().await;
    let (code, text) = replay(&gateway, PERMIT, &[]).await;
    assert_eq!(code, 0, "{text}");
    for word in
        ["1  were refused and WOULD BE LET THROUGH", "bob@example.org", "policy.forbid: compliant-only", &ids[2]]
    {
        assert!(text.contains(word), "{word} in {text}");
    }
    let (_, markdown) = replay(&gateway, PERMIT, &["--format", "markdown"]).await;
    for word in ["### Replay: 0 would be refused, 1 would be let through", "| `bob@example.org` | 0 | 1 | 0 | 0 |"] {
        assert!(markdown.contains(word), "{word} in {markdown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_can_be_chosen() {
    let (gateway, _) = with_records().await;
    let recent = report(&gateway, PERMIT, &["--since", "1h"]).await;
    assert_eq!((&recent["compared"], &recent["out_of_period"]), (&json!(3), &json!(0)));
    let earlier = report(&gateway, PERMIT, &["--until", "1h"]).await;
    assert_eq!((&earlier["compared"], &earlier["out_of_period"]), (&json!(0), &json!(3)));
    let (code, _) = replay(&gateway, PERMIT, &["--since", "yesterday"]).await;
    assert_eq!(code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_again_is_counted_with_its_cause() {
    let (gateway, ids) = with_records().await;
    let refused_before = gateway.alice().get(HOST, "/a//b").await;
    gateway.final_record(refused_before.id()).await;
    let line = gateway.final_record(&ids[0]).await.0.to_string();
    let newer =
        line.replace("\"phase\":\"final\"", "\"phase\":\"final\",\"more\":1").replace("\"version\":1", "\"version\":9");
    let gone = line.replace("\"app\":\"echo\"", "\"app\":\"closed\"");
    let cut = line.replace("\"question_complete\":true", "\"question_complete\":false");
    let opening = line.replace("\"phase\":\"final\"", "\"phase\":\"opening\"");
    let torn = &line[..line.len() / 2];
    let segment = [&newer, &gone, &cut, &opening, "no record", torn].join("\n");
    std::fs::write(gateway.audit_dir().join("gaccong-20260101T000000Z-1-0001.jsonl"), segment).unwrap();

    let report = report(&gateway, PERMIT, &[]).await;
    let skipped = &report["skipped"];
    assert_eq!(report["compared"], 3, "{report}");
    for cause in
        ["openings", "refused_before_policy", "question_cut", "app_gone", "other_version", "malformed", "torn_segments"]
    {
        assert_eq!(skipped[cause], 1, "{cause} in {report}");
    }
    assert_eq!((&skipped["versions"], &skipped["apps_gone"]), (&json!([9]), &json!(["closed"])));
    assert!(skipped["first_malformed"].as_str().unwrap().contains("-1-0001.jsonl:5:"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_cannot_be_done_says_why() {
    let (gateway, _) = with_records().await;
    let (code, _) = replay(&gateway, "permit (principal, action, resource)", &[]).await;
    assert_eq!(code, 78);
    let nowhere = gateway.dir().join("nowhere");
    let (code, _) = replay(&gateway, PERMIT, &["--records", nowhere.to_str().unwrap()]).await;
    assert_eq!(code, 3);
}
