//! What a person can do about a refusal, and that it helps: prove more, or mend the device.

use gaccong_tests::control::{Caller, with_control};
use serde_json::{Value, json};

use super::{APP, LOCALES, Office, RECENT, log_in, type_name, until_too_old};

const STEP_UP: &str = r#"
@id("payslips-need-a-second-factor")
@step_up_acr("urn:test:second-factor")
forbid (principal, action, resource == App::"payroll")
when { context.request.path like "/payslips*" }
unless { context has session && context.session has acr && context.session.acr == "urn:test:second-factor" };
"#;

/// A form that is filled in and sent.
const SEND_FORM: &str = "{
    const form = Object.assign(document.createElement('form'), {method: 'post', action: '/payslips/ask'});
    form.append(Object.assign(document.createElement('input'), {name: 'month', value: '2026-11'}));
    document.body.append(form);
    form.submit();
}";

const DISK: &str = r#"
@id("disk")
forbid (principal, action, resource == App::"payroll")
unless { context has device && context.device has disk_encrypted && context.device.disk_encrypted };
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_opens_what_the_first_does_not() {
    let office = Office::open(|setup| {
        setup.policies.insert("step-up.cedar", STEP_UP.to_owned());
    })
    .await;
    let browser = office.browser().await;
    let tab = browser.tab().await;
    log_in(tab, "/news").await;

    let target = "/payslips/11?year=2026#net";
    assert_eq!(tab.goto(APP, target).await, 401);
    tab.wait_for("button[value=second]").await;
    tab.click("button[value=second]").await;
    tab.wait_until_at(&format!("https://{APP}{target}")).await;
    let seen: Value = serde_json::from_str(&tab.text("body").await).unwrap();
    assert_eq!(seen["target"], "/payslips/11?year=2026");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recent_login_is_asked_for_and_leads_back() {
    let office = Office::open(|setup| {
        setup.policies.insert("recent.cedar", RECENT.to_owned());
    })
    .await;
    let browser = office.browser().await;
    let tab = browser.tab().await;
    log_in(tab, "/news").await;
    until_too_old(tab, "/payslips").await;

    let target = "/payslips?month=11#net";
    assert_eq!(tab.goto(APP, target).await, 401);
    // The provider knows her, and asks all the same.
    type_name(tab, "alice").await;
    tab.wait_until_at(&format!("https://{APP}{target}")).await;
    tab.wait_for("body:has-text('month=11')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_told_which_class_is_wanted() {
    let office = Office::open(|setup| {
        setup.policies.insert("step-up.cedar", STEP_UP.to_owned());
    })
    .await;
    let browser = office.browser().await;
    let tab = browser.tab().await;
    log_in(tab, "/news").await;
    let told = tab
        .evaluate(
            "fetch('/payslips/11', {headers: {accept: 'application/json'}}).then((answer) => ({
                status: answer.status, challenge: answer.headers.get('www-authenticate'),
            }))",
        )
        .await;
    assert_eq!(told["status"], 401);
    let challenge = told["challenge"].as_str().unwrap_or_default();
    assert!(
        challenge.contains("insufficient_user_authentication") && challenge.contains("urn:test:second-factor"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_not_silently_lost() {
    let office = Office::open(|setup| {
        setup.policies.insert("step-up.cedar", STEP_UP.to_owned());
    })
    .await;
    for locale in LOCALES {
        let browser = office.browser_in(locale).await;
        let tab = browser.tab().await;
        log_in(tab, "/news").await;
        tab.evaluate(SEND_FORM).await;
        tab.wait_for("#login").await;
        assert_eq!(office.echo.body_bytes(), 0, "the app has not seen it");
        tab.assert_accessible_in_all_forms(&format!("form-kept-{locale}")).await;
        tab.back().await;
        tab.wait_until_at(&format!("https://{APP}/news")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mended_device_opens_the_app_at_the_next_reload() {
    let office = Office::open(|setup| {
        with_control(setup);
        setup.set("posture", "source = [{ name = \"soc\", who = [\"user:bob@example.org\"] }]");
        setup.policies.insert("disk.cedar", DISK.to_owned());
        setup.posture = json!({"devices": {}});
    })
    .await;
    let bob = Caller::new(&office.gateway, &office.gateway.pki().bob());
    for (locale, advice) in [("vi-VN", "mã hóa"), ("en-GB", "encrypt")] {
        report(&bob, false).await;
        let browser = office.browser_in(locale).await;
        let tab = browser.tab().await;
        log_in(tab, "/").await;
        let page = tab.text("main").await;
        assert!(page.contains(advice), "it says what to do: {page}");
        tab.assert_accessible_in_all_forms(&format!("remedy-{locale}")).await;

        report(&bob, true).await;
        assert_eq!(tab.reload().await, 200);
    }
}

/// The SOC says whether the disk of Alice's laptop is encrypted.
async fn report(soc: &Caller, encrypted: bool) {
    let report = json!({"observed_at": jiff::Timestamp::now().to_string(), "facts": {"disk_encrypted": encrypted}});
    let answer = soc.json("PUT", "/v1/devices/laptop-7/posture", &report).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}
