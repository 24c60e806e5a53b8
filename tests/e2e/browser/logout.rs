//! Whoever logs out is out: on every host, at the provider, and in what still runs.

use gaccong_tests::eventually;
use gaccong_tests::provider::AUTH_HOST;
use gaccong_tests::upstream::Echo;
use serde_json::json;

use super::{APP, LOCALES, Office, log_in, type_name};

/// Opens a WebSocket and a stream of events in the page, and notes how they end.
const OPEN_STREAMS: &str = "{
    window.ended = {};
    const socket = new WebSocket(`wss://${location.host}/socket`);
    socket.onclose = (event) => { window.ended.socket = event.code; };
    const events = new EventSource('/sse');
    events.onerror = () => { events.close(); window.ended.events = true; };
    const open = (stream) => new Promise((resolve) => { stream.onopen = () => resolve(null); });
    Promise.all([open(socket), open(events)]).then(() => null);
}";

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_the_session_on_every_host_and_at_the_provider() {
    let echo = Echo::h1().await;
    let office = Office::open(|setup| {
        setup.app("wiki", echo.url());
    })
    .await;
    for locale in LOCALES {
        let browser = office.browser_in(locale).await;
        let tab = browser.tab().await;
        log_in(tab, "/").await;
        let other = browser.tab().await;
        other.goto("wiki.example.test", "/").await;
        other.wait_until_at("https://wiki.example.test/").await;

        assert_eq!(tab.goto(APP, "/.gaccong/logout").await, 200);
        tab.assert_accessible_in_all_forms(&format!("log-out-{locale}")).await;
        tab.click("main form button").await;
        // The provider asks too: it is the person's session with everyone else.
        tab.wait_for("button[name=logout][value=yes]").await;
        tab.click("button[name=logout][value=yes]").await;
        tab.wait_until_at_path(AUTH_HOST, "/logged-out").await;
        tab.assert_accessible_in_all_forms(&format!("logged-out-{locale}")).await;

        assert_eq!(other.reload().await, 401);
        type_name(other, "alice").await;
        other.wait_until_at("https://wiki.example.test/").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_logged_out_by_a_link_or_by_another_site() {
    let echo = Echo::h1().await;
    let office = Office::open(|setup| {
        setup.app("wiki", echo.url());
    })
    .await;
    let browser = office.browser().await;
    let tab = browser.tab().await;
    log_in(tab, "/").await;
    let other = browser.tab().await;
    other.goto("wiki.example.test", "/").await;
    other.wait_until_at("https://wiki.example.test/").await;
    // A form of another host of the same site: its cookies come along.
    let form = format!(
        "{{
            const form = Object.assign(document.createElement('form'), {{method: 'post', action: 'https://{APP}/.gaccong/logout'}});
            document.body.append(form);
            form.submit();
        }}"
    );
    other.evaluate(&form).await;
    other.wait_until_at(&format!("https://{APP}/.gaccong/logout")).await;
    assert!(other.text("footer").await.contains("request.cross_site"));
    assert_eq!(tab.reload().await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_at_the_provider_cuts_what_runs() {
    let office = Office::open(|_| {}).await;
    office.provider.reach(AUTH_HOST, office.gateway.management()).await;
    let browser = office.browser().await;
    let tab = browser.tab().await;
    log_in(tab, "/").await;
    tab.evaluate(OPEN_STREAMS).await;
    assert_eq!(tab.evaluate("window.ended").await, json!({}), "both live");

    assert_eq!(office.provider.end_sessions("alice").await, 1);
    eventually("the end of both streams", || async {
        let ended = tab.evaluate("window.ended").await;
        (ended["socket"] == 1008 && ended["events"] == true).then_some(())
    })
    .await;
    assert_eq!(tab.reload().await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_by_a_new_key_of_the_provider_counts() {
    let office = Office::open(|_| {}).await;
    office.provider.reach(AUTH_HOST, office.gateway.management()).await;
    let browser = office.browser().await;
    let tab = browser.tab().await;
    log_in(tab, "/").await;
    office.provider.rotate_keys().await;
    assert_eq!(office.provider.end_sessions("alice").await, 1);
    eventually("the end of the session", || async { (tab.reload().await == 401).then_some(()) }).await;
}
