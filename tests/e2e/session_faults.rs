//! A session's cookie counts whole, once, on its host and its device; whatever else is shown is refused.

use std::time::{Duration, Instant};

use gaccong_tests::client::{empty, request};
use gaccong_tests::{UserAgent, eventually, pki};

use super::login_faults::{APP, Office, refused};

const HOST: &str = "payroll.example.test";
const COOKIE: &str = "__Host-gaccong-session";

/// The cookie of a session of Alice's on the app's host.
async fn session(office: &Office) -> (UserAgent, String) {
    let mut agent = office.agent();
    let app = office.log_in(&mut agent).await;
    assert_eq!(app.status, 200, "{}", app.text());
    let (_, value) = agent.cookie(HOST, COOKIE).expect("a session");
    (agent, value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_was_tampered_with_is_refused() {
    let office = Office::open(|_| {}).await;
    let (agent, value) = session(&office).await;
    let flipped = |at: usize| {
        let mut bytes = value.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let served = office.echo.requests();
    for (what, cookie) in [
        ("a byte more", format!("{value}A")),
        ("a byte less", value[..value.len() - 1].to_owned()),
        ("another first byte", flipped(value.find('.').map_or(0, |dot| dot + 1))),
        ("another last byte", flipped(value.len() - 2)),
        ("nothing", String::new()),
        ("nonsense", "a.b.c".to_owned()),
        ("much", "A".repeat(12_000)),
    ] {
        let mut agent = agent.clone();
        agent.set_cookie(HOST, COOKIE, &cookie);
        assert_eq!(refused(&agent.get(&format!("{APP}/")).await), (401, Some("session.invalid")), "{what}");
    }
    assert_eq!(office.echo.requests(), served);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_cookies_of_a_session_are_refused() {
    let office = Office::open(|_| {}).await;
    let (_, value) = session(&office).await;
    let laptop = gaccong_tests::provider::laptop_7(&office.gateway);
    for second in [&*value, "x", ""] {
        let both = format!("{COOKIE}={value}; a=b; {COOKIE}={second}");
        let request = request("GET", HOST, "/").header("cookie", both).body(empty()).unwrap();
        let answer = office.gateway.client(&laptop).send(HOST, request).await.unwrap();
        assert_eq!(refused(&answer), (401, Some("session.invalid")), "{second}");
    }
    let good = request("GET", HOST, "/").header("cookie", format!("a=b; {COOKIE}={value}")).body(empty()).unwrap();
    assert_eq!(office.gateway.client(&laptop).send(HOST, good).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_counts_on_its_host_only() {
    let office = Office::open(|_| {}).await;
    let (mut agent, value) = session(&office).await;
    agent.set_cookie("wiki.example.test", COOKIE, &value);
    let answer = agent.get("https://wiki.example.test/").await;
    assert_eq!(refused(&answer), (401, Some("session.invalid")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_counts_on_its_device_only() {
    let office = Office::open(|_| {}).await;
    let (agent, _) = session(&office).await;
    let pki = office.gateway.pki();
    let mut thief = agent.stolen_by(&office.gateway, &pki.laptops.issue(pki::device("laptop-8")));
    assert_eq!(refused(&thief.get(&format!("{APP}/")).await), (401, Some("session.other_device")));
    office.gateway.record("the theft", |r| r.reason() == Some("session.other_device")).await;

    // A renewed certificate of the same device is no other device.
    let mut renewed = agent.stolen_by(&office.gateway, &pki.laptops.issue(pki::device("laptop-7")));
    assert_eq!(renewed.get(&format!("{APP}/")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_one_person_over_the_certificate_of_another_is_refused() {
    let office = Office::open(|_| {}).await;
    let (agent, _) = session(&office).await;
    let bobs = office.gateway.pki().laptops.issue(pki::laptop("laptop-7", "bob@example.org"));
    let mut agent = agent.stolen_by(&office.gateway, &bobs);
    let answer = agent.get(&format!("{APP}/")).await;
    assert_eq!(refused(&answer), (403, Some("session.principal_mismatch")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_its_cookie_or_its_certificate_is_none() {
    let office = Office::open(|_| {}).await;
    let (mut agent, value) = session(&office).await;
    let request = request("GET", HOST, "/").header("cookie", format!("{COOKIE}={value}")).body(empty()).unwrap();
    // Without a certificate there is no connection to speak over.
    assert!(office.gateway.anonymous().send(HOST, request).await.is_err());
    agent.forget(HOST);
    assert_eq!(refused(&agent.get(&format!("{APP}/")).await), (401, Some("session.absent")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_however_much_it_is_used() {
    let office = Office::open(|setup| {
        setup.set("auth", "session_s = 4");
    })
    .await;
    let mut agent = office.agent();
    assert_eq!(office.log_in(&mut agent).await.status, 200);
    let ended = eventually("the end of the session", || {
        let mut agent = agent.clone();
        async move { agent.get_unless_cut(&format!("{APP}/")).await.filter(|answer| answer.status != 200) }
    })
    .await;
    assert_eq!(refused(&ended), (401, Some("session.expired")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_not_used_ends() {
    const IDLE: Duration = Duration::from_secs(3);
    let office = Office::open(|setup| {
        setup.set("auth", &format!("idle_s = {}", IDLE.as_secs()));
    })
    .await;
    let mut agent = office.agent();
    assert_eq!(office.log_in(&mut agent).await.status, 200);
    // To look would be to use it: only time can tell.
    let used = Instant::now();
    eventually("more than the idle time", || async { (used.elapsed() > IDLE).then_some(()) }).await;
    assert_eq!(refused(&agent.get(&format!("{APP}/")).await), (401, Some("session.idle")));
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_more_sessions_than_are_allowed() {
    let office = Office::open(|setup| {
        setup.set("auth", "max_sessions = 1");
    })
    .await;
    assert_eq!(office.log_in(&mut office.agent()).await.status, 200);
    let mut second = office.agent();
    let begun = office.begin(&mut second).await;
    let answer = second.get(&begun.back(&office.provider, |_| {})).await;
    assert_eq!(refused(&answer), (503, Some("login.limit")));
}
