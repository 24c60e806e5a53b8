//! `gaccong why` tells the helpdesk what became of a request, and who it was only where that is asked for.

use gaccong_tests::client::empty;
use gaccong_tests::gateway::command;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, within_patience};
use serde_json::Value;

const HOST: &str = "echo.example.test";
const POLICIES: &str = "@id(\"staff\") permit (principal in Group::\"staff\", action, resource);
    @id(\"compliant-only\") @reason(\"Your laptop does not meet the rules.\") @advice(\"Ask for it to be enrolled again.\")
    @reason_vi(\"Máy của bạn chưa đạt quy định.\") @advice_vi(\"Hãy đề nghị đăng ký lại máy.\")
    forbid (principal is User, action, resource)
    unless { context has device && context.device has compliant && context.device.compliant };";
/// What nobody sees who did not ask for it: of Bob's request.
const PERSONAL: [&str; 5] = ["bob", "laptop-8", "127.0.0.1", "/payslips", "GET"];

async fn start() -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app_with("echo", &[echo.url()], "owner = \"finance-it@example.org\"");
        setup.policies.insert("permits.cedar", POLICIES.to_owned());
    })
    .await;
    (gateway, echo)
}

/// The id of a request of Bob's that was refused.
async fn refused(gateway: &Gateway) -> String {
    let answer = gateway.client(&gateway.pki().bob()).get(HOST, "/payslips").await;
    assert_eq!(answer.reason(), Some("policy.forbid"));
    gateway.final_record(answer.id()).await;
    answer.id().to_owned()
}

/// Exit code, and what was printed on either stream.
async fn why(gateway: &Gateway, id: &str, options: &[&str]) -> (i32, String) {
    let mut why = command();
    why.env("LC_ALL", "C.UTF-8").args(["why", id, "-c"]).arg(gateway.dir().join("gaccong.toml")).args(options);
    let output = within_patience("an answer", why.output()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_explained_in_the_words_of_the_policy() {
    let (gateway, _echo) = start().await;
    let id = refused(&gateway).await;
    let (code, text) = why(&gateway, &id, &[]).await;
    assert_eq!(code, 0, "{text}");
    for words in [
        "refused",
        "echo (echo.example.test)",
        "Your laptop does not meet the rules.",
        "Ask for it to be enrolled again.",
        "finance-it@example.org",
        "policy.forbid",
        "compliant-only",
        "compliant, says the device manager: no",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(!text.contains("context.device"), "no policy text: {text}");
    let (_, text) = why(&gateway, &id, &["--policy"]).await;
    assert!(text.contains("compliant-only: ") && text.contains("context.device.compliant"), "{text}");
    let (_, text) = why(&gateway, &id, &["--lang", "vi"]).await;
    for words in ["bị từ chối", "Máy của bạn chưa đạt quy định.", "Hãy đề nghị đăng ký lại máy.", "hỏi ai"]
    {
        assert!(text.contains(words), "{words} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_is_hidden_unless_asked_for() {
    let (gateway, _echo) = start().await;
    let id = refused(&gateway).await;
    for format in ["text", "json"] {
        let (_, hidden) = why(&gateway, &id, &["--format", format]).await;
        let (_, shown) = why(&gateway, &id, &["--format", format, "--show-personal"]).await;
        for personal in PERSONAL {
            assert!(!hidden.contains(personal), "{personal} in {hidden}");
            assert!(shown.contains(personal), "{personal} in {shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_records_alone_are_enough_for_an_answer() {
    let (gateway, _echo) = start().await;
    let id = refused(&gateway).await;
    let mut why = command();
    why.current_dir(gateway.audit_dir()).env("LANG", "vi_VN.UTF-8").env_remove("LC_ALL").env_remove("LC_MESSAGES");
    why.args(["why", &id, "--format", "json", "--records", "."]);
    let output = within_patience("an answer", why.output()).await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    let account: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&account["result"], &account["refusal"]["reason"]), (&"refused".into(), &"policy.forbid".into()));
    assert_eq!(account["policies"][0], "compliant-only");
    assert!(account["refusal"]["why"].as_str().unwrap().contains("quy tắc an ninh"), "in Vietnamese: {account}");
    assert!(account.get("owner").is_none(), "nothing says who owns the app: {account}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_says_by_which_policies_and_how_it_ended() {
    let (gateway, echo) = start().await;
    let alice = gateway.pki().alice();
    let h2 = gateway.client(&alice).h2(HOST).await.unwrap();
    let held = h2.begin(h2.request("GET", "/sse").body(empty()).unwrap()).await.unwrap();
    let opening = gateway.record("an opening record", |record| !record.is_final()).await;
    let (code, text) = why(&gateway, opening.id(), &[]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("let through") && text.contains("still running"), "{text}");

    gateway.revoke(&[&alice]).await;
    gateway.final_record(opening.id()).await;
    let (_, text) = why(&gateway, opening.id(), &[]).await;
    for words in ["let through", "staff", "access was taken away", "certificate.revoked"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    drop((held, echo));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_on_record_or_cannot_be_read_says_so() {
    let (gateway, _echo) = start().await;
    let id = refused(&gateway).await;
    assert_eq!(why(&gateway, "01890000-0000-7000-8000-000000000000", &[]).await.0, 1);
    assert_eq!(why(&gateway, "not-an-id", &[]).await.0, 2);
    let nowhere = gateway.dir().join("nowhere");
    assert_eq!(why(&gateway, &id, &["--records", nowhere.to_str().unwrap()]).await.0, 3);

    let elsewhere = gateway.dir().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let line = gateway.final_record(&id).await.0.to_string().replace("\"version\":1", "\"version\":9");
    std::fs::write(elsewhere.join("gaccong-20260101T000000Z-1-0001.jsonl"), line + "\n").unwrap();
    let (code, text) = why(&gateway, &id, &["--records", elsewhere.to_str().unwrap()]).await;
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("version 9"), "{text}");
}
