//! osquery's remote API, walked as osquery's own guide shows it.

use std::io::Write as _;

use gaccong_tests::client::{full, request};
use gaccong_tests::control::{Caller, HOST, with_policy};
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Client, Gateway, Setup};
use serde_json::{Value, json};

const ENCRYPTED: &str = r#"
@id("encrypted")
permit (principal in Group::"staff", action, resource)
when { context has device && context.device has disk_encrypted && context.device.disk_encrypted };
"#;

const CONTROL: &str = r#"
@id("own-device")
permit (principal, action == Action::"control:osquery", resource)
when {
  context has device && context has target
  && context.target.kind == "device" && context.target.id == context.device.id
};
"#;

fn osquery(setup: &mut Setup) {
    setup.posture = json!({"devices": {}});
    setup.policies.insert("permits.cedar", ENCRYPTED.to_owned());
    with_policy(setup, CONTROL);
}

async fn gateway(echo: &Echo, more: impl FnOnce(&mut Setup)) -> Gateway {
    Gateway::start(|setup| {
        setup.app("wiki", echo.url());
        osquery(setup);
        more(setup);
    })
    .await
}

async fn post(node: &Caller, path: &str, body: Value) -> Value {
    node.json("POST", path, &body).await.json()
}

async fn enroll(node: &Caller) -> String {
    let answer = post(
        node,
        "/osquery/enroll",
        json!({
            "host_identifier": "laptop.local",
            "host_details": {"os_version": {}, "osquery_info": {}, "system_info": {}, "platform_info": {}},
        }),
    )
    .await;
    assert_eq!(answer["node_invalid"], false, "{answer}");
    answer["node_key"].as_str().unwrap().to_owned()
}

fn disk(encrypted: &str) -> Value {
    json!([{
        "action": "snapshot", "snapshot": [{"disk_encrypted": encrypted}], "name": "gaccong_linux_disk",
        "hostIdentifier": "laptop.local", "unixTime": jiff::Timestamp::now().as_second().to_string(),
        "epoch": "0", "counter": "0",
    }])
}

async fn wiki(gateway: &Gateway) -> u16 {
    gateway.alice().get("wiki.example.test", "/").await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_enrols_asks_what_to_look_at_and_says_what_it_saw() {
    let echo = Echo::h1().await;
    let gateway = gateway(&echo, |setup| {
        setup.set("posture", "osquery = { edr_processes = [\"falcond\"], interval_s = 60 }");
    })
    .await;
    let node = Caller::new(&gateway, &gateway.pki().alice());
    let node_key = enroll(&node).await;

    let config = post(&node, "/osquery/config", json!({"node_key": node_key})).await;
    let scheduled = &config["schedule"]["gaccong_linux_disk"];
    assert_eq!((&scheduled["interval"], &scheduled["snapshot"]), (&json!(60), &json!(true)));
    assert!(config["schedule"]["gaccong_edr"]["query"].as_str().unwrap().contains("'falcond'"));
    assert_eq!(config["node_invalid"], false);

    assert_eq!(wiki(&gateway).await, 403);
    let log = json!({"node_key": node_key, "log_type": "result", "data": disk("1")});
    assert_eq!(post(&node, "/osquery/log", log).await, json!({"node_invalid": false}));
    assert_eq!(wiki(&gateway).await, 200);

    let status = json!({"node_key": node_key, "log_type": "status", "data": [{"severity": "0", "message": "hello"}]});
    assert_eq!(post(&node, "/osquery/log", status).await, json!({"node_invalid": false}));
    let worse = json!({"node_key": node_key, "log_type": "result", "data": disk("0")});
    assert_eq!(post(&node, "/osquery/log", worse).await, json!({"node_invalid": false}));
    assert_eq!(wiki(&gateway).await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_is_known_of_is_asked_at_once() {
    let echo = Echo::h1().await;
    let gateway = gateway(&echo, |_| ()).await;
    let node = Caller::new(&gateway, &gateway.pki().alice());
    let node_key = enroll(&node).await;
    let read = || json!({"node_key": node_key});
    let asked = post(&node, "/osquery/distributed/read", read()).await;
    assert!(asked["queries"]["gaccong_linux_disk"].as_str().unwrap().contains("disk_encryption"), "{asked}");

    let write = json!({
        "node_key": node_key,
        "queries": {"gaccong_linux_disk": [{"disk_encrypted": "1"}], "gaccong_windows_disk": []},
        "statuses": {"gaccong_linux_disk": 0, "gaccong_windows_disk": 1},
    });
    assert_eq!(post(&node, "/osquery/distributed/write", write).await, json!({"node_invalid": false}));
    assert_eq!(wiki(&gateway).await, 200);
    assert_eq!(post(&node, "/osquery/distributed/read", read()).await["queries"], json!({}), "it has just told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_key_counts_only_with_the_certificate_of_its_device() {
    let echo = Echo::h1().await;
    let gateway = gateway(&echo, |_| ()).await;
    let (laptop, other) = (Caller::new(&gateway, &gateway.pki().alice()), Caller::new(&gateway, &gateway.pki().bob()));
    let (node_key, of_other) = (enroll(&laptop).await, enroll(&other).await);
    let stolen = other
        .json("POST", "/osquery/log", &json!({"node_key": node_key, "log_type": "result", "data": disk("1")}))
        .await;
    assert_eq!(stolen.json(), json!({"node_invalid": true}));
    assert_eq!(gateway.final_record(stolen.id()).await.status(), Some(401));
    for path in ["/osquery/config", "/osquery/distributed/read", "/osquery/distributed/write"] {
        let body = json!({"node_key": node_key, "queries": {}});
        assert_eq!(post(&other, path, body).await["node_invalid"], true, "{path}");
    }
    assert_eq!(post(&other, "/osquery/config", json!({"node_key": of_other})).await["node_invalid"], false);
    assert_eq!(post(&other, "/osquery/config", json!({})).await["node_invalid"], true);

    // Who enrols anew has a new key, and the old one is none any more.
    let newer = enroll(&laptop).await;
    assert_eq!(post(&laptop, "/osquery/config", json!({"node_key": node_key})).await["node_invalid"], true);
    assert_eq!(post(&laptop, "/osquery/config", json!({"node_key": newer})).await["node_invalid"], false);
    let metrics = gateway.metrics().await;
    assert_eq!(
        metrics.count("gaccong_posture_reports_total", &[("source", "osquery"), ("result", "node_invalid")]),
        6.0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_outlives_the_process_and_nothing_but_its_digest_is_kept() {
    let echo = Echo::h1().await;
    let mut gateway = gateway(&echo, |_| ()).await;
    let alice = gateway.pki().alice();
    let node_key = enroll(&Caller::new(&gateway, &alice)).await;
    gateway.kill9().await;
    let kept = std::fs::read(gateway.dir().join("store/gaccong.redb")).unwrap();
    assert!(!kept.windows(node_key.len()).any(|window| window == node_key.as_bytes()));
    let gateway = gateway.restart().await;
    let config = post(&Caller::new(&gateway, &alice), "/osquery/config", json!({"node_key": node_key})).await;
    assert_eq!(config["node_invalid"], false);
    assert!(!gateway.log().contains(&node_key));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_may_be_needed_beside_the_certificate_but_is_never_enough() {
    let echo = Echo::h1().await;
    let gateway = gateway(&echo, |setup| {
        setup.write("osquery.secret", "open sesame\n");
        setup.set("posture", "osquery = { enroll_secret = \"file:osquery.secret\" }");
    })
    .await;
    let node = Caller::new(&gateway, &gateway.pki().alice());
    for body in [json!({}), json!({"enroll_secret": ""}), json!({"enroll_secret": "open barley"})] {
        assert_eq!(post(&node, "/osquery/enroll", body).await, json!({"node_invalid": true}));
    }
    let secret = json!({"enroll_secret": "open sesame"});
    assert_eq!(post(&node, "/osquery/enroll", secret.clone()).await["node_invalid"], false);

    // A service knows the secret and has a certificate, but is no device.
    let service = Caller::new(&gateway, &gateway.pki().billing()).json("POST", "/osquery/enroll", &secret).await;
    assert_eq!((service.status.as_u16(), service.reason()), (403, Some("policy.no_permit")));
    let nobody = Client::new(gateway.control(), gateway.pki(), None);
    let call = request("POST", HOST, "/osquery/enroll").body(full(secret.to_string())).unwrap();
    assert!(nobody.send(HOST, call).await.is_err(), "without a certificate there is no connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_logs_are_read() {
    let echo = Echo::h1().await;
    let gateway = gateway(&echo, |_| ()).await;
    let node = Caller::new(&gateway, &gateway.pki().alice());
    let log = json!({"node_key": enroll(&node).await, "log_type": "result", "data": disk("1")});
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(log.to_string().as_bytes()).unwrap();
    let send = async |encoding: &str, body: Vec<u8>| {
        let call = request("POST", HOST, "/osquery/log").header("content-encoding", encoding);
        node.send(call.body(full(body)).unwrap()).await
    };
    assert_eq!(send("gzip", packed.finish().unwrap()).await.json(), json!({"node_invalid": false}));
    assert_eq!(wiki(&gateway).await, 200);
    assert_eq!(send("br", Vec::new()).await.status, 415);
    assert_eq!(send("gzip", b"not gzip".to_vec()).await.status, 400);
}
