//! What a session's cookie carries: enough to serve by where nobody knows the session, and nothing where its key is not
//! known.

use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use gaccong_tests::login::login_url;
use gaccong_tests::provider::AUTH_HOST;
use gaccong_tests::{Gateway, UserAgent};
use serde_json::{Value, json};

use crate::login_faults::{APP, Office, refused};
use crate::store::gaccong;

const HOST: &str = "payroll.example.test";
const COOKIE: &str = "__Host-gaccong-session";
/// What the gateway may ask the provider for.
const ASKED: [&str; 3] = ["/.well-known/openid-configuration", "/jwks.json", "/token"];

/// Another process in the place of the office's, with a store that has nothing in these tables.
async fn on_a_node_without(office: &mut Office, tables: &[&str]) {
    stop(&mut office.gateway).await;
    let (code, export, error) = gaccong(&office.gateway, &["store", "export"]).await;
    assert_eq!(code, 0, "{error}");
    let without = |table| export.contains(&format!("\"table\":\"{table}\""));
    assert!(tables.iter().all(without), "there is something to leave out");
    std::fs::write(office.gateway.dir().join("export.jsonl"), thinned(&export, tables)).unwrap();
    let (code, _, error) = gaccong(&office.gateway, &["store", "import", "--replace", "export.jsonl"]).await;
    assert_eq!(code, 0, "{error}");
    office.gateway = office.gateway.restart().await;
}

async fn stop(gateway: &mut Gateway) {
    gateway.terminate();
    gateway.exit().await;
}

/// An export without the entries of some tables.
fn thinned(export: &str, tables: &[&str]) -> String {
    let lines: Vec<_> = export.split_inclusive('\n').collect();
    let [head, entries @ .., _] = &*lines else { panic!("no export: {export}") };
    let stays = |line: &&str| {
        let entry: Value = serde_json::from_str(line).unwrap();
        !tables.contains(&entry["table"].as_str().unwrap())
    };
    let entries: Vec<_> = entries.iter().copied().filter(stays).collect();
    let sha256: String =
        digest(&SHA256, entries.concat().as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{head}{}{}\n", entries.concat(), json!({"entries": entries.len(), "sha256": sha256}))
}

/// The same browser, on connections to the office's gateway as it is now.
fn reconnected(office: &Office, agent: &UserAgent) -> UserAgent {
    agent.stolen_by(&office.gateway, &gaccong_tests::provider::laptop_7(&office.gateway))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_serves_on_a_node_that_does_not_know_the_session() {
    let mut office = Office::open(|_| {}).await;
    let mut agent = office.agent();
    assert_eq!(office.log_in(&mut agent).await.status, 200);
    office.provider.stop();
    on_a_node_without(&mut office, &["sessions"]).await;

    let mut agent = reconnected(&office, &agent);
    let app = agent.get(&format!("{APP}/")).await;
    assert_eq!(app.status, 200, "{}", app.text());
    let record = office.gateway.final_record(app.id()).await;
    assert_eq!(record.question().unwrap()["principal"]["id"], "alice@example.org", "{}", record.0);
    // It is a session for other hosts too, without the provider.
    let page = agent.get("https://wiki.example.test/").await;
    let (_, ended) = agent.follow(&login_url(&page)).await;
    assert_eq!(ended.status, 200, "{}", ended.text());
    assert_eq!(agent.get("https://wiki.example.test/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_of_an_unknown_key_is_refused_recorded_and_leads_to_the_login() {
    let mut office = Office::open(|_| {}).await;
    let (mut agent, mut under_way) = (office.agent(), office.agent());
    assert_eq!(office.log_in(&mut agent).await.status, 200);
    let back = office.begin(&mut under_way).await.back(&office.provider, |_| {});
    on_a_node_without(&mut office, &["sessions", "keys"]).await;
    // The gateway knows the provider again.
    assert_eq!(office.log_in(&mut office.agent()).await.status, 200);

    let asked = || ASKED.map(|path| office.provider.asked(path));
    let (before, served) = (asked(), office.echo.requests());
    let mut agent = reconnected(&office, &agent);
    for _ in 0..20 {
        let page = agent.get(&format!("{APP}/")).await;
        assert_eq!(refused(&page), (401, Some("session.invalid")));
        let record = office.gateway.final_record(page.id()).await;
        assert_eq!((record.reason(), record.action()), (Some("session.invalid"), "Denied"));
        assert!(record.0.to_string().contains("its key is not known"), "{}", record.0);
        assert!(login_url(&page).starts_with(&format!("https://{AUTH_HOST}/login?ticket=")));
        let on_the_auth_host = agent.get(&format!("https://{AUTH_HOST}/")).await;
        assert_eq!(refused(&on_the_auth_host), (401, Some("session.invalid")));
    }
    // Nor does what the browser kept of a login that was under way.
    assert_eq!(refused(&reconnected(&office, &under_way).get(&back).await), (400, Some("login.state_invalid")));
    assert_eq!((asked(), office.echo.requests()), (before, served), "neither provider nor app is asked");

    let app = office.log_in(&mut agent).await;
    assert_eq!(app.status, 200, "the way to the login leads on: {}", app.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_use_outlives_its_idle_time_and_its_cookie_says_so() {
    const IDLE: Duration = Duration::from_secs(5);
    let mut office = Office::open(|setup| {
        setup.set("auth", &format!("idle_s = {}", IDLE.as_secs()));
    })
    .await;
    let mut agent = office.agent();
    assert_eq!(office.log_in(&mut agent).await.status, 200);
    let (first, logged_in) = (agent.clone(), Instant::now());
    let cookie_of = |agent: &UserAgent| agent.cookie(HOST, COOKIE).unwrap().1;

    // Not a wait for anything: the pace of somebody who uses the app.
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    let mut renewals = 0;
    while logged_in.elapsed() <= IDLE {
        pace.tick().await;
        let before = cookie_of(&agent);
        assert_eq!(agent.get(&format!("{APP}/")).await.status, 200);
        renewals += u32::from(cookie_of(&agent) != before);
    }
    assert!((1..=5).contains(&renewals), "made anew {renewals} times");

    // A process that has just started knows of its use only what the cookie says.
    stop(&mut office.gateway).await;
    office.gateway = office.gateway.restart().await;
    assert_eq!(refused(&reconnected(&office, &first).get(&format!("{APP}/")).await), (401, Some("session.idle")));
    assert_eq!(reconnected(&office, &agent).get(&format!("{APP}/")).await.status, 200);
}
