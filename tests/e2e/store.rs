//! What is kept: it survives kills at any moment, is never taken for empty, and an old copy of it is refused.

use std::path::PathBuf;
use std::time::Duration;

use gaccong_tests::client::empty;
use gaccong_tests::control::{self, target};
use gaccong_tests::gateway::command;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Client, Gateway, within_patience};
use serde_json::Value;

const HOST: &str = "echo.example.test";

/// How often the gateway is killed.
const KILLS: u64 = 20;

async fn start() -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        control::with_control(setup);
        setup.app("echo", echo.url());
    })
    .await;
    (gateway, echo)
}

fn store(gateway: &Gateway) -> PathBuf {
    gateway.dir().join("store/gaccong.redb")
}

/// Exit code, standard output, standard error.
pub(crate) async fn gaccong(gateway: &Gateway, arguments: &[&str]) -> (i32, String, String) {
    let mut command = command();
    command.args(arguments).current_dir(gateway.dir());
    let output = within_patience("a command", command.output()).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kills_at_any_moment() {
    let (mut gateway, _echo) = start().await;
    let bob = gateway.pki().bob();
    let mut acknowledged = Vec::new();
    for round in 0..KILLS {
        let client = Client::new(gateway.control(), gateway.pki(), Some(&bob)).h2(control::HOST).await.unwrap();
        // Not a wait for anything: the moment of the kill is to be any.
        let kill = tokio::time::sleep(Duration::from_micros(5_000 + round * 7919 % 60_000));
        tokio::pin!(kill);
        for number in 0.. {
            let id = format!("user-{round}-{number}");
            let request = client.request("POST", &target("revocations", "user", &id)).body(empty()).unwrap();
            tokio::select! {
                answer = client.send(request) => {
                    assert_eq!(answer.unwrap().status, 200);
                    acknowledged.push(id);
                }
                () = &mut kill => break,
            }
        }
        gateway.kill9().await;
        gateway = gateway.restart().await;
    }
    let listed = gateway.call(&bob, "GET", "/v1/revocations", None).await.json();
    let listed: Vec<_> =
        listed["revocations"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert!(acknowledged.len() > 5, "{} were acknowledged", acknowledged.len());
    let lost: Vec<_> = acknowledged.iter().filter(|id| !listed.contains(&id.as_str())).collect();
    assert!(lost.is_empty(), "lost: {lost:?} of {}", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_not_taken_for_an_empty_one() {
    let (mut gateway, _echo) = start().await;
    gateway.revoke_by_call("user", "alice@example.org").await;
    gateway.terminate();
    gateway.exit().await;
    let whole = std::fs::read(store(&gateway)).unwrap();
    for broken in [Vec::new(), vec![0; whole.len()], b"garbage".to_vec()] {
        std::fs::write(store(&gateway), &broken).unwrap();
        let (code, _, error) = gaccong(&gateway, &["run", "-c", "gaccong.toml"]).await;
        assert_eq!(code, 3, "{error}");
        assert!(error.contains("the store is damaged") && error.contains("store import"), "{error}");
        let (code, text, _) = gaccong(&gateway, &["store", "check", "--format", "json"]).await;
        assert_eq!(code, 1, "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["whole"], false);
    }
    // Neither is one that is gone.
    std::fs::remove_file(store(&gateway)).unwrap();
    let (code, _, error) = gaccong(&gateway, &["run", "-c", "gaccong.toml"]).await;
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("the store is an old copy"), "{error}");

    std::fs::write(store(&gateway), whole).unwrap();
    let gateway = gateway.restart().await;
    assert_eq!(gateway.alice().get(HOST, "/").await.reason(), Some("principal.revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_does_not_undo_a_revocation() {
    let (mut gateway, _echo) = start().await;
    gateway.revoke_by_call("user", "carol@example.org").await;
    gateway.terminate();
    gateway.exit().await;
    let copy = std::fs::read(store(&gateway)).unwrap();

    let mut gateway = gateway.restart().await;
    gateway.revoke_by_call("user", "alice@example.org").await;
    gateway.terminate();
    gateway.exit().await;
    std::fs::write(store(&gateway), copy).unwrap();

    let (code, _, error) = gaccong(&gateway, &["run", "-c", "gaccong.toml"]).await;
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("old copy") && error.contains("--accept-older-store"), "{error}");

    let mut told = gateway.restart_with(&["--accept-older-store"]).await;
    assert_eq!(told.alice().get(HOST, "/").await.status, 200);
    told.terminate();
    told.exit().await;
    // Told once, it stands in the records.
    told.restart().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_becomes_a_store_again_while_no_gateway_has_it() {
    let (mut gateway, _echo) = start().await;
    gateway.revoke_by_call("user", "alice@example.org").await;
    let (code, _, error) = gaccong(&gateway, &["store", "export"]).await;
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("another process has the store open"), "{error}");
    gateway.terminate();
    gateway.exit().await;

    let (code, text, _) = gaccong(&gateway, &["store", "check"]).await;
    assert_eq!((code, text.contains("whole (2 entries")), (0, true), "{text}");
    let (code, _, error) = gaccong(&gateway, &["store", "export", "-o", "export.jsonl"]).await;
    assert_eq!(code, 0, "{error}");
    let (code, _, error) = gaccong(&gateway, &["store", "import", "export.jsonl"]).await;
    assert_eq!((code, error.contains("--replace")), (3, true), "{error}");
    std::fs::remove_file(store(&gateway)).unwrap();
    let (code, _, error) = gaccong(&gateway, &["store", "import", "export.jsonl"]).await;
    assert_eq!(code, 0, "{error}");

    let gateway = gateway.restart().await;
    assert_eq!(gateway.alice().get(HOST, "/").await.reason(), Some("principal.revoked"));
}
