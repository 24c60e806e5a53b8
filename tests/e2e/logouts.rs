//! Whoever logs out is logged out, also where the session had ended before.

use std::time::{Duration, Instant};

use gaccong_tests::client::plain_post;
use gaccong_tests::control;
use gaccong_tests::eventually;
use gaccong_tests::user_agent::form;
use gaccong_tests::{Answer, UserAgent};
use serde_json::json;

use crate::login_faults::{APP, Office, refused};

const HOST: &str = "payroll.example.test";
const COOKIE: &str = "__Host-gaccong-session";

/// Alice, logged in and asked whether she wants to log out; what the form bears.
async fn asked(office: &Office) -> (UserAgent, String) {
    let mut agent = office.agent();
    assert_eq!(office.log_in(&mut agent).await.status, 200);
    let page = agent.get(&format!("{APP}/.gaccong/logout")).await;
    let html = page.text();
    let token = html.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    (agent, token.unwrap_or_else(|| panic!("no form in {html}")).to_owned())
}

async fn log_out(agent: &mut UserAgent, token: &str) -> Answer {
    agent.post(&format!("{APP}/.gaccong/logout"), &[("token", token)]).await
}

fn assert_leaves_by_the_provider(office: &Office, answer: &Answer) {
    let location = answer.header("location").unwrap_or_default();
    assert!(answer.status == 303 && location.starts_with(office.provider.issuer()), "{location}: {}", answer.text());
}

/// The browser has been told to forget the session.
fn assert_forgotten(agent: &UserAgent) {
    assert_eq!(agent.cookie(HOST, COOKIE), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_out_leaves_by_the_provider() {
    let office = Office::open(|_| {}).await;
    let (mut agent, token) = asked(&office).await;
    assert_eq!(refused(&log_out(&mut agent, "x").await), (403, Some("request.cross_site")));
    let answer = log_out(&mut agent, &token).await;
    assert_leaves_by_the_provider(&office, &answer);
    assert_forgotten(&agent);
    assert_eq!(refused(&agent.get(&format!("{APP}/")).await), (401, Some("session.absent")));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_out_of_a_session_that_was_not_used_leaves_by_the_provider_too() {
    const IDLE: Duration = Duration::from_secs(1);
    let office = Office::open(|setup| {
        setup.set("auth", &format!("idle_s = {}", IDLE.as_secs()));
    })
    .await;
    let (mut agent, token) = asked(&office).await;
    // To look would be to use it: only time can tell.
    let used = Instant::now();
    eventually("more than the idle time", || async { (used.elapsed() > IDLE * 2).then_some(()) }).await;
    let left = agent.clone();
    // Whoever has the cookie and not the form only loses the cookie.
    let answer = log_out(&mut agent, "x").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (200, None), "{}", answer.text());
    assert_forgotten(&agent);

    let mut agent = left;
    let answer = log_out(&mut agent, &token).await;
    assert_leaves_by_the_provider(&office, &answer);
    assert_forgotten(&agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_out_of_a_session_that_was_revoked_leaves_the_revocation_as_it_is() {
    let office = Office::open(control::with_control).await;
    let (mut agent, token) = asked(&office).await;
    let bob = office.gateway.pki().bob();
    let get = async |path: &str| office.gateway.call(&bob, "GET", path, None).await.json();
    let sessions = get("/v1/sessions").await;
    let path = format!("/v1/revocations?kind=session&id={}", sessions["sessions"][0]["id"].as_str().unwrap());
    let revoked = office.gateway.call(&bob, "POST", &path, Some(&json!({"reason": "stolen"}))).await;
    assert!(revoked.status.is_success(), "{}", revoked.text());
    let before = get("/v1/revocations").await;
    assert!(before.to_string().contains("stolen"), "{before}");
    assert_eq!(refused(&agent.get(&format!("{APP}/")).await), (401, Some("session.revoked")));

    assert_leaves_by_the_provider(&office, &log_out(&mut agent, &token).await);
    assert_forgotten(&agent);
    assert_eq!(get("/v1/revocations").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_out_after_the_provider_has_ended_the_session_is_logged_out() {
    let office = Office::open(|_| {}).await;
    let (mut agent, token) = asked(&office).await;
    let ended = office.provider.sign("logout+jwt", &office.provider.logout_claims());
    let ended = form(&[("logout_token", &ended)]);
    let ended = plain_post(office.gateway.management(), "/backchannel-logout", &ended).await.unwrap();
    assert_eq!(ended.status, 200, "{}", ended.text());

    let answer = log_out(&mut agent, &token).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (200, None), "{}", answer.text());
    assert!(answer.text().contains("Bạn đã đăng xuất"), "{}", answer.text());
    assert_forgotten(&agent);
}
