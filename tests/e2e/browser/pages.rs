//! Every page can be read by everyone: in both languages, in light and dark, on a phone and on a desktop.

use gaccong_tests::provider::AUTH_HOST;
use serde_json::json;

use super::{APP, Office, log_in};

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_and_the_status_can_be_read_by_everyone() {
    let office = Office::open(|setup| {
        setup.app("wiki", "http://127.0.0.1:9");
        setup.policies.insert("wiki.cedar", "forbid (principal, action, resource == App::\"wiki\");".to_owned());
    })
    .await;
    for (locale, greeting) in [("vi-VN", "Thiết bị"), ("en-GB", "device")] {
        let browser = office.profile().option("locale", json!(locale)).start(&office.gateway).await;
        let tab = browser.tab().await;
        log_in(tab, "/").await;
        assert_eq!(tab.goto(APP, "/.gaccong/status").await, 200);
        let page = tab.text("main").await;
        for part in ["alice@example.org", "laptop-7", greeting] {
            assert!(page.contains(part), "{part} in {page}");
        }
        tab.assert_accessible_in_all_forms(&format!("status-{locale}")).await;

        assert_eq!(tab.goto(AUTH_HOST, "/").await, 200);
        let page = tab.text("main").await;
        assert!(page.contains("payroll") && page.contains("wiki"), "{page}");
        tab.assert_accessible_in_all_forms(&format!("portal-{locale}")).await;
        assert_eq!(browser.complaints().await, Vec::<String>::new());
    }
}
