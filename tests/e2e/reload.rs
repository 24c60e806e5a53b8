//! Configuration, policies, certificates and facts change without a lost request; what does not load changes nothing.

use gaccong_tests::client::get;
use gaccong_tests::load::Load;
use gaccong_tests::pki;
use gaccong_tests::setup::posture;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, eventually};
use rustix::process::Signal;
use serde_json::json;

const HOST: &str = "echo.example.test";

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_under_load_loses_no_request() {
    let (gateway, _echo) = start().await;
    let load = Load::start(&gateway.alice(), HOST);
    for _ in 0..10 {
        load.serve(20).await;
        gateway.reload().await;
    }
    load.serve(20).await;
    let (failures, served) = load.stop().await;
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(served >= 220);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_policy_holds_from_the_reload_on() {
    let (gateway, _echo) = start().await;
    let mut kept = gateway.alice().h1(HOST).await.unwrap();
    assert_eq!(kept.send(get(HOST, "/")).await.unwrap().status, 200);
    let nobody = "@id(\"nobody\") forbid (principal, action, resource);";
    std::fs::write(gateway.dir().join("policies/nobody.cedar"), nobody).unwrap();
    gateway.reload().await;
    assert_eq!(kept.send(get(HOST, "/")).await.unwrap().reason(), Some("policy.forbid"), "on a living connection too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_app_is_served_from_the_reload_on() {
    let (gateway, echo) = start().await;
    let alice = gateway.alice();
    assert_eq!(alice.get("new.example.test", "/").await.reason(), Some("request.host_unknown"));
    let toml = std::fs::read_to_string(gateway.dir().join("gaccong.toml")).unwrap();
    let app = format!("[[app]]\nname = \"new\"\nhosts = [\"new.example.test\"]\nupstreams = [\"{}\"]\n", echo.url());
    gateway.replace("gaccong.toml", &format!("{toml}\n{app}"));
    gateway.reload().await;
    assert_eq!(alice.get("new.example.test", "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_server_certificate_is_presented_from_the_reload_on() {
    let (gateway, _echo) = start().await;
    let alice = gateway.alice();
    let presented = async || {
        let tls = alice.connect(HOST, &["http/1.1"]).await.unwrap();
        tls.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let before = presented().await;
    let renewed = gateway.pki().servers.issue(pki::server(&["*.example.test"]));
    gateway.replace("server.key", &renewed.key_pem);
    gateway.replace("server.pem", &renewed.pem);
    gateway.reload().await;
    let after = presented().await;
    assert_ne!(before, after);
    assert_eq!(after, renewed.chain[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_and_posture_are_read_again_when_they_change() {
    let (gateway, _echo) = start().await;
    let carol = gateway.client(&gateway.pki().laptops.issue(pki::laptop("laptop-9", "carol@example.org")));
    assert_eq!(carol.get(HOST, "/").await.reason(), Some("device.posture_absent"));

    let known = json!({"devices": {"laptop-9": posture("carol@example.org", &json!({"compliant": true}))}});
    gateway.replace("posture.json", &known.to_string());
    // No signal: the files are watched.
    eventually("her posture", || async {
        (carol.get(HOST, "/").await.reason() == Some("policy.no_permit")).then_some(())
    })
    .await;
    gateway.replace("groups.json", &json!({"groups": {"staff": ["carol@example.org"]}}).to_string());
    eventually("her group", || async { (carol.get(HOST, "/").await.status == 200).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_load_leaves_the_old_in_force() {
    let (gateway, _echo) = start().await;
    let load = Load::start(&gateway.alice(), HOST);
    let files: &[(&str, &str)] = &[
        ("gaccong.toml", "[listen\naddress = "),
        ("policies/permits.cedar", "permit (principal, action"),
        ("server.pem", "not a certificate"),
        ("server.key", "not a key"),
        ("laptops.pem", "not a CA"),
        ("laptops.crl", "not a list"),
        ("groups.json", "{\"groups\": 7}"),
        ("posture.json", "{"),
    ];
    for (name, broken) in files {
        let good = std::fs::read_to_string(gateway.dir().join(name)).unwrap();
        gateway.replace(name, broken);
        gateway.signal(Signal::HUP);
        eventually(&format!("the failed reload of {name}"), || async {
            let metrics = gateway.metrics().await;
            (metrics.sum("gaccong_config_last_reload_success", &[]) == Some(0.0)).then_some(())
        })
        .await;
        assert_eq!(gateway.manage("/readyz").await.unwrap().0, 200, "{name}");
        assert!(gateway.log().contains(name), "the log names {name}");
        load.serve(10).await;
        gateway.replace(name, &good);
        gateway.reload().await;
    }
    let (failures, _) = load.stop().await;
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_revocation_list_leaves_the_last_one_in_force() {
    let (gateway, _echo) = start().await;
    let (alice, bob) = (gateway.pki().alice(), gateway.pki().bob());
    gateway.revoke(&[&bob]).await;
    std::fs::remove_file(gateway.dir().join("laptops.crl")).unwrap();
    gateway.signal(Signal::HUP);
    eventually("the failed reload", || async {
        let metrics = gateway.metrics().await;
        (metrics.sum("gaccong_config_last_reload_success", &[]) == Some(0.0)).then_some(())
    })
    .await;
    assert_eq!(gateway.client(&alice).get(HOST, "/").await.status, 200);
    assert!(gateway.client(&bob).send(HOST, get(HOST, "/")).await.is_err(), "he stays revoked");
}

async fn start() -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    (gateway, echo)
}
