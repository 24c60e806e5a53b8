//! Every page can be read by everyone: in both languages, in light and dark, on a phone and on a desktop.

use gaccong_tests::provider::AUTH_HOST;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Browser, Setup};
use serde_json::json;

use super::{APP, LOCALES, Office, log_in, type_name};

/// An app that is closed to everyone.
fn with_closed_app(setup: &mut Setup) {
    setup.app("wiki", "http://127.0.0.1:9");
    let closed = "@id(\"closed\") forbid (principal, action, resource == App::\"wiki\");";
    setup.policies.insert("wiki.cedar", closed.to_owned());
}

/// What a page complained of beside the answers that are refusals.
async fn faults(browser: &Browser) -> Vec<String> {
    let complaints = browser.complaints().await;
    complaints.into_iter().filter(|text| !text.starts_with("Failed to load resource")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_portal_can_be_read_by_everyone() {
    let office = Office::open(with_closed_app).await;
    for (locale, device) in [("vi-VN", "Thiết bị"), ("en-GB", "Device")] {
        let browser = office.browser_in(locale).await;
        let tab = browser.tab().await;
        log_in(tab, "/").await;
        assert_eq!(tab.goto(APP, "/.gaccong/status").await, 200);
        let page = tab.text("main").await;
        for part in ["alice@example.org", "laptop-7", device, "payroll", "wiki"] {
            assert!(page.contains(part), "{part} in {page}");
        }
        tab.assert_accessible_in_all_forms(&format!("status-{locale}")).await;

        assert_eq!(tab.goto(AUTH_HOST, "/").await, 200);
        assert_eq!(tab.count("main a[href^='https://payroll.example.test']").await, 1);
        assert_eq!(tab.count("main a[href^='https://wiki.example.test']").await, 0, "what is closed is no link");
        tab.assert_accessible_in_all_forms(&format!("portal-{locale}")).await;
        assert_eq!(faults(&browser).await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_is_a_place_to_begin() {
    let office = Office::open(with_closed_app).await;
    let browser = office.browser().await;
    let tab = browser.tab().await;
    tab.goto(AUTH_HOST, "/").await;
    type_name(tab, "alice").await;
    tab.wait_until_at(&format!("https://{AUTH_HOST}/")).await;
    tab.click("main a[href^='https://payroll.example.test']").await;
    // No second question: whoever is logged in there is known to every app.
    tab.wait_until_at(&format!("https://{APP}/")).await;
    tab.wait_for("body:has-text('\"target\":\"/\"')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_language_is_the_persons_choice() {
    let office = Office::open(with_closed_app).await;
    let browser = office.browser_in("en-GB").await;
    let tab = browser.tab().await;
    log_in(tab, "/").await;
    tab.goto(APP, "/.gaccong/status").await;
    assert_eq!(tab.evaluate("document.documentElement.lang").await, "en");
    tab.click("nav a[hreflang=vi]").await;
    tab.wait_for("html[lang=vi] nav a[hreflang=en]").await;
    tab.wait_until_at(&format!("https://{APP}/.gaccong/status")).await;
    // It stays so, on refusals too.
    tab.goto(APP, "/.gaccong/nothing").await;
    assert_eq!(tab.evaluate("document.documentElement.lang").await, "vi");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_fails_can_be_read_by_everyone() {
    let office = Office::open(|_| {}).await;
    for locale in LOCALES {
        let browser = office.browser_in(locale).await;
        let tab = browser.tab().await;
        assert_eq!(tab.goto(AUTH_HOST, "/login?ticket=x").await, 400);
        tab.assert_accessible_in_all_forms(&format!("login-failed-{locale}")).await;
        // The provider does not know everyone.
        tab.goto(APP, "/").await;
        type_name(tab, "mallory").await;
        tab.wait_until_at_path(AUTH_HOST, "/callback").await;
        assert!(tab.text("footer").await.contains("login.provider_refused"));
        tab.assert_accessible_in_all_forms(&format!("login-refused-{locale}")).await;
        assert_eq!(faults(&browser).await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_on_the_way_to_a_login_and_back_can_be_read_by_everyone() {
    let office = Office::open(|_| {}).await;
    for locale in LOCALES {
        let browser = office.browser_in(locale).await;
        let tab = browser.tab().await;
        // Both lead on by themselves: the way is held to look at them.
        browser.hold(&format!("https://{AUTH_HOST}/login")).await;
        tab.goto(APP, "/.gaccong/status").await;
        tab.evaluate("{ location.href = '/reports'; }").await;
        tab.wait_for("#login[data-go]").await;
        tab.assert_accessible_in_all_forms(&format!("to-login-{locale}")).await;
        browser.release().await;
        tab.click("#login").await;
        tab.wait_for("input[name=user]").await;

        browser.hold(&format!("https://{APP}/reports")).await;
        type_name(tab, "alice").await;
        tab.wait_for("#return").await;
        tab.assert_accessible_in_all_forms(&format!("return-{locale}")).await;
        browser.release().await;
        tab.click("#return").await;
        tab.wait_until_at(&format!("https://{APP}/reports")).await;
        assert_eq!(faults(&browser).await, Vec::<String>::new());
    }
}

/// A page of another app that frames the app.
const FRAME: &str = "{
    document.title = 'Wiki';
    document.documentElement.lang = 'en';
    document.body.style.margin = 0;
    document.body.innerHTML = '<main><h1>Wiki</h1></main>';
    const frame = document.createElement('iframe');
    Object.assign(frame, {title: 'Payroll', src: 'https://payroll.example.test/reports?year=2026'});
    frame.style.cssText = 'border: 0; width: 100%; height: 90vh';
    document.querySelector('main').append(frame);
}";

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_wanted_in_a_frame_leaves_the_frame() {
    let echo = Echo::h1().await;
    let office = Office::open(|setup| {
        setup.app("wiki", echo.url());
    })
    .await;
    for locale in LOCALES {
        let browser = office.browser_in(locale).await;
        let tab = browser.tab().await;
        tab.goto("wiki.example.test", "/").await;
        type_name(tab, "alice").await;
        tab.wait_until_at("https://wiki.example.test/").await;
        tab.evaluate(FRAME).await;
        tab.wait_for_in_frame("#login").await;
        tab.assert_accessible_in_all_forms(&format!("framed-{locale}")).await;
        // Whoever is known at the login is asked nothing, and is there in the whole window.
        tab.click_in_frame("#login").await;
        tab.wait_until_at(&format!("https://{APP}/reports?year=2026")).await;
        tab.wait_for("body:has-text('year=2026')").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_script_gets_in_too() {
    let office = Office::open(|_| {}).await;
    let browser = office.profile().option("javaScriptEnabled", json!(false)).start(&office.gateway).await;
    let tab = browser.tab().await;
    log_in(tab, "/reports?year=2026").await;
}
