//! A person without a login who is refused reads why, in any language, colours and size.

use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, Profile, pki};
use serde_json::json;

use super::LOCALES;

const HOST: &str = "payroll.example.test";

const POLICY: &str = r#"
@reason("The disk of this device is not encrypted.")
@advice("Turn on disk encryption and try again.")
@reason_vi("Ổ đĩa của thiết bị này chưa được mã hóa.")
@advice_vi("Hãy bật mã hóa ổ đĩa rồi thử lại.")
forbid (principal, action, resource == App::"payroll")
when { context has device && context.device has disk_encrypted && !context.device.disk_encrypted };
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_out_of_the_store_opens_an_app() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("payroll", echo.url());
    })
    .await;
    let browser = Profile::with(&gateway.pki().alice()).start(&gateway).await;
    let tab = browser.tab().await;
    assert_eq!(tab.goto(HOST, "/").await, 200);
    assert_eq!(tab.url().await, format!("https://{HOST}/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_can_be_read_by_everyone() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("payroll", echo.url());
        setup.policies.insert("payroll.cedar", POLICY.to_owned());
    })
    .await;
    let words = ["Ổ đĩa của thiết bị này chưa được mã hóa.", "The disk of this device is not encrypted."];
    for (locale, words) in LOCALES.into_iter().zip(words) {
        let browser = Profile::with(&gateway.pki().bob()).option("locale", json!(locale)).start(&gateway).await;
        let tab = browser.tab().await;
        assert_eq!(tab.goto(HOST, "/reports?year=2026").await, 403);
        assert!(tab.text("main").await.contains(words), "{}", tab.html().await);
        tab.assert_accessible_in_all_forms(&format!("refusal-{locale}")).await;
    }
    // A person's certificate where a device's is wanted: the page says how to choose again.
    let persons = gateway.pki().laptops.issue(pki::person("alice@example.org"));
    for locale in LOCALES {
        let browser = Profile::with(&persons).option("locale", json!(locale)).start(&gateway).await;
        let tab = browser.tab().await;
        assert_eq!(tab.goto(HOST, "/").await, 403);
        assert_eq!(tab.count("#choice").await, 1);
        tab.assert_accessible_in_all_forms(&format!("wrong-certificate-{locale}")).await;
    }
}
