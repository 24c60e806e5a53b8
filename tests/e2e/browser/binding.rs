//! A session counts on the device that it was begun on, and nowhere else.

use gaccong_tests::pki::{self, device};
use serde_json::Value;

use super::{APP, Office, log_in};

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_cookie_is_refused_and_recorded() {
    let office = Office::open(|_| {}).await;
    let browser = office.browser().await;
    log_in(browser.tab().await, "/").await;
    let stolen: Vec<_> = browser.cookies().await.into_iter().filter(|cookie| cookie["domain"] == APP).collect();
    assert!(!stolen.is_empty());
    let thief = office.profile_of(&office.gateway.pki().laptops.issue(device("laptop-8"))).start(&office.gateway).await;
    thief.set_cookies(&stolen).await;
    let tab = thief.tab().await;
    assert_eq!(tab.goto(APP, "/").await, 401);
    tab.wait_for("#login").await;
    assert_eq!(tab.url().await, format!("https://{APP}/"), "nobody is led on without a word");
    tab.assert_accessible_in_all_forms("other-device").await;
    let record = office.gateway.record("the theft", |r| r.reason() == Some("session.other_device")).await;
    assert!(record.0.to_string().contains("laptop-8"), "{}", record.0);
    let of_thief = |record: &gaccong_tests::Record| record.text("/device/uid") == Some("laptop-8");
    let allowed = |record: &gaccong_tests::Record| record.text("/action") == Some("Allowed");
    let records = office.gateway.all_records();
    assert!(!records.iter().any(|record| of_thief(record) && allowed(record)), "nothing of it reached the app");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_opens_apps_on_the_device_that_it_is_used_at() {
    let office = Office::open(|setup| {
        setup.set("auth", "host = \"card.example.test\"");
        setup.set("auth", "trust = [\"people\"]");
    })
    .await;
    let card = office.gateway.pki().people.issue(pki::person("alice@example.org"));
    let browser = office.profile().and(&card).start(&office.gateway).await;
    let tab = browser.tab().await;
    let target = format!("https://{APP}/reports?year=2026#total");
    tab.goto_url(&target).await;
    tab.wait_until_at(&target).await;
    let seen: Value = serde_json::from_str(&tab.text("body").await).unwrap();
    assert_eq!(seen["target"], "/reports?year=2026");

    let record = office.gateway.record("the permit", |r| r.path() == Some("/reports") && r.status() == Some(200)).await;
    let record = record.0.to_string();
    assert!(record.contains("alice@example.org") && record.contains("laptop-7"), "{record}");
}
