//! An employee opens an app and is in: once logged in, everywhere, and always where they wanted to go.

use gaccong_tests::eventually;
use serde_json::{Value, json};

use super::{APP, Office, log_in, type_name};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_visit_ends_where_it_began() {
    let office = Office::open(|setup| {
        setup.app("wiki", "http://127.0.0.1:9");
    })
    .await;
    let browser = office.browser().await;
    let tab = browser.tab().await;
    assert_eq!(tab.goto(APP, "/reports/2026?quarter=3&sort=name%20asc#total").await, 401);
    type_name(tab, "alice").await;

    tab.wait_until_at(&format!("https://{APP}/reports/2026?quarter=3&sort=name%20asc#total")).await;
    let seen: Value = serde_json::from_str(&tab.text("body").await).unwrap();
    assert_eq!(seen["target"], "/reports/2026?quarter=3&sort=name%20asc");
    assert!(!seen.to_string().contains("gaccong-session"), "the cookie is the gateway's own: {seen}");
    let record =
        office.gateway.record("the permit", |r| r.path() == Some("/reports/2026") && r.status() == Some(200)).await;
    assert!(record.0.to_string().contains("alice@example.org"), "{}", record.0);

    let cookies = browser.cookies().await;
    let ours: Vec<_> = cookies.iter().filter(|cookie| cookie["domain"] != "localhost").collect();
    let session = ours.iter().find(|cookie| cookie["domain"] == APP && cookie["name"] == "__Host-gaccong-session");
    let session = session.unwrap_or_else(|| panic!("{ours:#?}"));
    assert_eq!(
        (&session["secure"], &session["httpOnly"], &session["sameSite"]),
        (&json!(true), &json!(true), &json!("Lax"))
    );
    assert!(ours.iter().all(|cookie| cookie["secure"] == true && cookie["httpOnly"] == true), "{ours:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_login_by_a_new_key_of_the_provider_succeeds() {
    let office = Office::open(|_| {}).await;
    eventually("the keys of before", || async {
        (office.gateway.metrics().await.sum("gaccong_oidc_up", &[]) == Some(1.0)).then_some(())
    })
    .await;
    office.provider.rotate_keys().await;
    let browser = office.browser().await;
    let tab = browser.tab().await;
    log_in(tab, "/").await;
    assert_eq!(tab.reload().await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_app_asks_for_nothing() {
    let echo = gaccong_tests::upstream::Echo::h1().await;
    let office = Office::open(|setup| {
        setup.app("wiki", echo.url());
    })
    .await;
    let browser = office.browser().await;
    let tab = browser.tab().await;
    log_in(tab, "/").await;
    tab.goto("wiki.example.test", "/page?id=7#section").await;
    tab.wait_until_at("https://wiki.example.test/page?id=7#section").await;
    assert!(tab.text("body").await.contains("/page?id=7"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_log_in_at_once_all_end_where_they_began() {
    let office = Office::open(|_| {}).await;
    let browser = office.browser().await;
    let tabs = [browser.tab().await, browser.tab().await, browser.tab().await];
    for (index, tab) in tabs.iter().enumerate() {
        tab.goto(APP, &format!("/tab/{index}?of=3#fragment-{index}")).await;
        tab.wait_for("input[name=user]").await;
    }
    // The last begins; the first has waited longest.
    for (index, tab) in tabs.iter().enumerate().rev() {
        type_name(*tab, "alice").await;
        tab.wait_until_at(&format!("https://{APP}/tab/{index}?of=3#fragment-{index}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_told_and_never_sent_away() {
    let office = Office::open(|_| {}).await;
    let browser = office.browser().await;
    let tab = browser.tab().await;
    log_in(tab, "/").await;
    browser.clear_cookies().await;
    let told = tab
        .evaluate(
            "fetch('/api/items', {headers: {accept: 'application/json'}}).then(async (answer) => ({
                status: answer.status, redirected: answer.redirected,
                type: answer.headers.get('content-type'), problem: await answer.json(),
            }))",
        )
        .await;
    assert_eq!((&told["status"], &told["redirected"]), (&json!(401), &json!(false)), "{told}");
    assert_eq!(told["type"], "application/problem+json");
    assert!(told["problem"].to_string().contains("session.absent"), "{told}");
}
