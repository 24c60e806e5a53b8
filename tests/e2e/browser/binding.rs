//! A session counts on the device that it was begun on, and nowhere else.

use gaccong_tests::pki::{self, device};
use gaccong_tests::{Browser, Setup, eventually};
use serde_json::{Value, json};

use super::{APP, LOCALES, Office, RECENT, log_in, until_too_old};

/// Where people log in with cards.
const CARDS: &str = "card.example.test";

fn with_cards(setup: &mut Setup) {
    setup.set("auth", &format!("host = \"{CARDS}\""));
    setup.set("auth", "trust = [\"people\"]");
}

/// A browser on Alice's laptop, with her card in the reader.
async fn browser_with_card(office: &Office) -> Browser {
    let card = office.gateway.pki().people.issue(pki::person("alice@example.org"));
    office.profile().and(&card).start(&office.gateway).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_cookie_is_refused_and_recorded() {
    let office = Office::open(|_| {}).await;
    let browser = office.browser().await;
    log_in(browser.tab().await, "/").await;
    let stolen: Vec<_> = browser.cookies().await.into_iter().filter(|cookie| cookie["domain"] == APP).collect();
    assert!(!stolen.is_empty());
    for locale in LOCALES {
        let thief = office.profile_of(&office.gateway.pki().laptops.issue(device("laptop-8")));
        let thief = thief.option("locale", json!(locale)).start(&office.gateway).await;
        thief.set_cookies(&stolen).await;
        let tab = thief.tab().await;
        assert_eq!(tab.goto(APP, "/").await, 401);
        tab.wait_for("#login").await;
        assert_eq!(tab.url().await, format!("https://{APP}/"), "nobody is led on without a word");
        tab.assert_accessible_in_all_forms(&format!("other-device-{locale}")).await;
    }
    let record = office.gateway.record("the theft", |r| r.reason() == Some("session.other_device")).await;
    assert!(record.0.to_string().contains("laptop-8"), "{}", record.0);
    let of_thief = |record: &gaccong_tests::Record| record.text("/device/uid") == Some("laptop-8");
    let allowed = |record: &gaccong_tests::Record| record.text("/action") == Some("Allowed");
    let records = office.gateway.all_records();
    assert!(!records.iter().any(|record| of_thief(record) && allowed(record)), "nothing of it reached the app");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_opens_apps_on_the_device_that_it_is_used_at() {
    let office = Office::open(with_cards).await;
    let browser = browser_with_card(&office).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_shown_anew_where_a_recent_login_is_wanted() {
    let office = Office::open(|setup| {
        with_cards(setup);
        setup.policies.insert("recent.cedar", RECENT.to_owned());
    })
    .await;
    let browser = browser_with_card(&office).await;
    let tab = browser.tab().await;
    tab.goto(APP, "/news").await;
    tab.wait_until_at(&format!("https://{APP}/news")).await;
    until_too_old(tab, "/payslips").await;

    // The browser's connection on which the card was shown is still there, and what it proves is too old.
    let target = "/payslips?month=11#net";
    assert_eq!(tab.goto(APP, target).await, 401);
    tab.wait_until_at(&format!("https://{APP}{target}")).await;
    tab.wait_for("body:has-text('month=11')").await;
    let to_itself = |record: &gaccong_tests::Record| record.path() == Some("/login") && record.status() == Some(303);
    // One login, then once or more to itself, and on.
    let steps = eventually("a way by itself", || async {
        Some(office.gateway.records().into_iter().filter(to_itself).count()).filter(|steps| *steps >= 3)
    })
    .await;
    assert!(steps <= 6, "{steps} steps");
}
