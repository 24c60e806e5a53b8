//! Reports of devices: who may report what, what is refused, and what a report changes.

use gaccong_tests::client::{full, request};
use gaccong_tests::control::{Caller, HOST, with_policy};
use gaccong_tests::gateway::command;
use gaccong_tests::pki;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Client, Gateway, Setup};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The wiki is for encrypted disks.
const ENCRYPTED: &str = r#"
@id("encrypted")
permit (principal in Group::"staff", action, resource)
when { context has device && context.device has disk_encrypted && context.device.disk_encrypted };
"#;

/// Agents report of their own device, the billing service is the device manager of the laptops, and Bob is the SOC.
const CONTROL: &str = r#"
@id("own-device")
permit (principal, action == Action::"control:report", resource)
when {
  context has device && context has target
  && context.target.kind == "device" && context.target.id == context.device.id
};

@id("device-manager")
permit (principal == Workload::"spiffe://prod.example/billing", action == Action::"control:report", resource)
when { context has target && (context.target.kind == "source" || context.target.id like "laptop-*") };

@id("soc")
permit (
  principal == User::"bob@example.org",
  action in [Action::"control:list", Action::"control:forget", Action::"control:release", Action::"control:report"],
  resource
);

@id("a-service-that-tries")
permit (principal == Workload::"spiffe://prod.example/billing", action == Action::"control:release", resource);
"#;

const MDM: &str = r#"{ name = "mdm", who = ["workload:spiffe://prod.example/billing"], hold_share = 0.2 }"#;
const SOC: &str = r#"{ name = "soc", who = ["user:bob@example.org"], rank = 1, facts = ["compliant", "risk"] }"#;

fn sources(setup: &mut Setup, sources: &[&str]) {
    setup.posture = json!({"devices": {}});
    with_policy(setup, CONTROL);
    setup.set("posture", &format!("source = [{}]", sources.join(", ")));
}

async fn gateway(echo: &Echo) -> Gateway {
    let url = echo.url().to_owned();
    Gateway::start(move |setup| {
        setup.app("wiki", &url);
        setup.policies.insert("permits.cedar", ENCRYPTED.to_owned());
        sources(setup, &[MDM, SOC]);
    })
    .await
}

fn now() -> String {
    Timestamp::now().to_string()
}

fn encrypted(yes: bool) -> Value {
    json!({"observed_at": now(), "facts": {"disk_encrypted": yes}})
}

/// The status of Alice's request for the wiki, and its reason.
async fn wiki(gateway: &Gateway) -> (u16, Option<String>) {
    let answer = gateway.alice().get("wiki.example.test", "/").await;
    (answer.status.as_u16(), answer.reason().map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_reports_of_its_own_device_and_of_no_other() {
    let echo = Echo::h1().await;
    let gateway = gateway(&echo).await;
    let alice = Caller::new(&gateway, &gateway.pki().alice());
    assert_eq!(wiki(&gateway).await, (403, Some("device.posture_absent".into())));

    let taken = alice.json("PUT", "/v1/devices/laptop-7/posture", &encrypted(true)).await;
    assert_eq!((taken.status.as_u16(), &taken.json()["source"]), (200, &json!("agent")), "{}", taken.text());
    assert_eq!(wiki(&gateway).await.0, 200);
    let by_self = alice.json("PUT", "/v1/devices/self/posture", &encrypted(false)).await;
    assert_eq!(by_self.status, 200, "{}", by_self.text());
    assert_eq!(wiki(&gateway).await, (403, Some("policy.no_permit".into())));

    let of_another = alice.json("PUT", "/v1/devices/laptop-8/posture", &encrypted(true)).await;
    assert_eq!((of_another.status.as_u16(), of_another.reason()), (403, Some("policy.no_permit")));
    let record = gateway.final_record(of_another.id()).await;
    assert_eq!(record.text("/unmapped/gaccong/question/context/target/id"), Some("laptop-8"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_certificate_alone_is_an_agent() {
    let gateway = Gateway::start(|setup| sources(setup, &[MDM])).await;
    let kiosk = Caller::new(&gateway, &gateway.pki().laptops.issue(pki::device("kiosk-1")));
    let taken = kiosk.json("PUT", "/v1/devices/self/posture", &encrypted(true)).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_alone_makes_nobody_a_source() {
    let gateway = Gateway::start(|setup| sources(setup, &[MDM])).await;
    let bob = Caller::new(&gateway, &gateway.pki().bob());
    // Policy lets Bob report for any device, but he is the source of his own only.
    let of_another = bob.json("PUT", "/v1/devices/laptop-7/posture", &encrypted(true)).await;
    assert_eq!((of_another.status.as_u16(), &of_another.json()["reason"]), (403, &json!("source.unknown")));
    let claimed = json!({"source": "mdm", "facts": {"disk_encrypted": true}});
    let as_another = bob.json("PUT", "/v1/devices/laptop-8/posture", &claimed).await;
    assert_eq!((as_another.status.as_u16(), &as_another.json()["reason"]), (403, &json!("source.unknown")));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_reports_are_refused_each_in_its_own_words() {
    let gateway = Gateway::start(|setup| sources(setup, &[MDM, SOC])).await;
    let mdm = Caller::new(&gateway, &gateway.pki().billing());
    let path = "/v1/devices/laptop-7/posture";
    let at = |time: &str| json!({"observed_at": time, "facts": {"disk_encrypted": true}});
    assert_eq!(mdm.json("PUT", path, &at(&now())).await.status, 200);
    for (body, status, reason, words) in [
        (at("2100-01-01T00:00:00Z"), 422, "report.future", "in the future"),
        (at("2020-01-01T00:00:00Z"), 409, "report.outdated", "something newer"),
        (at("yesterday"), 422, "report.invalid", "`yesterday` is not a time"),
        (json!({"facts": {"disk_encypted": true}}), 422, "report.invalid", "did you mean `disk_encrypted`?"),
        (json!({"facts": {"disk_encrypted": "yes"}}), 422, "report.invalid", "expected `true` or `false`"),
        (json!({"fact": {}}), 422, "report.invalid", "unknown field `fact`"),
        (json!([]), 422, "report.invalid", "this is no report"),
    ] {
        let answer = mdm.json("PUT", path, &body).await;
        let problem = answer.json();
        assert_eq!((answer.status.as_u16(), &problem["reason"]), (status, &json!(reason)), "{body}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    let broken = mdm.send(request("PUT", HOST, path).body(full("{")).unwrap()).await;
    assert_eq!((broken.status.as_u16(), &broken.json()["reason"]), (400, &json!("report.malformed")));
    let huge = json!({"facts": {"os_version": "x".repeat(10 << 20)}});
    let h2 = Client::new(gateway.control(), gateway.pki(), Some(&gateway.pki().billing())).h2(HOST).await.unwrap();
    let too_large = h2.send(h2.request("PUT", path).body(full(huge.to_string())).unwrap()).await.unwrap();
    assert_eq!(too_large.reason(), Some("request.body_too_large"));

    let soc = Caller::new(&gateway, &gateway.pki().bob());
    let beyond = soc.json("PUT", path, &json!({"source": "soc", "facts": {"disk_encrypted": true}})).await;
    assert_eq!((beyond.status.as_u16(), &beyond.json()["reason"]), (403, &json!("report.fact")));

    let metrics = gateway.metrics().await;
    for (result, count) in [("taken", 1.0), ("report.future", 1.0), ("report.outdated", 1.0)] {
        assert_eq!(
            metrics.count("gaccong_posture_reports_total", &[("source", "mdm"), ("result", result)]),
            count,
            "{result}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sources_the_worse_counts_unless_one_ranks_higher() {
    let echo = Echo::h1().await;
    let gateway = gateway(&echo).await;
    let (agent, mdm) = (Caller::new(&gateway, &gateway.pki().alice()), Caller::new(&gateway, &gateway.pki().billing()));
    let path = "/v1/devices/laptop-7/posture";
    assert_eq!(mdm.json("PUT", path, &encrypted(false)).await.status, 200);
    assert_eq!(agent.json("PUT", path, &encrypted(true)).await.status, 200);
    assert_eq!(wiki(&gateway).await, (403, Some("policy.no_permit".into())));
    assert_eq!(mdm.json("PUT", path, &encrypted(true)).await.status, 200);
    assert_eq!(wiki(&gateway).await.0, 200);

    let soc = Caller::new(&gateway, &gateway.pki().bob());
    for (caller, claimed, good) in [(&mdm, "mdm", false), (&soc, "soc", true)] {
        let body = json!({"source": claimed, "facts": {"compliant": good}});
        assert_eq!(caller.json("PUT", path, &body).await.status, 200, "{claimed}");
    }
    let shown = soc.call("GET", "/v1/devices/laptop-7").await.json();
    let facts = shown["facts"].as_array().unwrap();
    let counting = facts.iter().find(|fact| fact["name"] == "compliant" && fact["counts"] == true).unwrap();
    assert_eq!((&counting["source"], &counting["value"]), (&json!("soc"), &json!(true)), "the SOC ranks higher");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_manager_reports_its_fleet_at_once_each_device_by_its_own_decision() {
    let echo = Echo::h1().await;
    let gateway = gateway(&echo).await;
    let mdm = Caller::new(&gateway, &gateway.pki().billing());
    let device = |yes| json!({"owner": "alice@example.org", "observed_at": now(), "facts": {"disk_encrypted": yes}});
    let fleet = json!({"devices": {"laptop-7": device(true), "laptop-8": device(false), "server-1": device(true)}});
    let taken = mdm.json("POST", "/v1/posture", &fleet).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    let result = taken.json();
    assert_eq!((&result["taken"], &result["refused_devices"]), (&json!(2), &json!(["server-1"])));
    assert_eq!(wiki(&gateway).await.0, 200);

    let listed = Caller::new(&gateway, &gateway.pki().bob()).call("GET", "/v1/devices").await.json();
    let ids: Vec<_> =
        listed["devices"].as_array().unwrap().iter().map(|device| device["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["laptop-7", "laptop-8"]);
    let wrong = mdm.json("POST", "/v1/posture", &json!({"devices": {"laptop-7": {"facts": {"fire": true}}}})).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["reason"]), (422, &json!("report.invalid")));
    let agent = Caller::new(&gateway, &gateway.pki().alice()).json("POST", "/v1/posture", &fleet).await;
    assert_eq!((agent.status.as_u16(), agent.reason()), (403, Some("policy.no_permit")));
}

/// More than one commit of the store; the bound is 100 000, which an unoptimised build takes long for.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_fleet_is_one_call() {
    let gateway = Gateway::start(|setup| sources(setup, &[MDM])).await;
    let mdm = Caller::new(&gateway, &gateway.pki().billing());
    let facts = json!({"disk_encrypted": true, "firewall": true, "patch_age_days": 3, "os_version": "15.2"});
    let device = |n| (format!("laptop-{n}"), json!({"observed_at": now(), "facts": facts}));
    let fleet = json!({"devices": (0..10_000).map(device).collect::<serde_json::Map<_, _>>()});
    let taken = mdm.json("POST", "/v1/posture", &fleet).await;
    assert_eq!((taken.status.as_u16(), &taken.json()["taken"]), (200, &json!(10_000)), "{}", taken.text());
    assert_eq!(gateway.metrics().await.count("gaccong_posture_devices", &[]), 10_000.0);
    let again = mdm.json("POST", "/v1/posture", &fleet).await;
    assert_eq!(again.json()["taken"], 10_000, "the same report may be sent again");
    let bob = gateway.client_profile("bob", &gateway.pki().bob());
    let (code, out, error) = gateway.command(&bob, &["device", "list"]).await;
    assert_eq!((code, out.lines().count()), (0, 10_000), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_too_much_is_held_until_a_person_releases_it() {
    let mut gateway = Gateway::start(|setup| sources(setup, &[MDM])).await;
    let (manager, bob) = (gateway.pki().billing(), gateway.pki().bob());
    let fleet = |good: usize| {
        let devices = (0..20).map(|n| (format!("laptop-{n}"), encrypted(n < good)));
        json!({"devices": devices.collect::<serde_json::Map<_, _>>()})
    };
    let mdm = Caller::new(&gateway, &manager);
    assert_eq!(mdm.json("POST", "/v1/posture", &fleet(20)).await.status, 200, "the first word changes nothing");
    assert_eq!(mdm.json("POST", "/v1/posture", &fleet(17)).await.status, 200, "three of twenty may change");
    let held = mdm.json("POST", "/v1/posture", &fleet(10)).await;
    assert_eq!((held.status.as_u16(), &held.json()["reason"]), (409, &json!("source.held")), "{}", held.text());
    let one = mdm.json("PUT", "/v1/devices/laptop-0/posture", &encrypted(false)).await;
    assert_eq!(one.status, 409, "not even one change while it is held");
    assert_eq!(mdm.json("POST", "/v1/posture", &fleet(17)).await.status, 200, "what changes nothing keeps facts fresh");
    assert_eq!(gateway.metrics().await.count("gaccong_posture_source_held", &[("source", "mdm")]), 1.0);

    gateway.kill9().await;
    let gateway = gateway.restart().await;
    let (mdm, soc) = (Caller::new(&gateway, &manager), Caller::new(&gateway, &bob));
    assert_eq!(mdm.json("POST", "/v1/posture", &fleet(10)).await.status, 409, "a restart is no person");
    let by_itself = mdm.call("POST", "/v1/sources/mdm/release").await;
    assert_eq!((by_itself.status.as_u16(), &by_itself.json()["reason"]), (403, &json!("source.person")));
    assert_eq!(soc.call("POST", "/v1/sources/mdm/release").await.status, 204);
    assert_eq!(mdm.json("POST", "/v1/posture", &fleet(10)).await.status, 200, "what a person has looked at may come");
    assert_eq!(soc.call("POST", "/v1/sources/mdm/release").await.status, 404);
    assert_eq!(gateway.metrics().await.count("gaccong_posture_source_held", &[("source", "mdm")]), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reports_too_often_is_told_when_to_come_again() {
    let gateway = Gateway::start(|setup| {
        sources(setup, &[r#"{ name = "agents", who = ["devices"], reports_per_min = 2 }"#]);
    })
    .await;
    let agent = Caller::new(&gateway, &gateway.pki().alice());
    let report = async || agent.json("PUT", "/v1/devices/self/posture", &encrypted(true)).await;
    assert_eq!((report().await.status.as_u16(), report().await.status.as_u16()), (200, 200));
    let again = report().await;
    assert_eq!((again.status.as_u16(), &again.json()["reason"]), (429, &json!("source.rate")));
    let wait: u64 = again.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=31).contains(&wait), "{wait}");
    let other = Caller::new(&gateway, &gateway.pki().bob());
    assert_eq!(other.json("PUT", "/v1/devices/self/posture", &encrypted(true)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worse_report_cuts_what_runs() {
    let echo = Echo::h1().await;
    let gateway = gateway(&echo).await;
    let agent = Caller::new(&gateway, &gateway.pki().alice());
    assert_eq!(agent.json("PUT", "/v1/devices/self/posture", &encrypted(true)).await.status, 200);
    let mut socket = gateway.alice().websocket("wiki.example.test", "/ws").await.unwrap();
    assert_eq!(agent.json("PUT", "/v1/devices/self/posture", &encrypted(false)).await.status, 200);
    let code = gaccong_tests::within_patience("the close frame", close_code(&mut socket)).await;
    assert_eq!(code, Some(1008));
}

async fn close_code(socket: &mut gaccong_tests::client::WebSocket) -> Option<u16> {
    use futures_util::StreamExt;
    use tokio_tungstenite::tungstenite::Message;
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => {}
            _ => return None,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn this_very_machine_reports_of_itself() {
    let gateway = Gateway::start(|setup| sources(setup, &[MDM])).await;
    let (alice, bob) = (gateway.pki().alice(), gateway.pki().bob());
    let as_alice = gateway.client_profile("alice", &alice);
    let (code, out, error) = gateway.command(&as_alice, &["device", "report", "--format", "json"]).await;
    assert_eq!(code, 0, "{error}");
    let printed: Value = serde_json::from_str(&out).unwrap();
    let as_soc = gateway.client_profile("bob", &bob);
    let (code, out, error) = gateway.command(&as_soc, &["device", "show", "laptop-7", "--format", "json"]).await;
    assert_eq!(code, 0, "{error}");
    let shown: Value = serde_json::from_str(&out).unwrap();
    let known: serde_json::Map<_, _> = shown["facts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fact| (fact["name"].as_str().unwrap().to_owned(), fact["value"].clone()))
        .collect();
    assert_eq!(Value::Object(known), printed["facts"]);
    assert_eq!(printed["facts"]["platform"], "linux");

    let (code, _, error) = gateway.command(&as_alice, &["device", "report", "--device", "laptop-8"]).await;
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("the gateway answers 403 (policy.no_permit)"), "{error}");
    let nobody = ["device", "report", "--control", "https://localhost:1"];
    assert_eq!(gateway.command(&as_alice, &nobody).await.0, 3);
    assert_eq!(gateway.command(&gateway.dir().join("absent.toml"), &["device", "report"]).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_stays_reports_again_and_again() {
    let gateway = Gateway::start(|setup| sources(setup, &[MDM])).await;
    let alice = gateway.pki().alice();
    let mut agent = command()
        .args(["device", "report", "--every", "1s"])
        .env("GACCONG_PROFILE", gateway.client_profile("alice", &alice))
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    gaccong_tests::eventually("two reports", async || {
        let metrics = gateway.metrics().await;
        (metrics.count("gaccong_posture_reports_total", &[("source", "agent"), ("result", "taken")]) >= 2.0)
            .then_some(())
    })
    .await;
    agent.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn people_set_list_and_remove_what_is_known_of_a_device() {
    let gateway = Gateway::start(|setup| sources(setup, &[SOC])).await;
    let bob = gateway.client_profile("bob", &gateway.pki().bob());
    let (code, out, error) =
        gateway.command(&bob, &["device", "set", "laptop-9", "risk=high", "compliant=false", "--source", "soc"]).await;
    assert_eq!((code, out.as_str()), (0, "reported as soc\n"), "{error}");
    let (code, out, _) = gateway.command(&bob, &["device", "list"]).await;
    assert_eq!((code, out.as_str()), (0, "laptop-9\t-\tsoc\tcompliant=false risk=high\n"));
    let (code, _, error) = gateway.command(&bob, &["device", "remove", "laptop-9"]).await;
    assert_eq!(code, 0, "{error}");
    assert_eq!(gateway.command(&bob, &["device", "show", "laptop-9"]).await.0, 1);
    assert_eq!(gateway.command(&bob, &["device", "remove", "laptop-9"]).await.0, 1);
    assert_eq!(gateway.command(&bob, &["device", "set", "laptop-9", "risk"]).await.0, 2);
}
