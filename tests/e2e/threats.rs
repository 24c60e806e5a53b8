//! Threat lists: policy sees whether the client's address is on one.

use gaccong_tests::client::get;
use gaccong_tests::gateway::command;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, eventually};

const HOST: &str = "echo.example.test";

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_address_is_refused_and_what_runs_from_it_is_cut() {
    let (gateway, _echo) = start("192.0.2.0/24 # elsewhere\n").await;
    let alice = gateway.alice();
    assert_eq!(alice.get(HOST, "/").await.status, 200);
    let mut connection = alice.h1(HOST).await.unwrap();
    let _stream = connection.begin(get(HOST, "/sse")).await.unwrap();

    gateway.replace("blocklist.txt", "192.0.2.0/24\n127.0.0.0/8\n");
    // No signal: the file is watched.
    let cut = gateway.record("the stream that is cut", |record| record.outcome() == Some("cut")).await;
    assert_eq!(cut.reason(), Some("policy.forbid"));
    let refused = alice.get(HOST, "/").await;
    assert_eq!(refused.reason(), Some("policy.forbid"));
    let record = gateway.final_record(refused.id()).await;
    assert_eq!(record.text("/unmapped/gaccong/question/context/threat/list"), Some("blocklist"));

    gateway.replace("blocklist.txt", "");
    eventually("access again", || async { (alice.get(HOST, "/").await.status == 200).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_list_leaves_its_last_good_version_in_force_and_holds_nothing_else_up() {
    let (gateway, _echo) = start("127.0.0.1\n").await;
    let alice = gateway.alice();
    assert_eq!(alice.get(HOST, "/").await.reason(), Some("policy.forbid"));
    gateway.replace("blocklist.txt", "127.0.0.1\nnot an address\n");
    gateway.reload_in_vain().await;
    assert!(gateway.log().contains("blocklist.txt:2:1: warning: `not an address` is no address"), "{}", gateway.log());
    assert_eq!(alice.get(HOST, "/").await.reason(), Some("policy.forbid"));

    std::fs::remove_file(gateway.dir().join("blocklist.txt")).unwrap();
    std::fs::write(gateway.dir().join("policies/threat.cedar"), "").unwrap();
    eventually("the policies to change all the same", || async {
        (alice.get(HOST, "/").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_reads_threat_lists() {
    let (gateway, _echo) = start("127.0.0.1\n").await;
    gateway.replace("blocklist.txt", "127.0.0.1/99\n");
    let output = command().args(["check", "-c"]).arg(gateway.dir().join("gaccong.toml")).output().await.unwrap();
    assert_eq!(output.status.code(), Some(78));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("blocklist.txt:1:1: `127.0.0.1/99` is no address"), "{text}");
}

async fn start(list: &str) -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.threat_list("blocklist", list);
        let forbid = "@id(\"threat\") forbid (principal, action, resource) when { context has threat };";
        setup.policies.insert("threat.cedar", forbid.to_owned());
    })
    .await;
    (gateway, echo)
}
