//! The gateway's own pages: the status, the portal, the choice of a language, the operator's words.

use gaccong_tests::fake_provider::FakeProvider;
use gaccong_tests::provider::{laptop_7, with_login};
use gaccong_tests::upstream::Echo;
use gaccong_tests::user_agent::UserAgent;
use gaccong_tests::{Answer, Gateway, eventually};
use rustix::process::Signal;

const AUTH: &str = "https://auth.example.test";
const PAYROLL: &str = "https://payroll.example.test";

/// Payroll is open to all staff, the archive from encrypted disks only, and nobody may reach the treasury.
const POLICY: &str = r#"
@id("payroll")
permit (principal in Group::"staff", action, resource == App::"payroll");

@id("archive")
permit (principal in Group::"staff", action, resource == App::"archive")
when { context has device && context.device has disk_encrypted && context.device.disk_encrypted };
"#;

/// An upstream and a provider, for as long as the gateway may look for them.
type Others = (Echo, FakeProvider);

async fn gateway() -> (Gateway, Others) {
    let (echo, provider) = (Echo::h1().await, FakeProvider::start().await);
    let gateway = Gateway::start(|setup| {
        with_login(setup, provider.issuer(), provider.ca());
        setup.set("pages", "name = \"Sở Thông tin & Truyền thông\"");
        setup.set("pages", "contact = [\"1080\", \"helpdesk@example.gov.vn\"]");
        for app in ["payroll", "archive", "treasury"] {
            setup.app(app, echo.url());
        }
        setup.policies.insert("permits.cedar", POLICY.to_owned());
    })
    .await;
    (gateway, (echo, provider))
}

fn bob(gateway: &Gateway) -> UserAgent {
    UserAgent::new(gateway, &gateway.pki().bob())
}

async fn read(agent: &mut UserAgent, url: &str, language: &str) -> Answer {
    let headers = [("accept-language", language), ("sec-fetch-mode", "navigate")];
    agent.send("GET", url, &headers, String::new()).await
}

fn assert_says(answer: &Answer, parts: &[&str]) {
    for part in parts {
        assert!(answer.text().contains(part), "`{part}` in {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_says_who_on_what_device_and_what_may_be_reached() {
    let (gateway, _others) = gateway().await;
    let english = read(&mut bob(&gateway), &format!("{PAYROLL}/.gaccong/status"), "en").await;
    assert_eq!((english.status.as_u16(), english.header("cache-control")), (200, Some("no-store")));
    let known = ["bob@example.org", "laptop-8", "The certificate of this connection", "Certificate valid until"];
    assert_says(&english, &known);
    assert_says(&english, &["Disk encrypted", "needs fixing", "Turn on the encryption of your disk", "just now · mdm"]);
    assert_says(&english, &["href=\"https://payroll.example.test/\"", "<h3>archive</h3>", "<li>treasury</li>"]);

    let vietnamese = read(&mut bob(&gateway), &format!("{PAYROLL}/.gaccong/status"), "vi").await;
    assert_says(&vietnamese, &["<html lang=\"vi\">", "Ổ đĩa được mã hóa", "cần khắc phục", "Bật mã hóa ổ đĩa"]);
    assert_says(&vietnamese, &["Ứng dụng bạn có thể truy cập ngay", "Ứng dụng hiện chưa mở cho bạn"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_a_device_without_a_person_leads_to_the_login() {
    let (gateway, _others) = gateway().await;
    let mut agent = UserAgent::new(&gateway, &laptop_7(&gateway));
    let answer = read(&mut agent, &format!("{PAYROLL}/.gaccong/status"), "en").await;
    assert_eq!(answer.status, 200);
    assert_says(&answer, &["The gateway does not know who you are", "laptop-7", "Log in</a>"]);
    assert!(!answer.text().contains("treasury"), "what is there is nobody's to see: {}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_lists_what_is_open_and_why_the_rest_is_closed() {
    let (gateway, _others) = gateway().await;
    let answer = read(&mut bob(&gateway), &format!("{AUTH}/"), "en").await;
    assert_eq!(answer.status, 200);
    let text = answer.text();
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("`{part}` in {text}"));
    assert!(place("Applications that you can reach now") < place("href=\"https://payroll.example.test/\""));
    assert!(place("Applications that are closed to you now") < place("<h3>archive</h3>"));
    assert!(place("<h3>archive</h3>") < place("<li>Turn on the encryption of your disk"));
    assert!(place("Applications that you have no access to") < place("<li>treasury</li>"));
    assert_says(&answer, &["Hello bob@example.org", "href=\"tel:1080\"", "href=\"mailto:helpdesk@example.gov.vn\""]);

    let mut alice = UserAgent::new(&gateway, &gateway.pki().alice());
    let answer = read(&mut alice, &format!("{AUTH}/"), "vi").await;
    assert_says(&answer, &["Các ứng dụng của bạn", "href=\"https://archive.example.test/\""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_sends_whoever_is_not_known_to_the_login() {
    let (gateway, _others) = gateway().await;
    let mut agent = UserAgent::new(&gateway, &laptop_7(&gateway));
    let answer = read(&mut agent, &format!("{AUTH}/"), "en").await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, Some("session.absent")));
    assert_says(
        &answer,
        &["<noscript><meta http-equiv=\"refresh\" content=\"0; url=https://auth.example.test/login?ticket="],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_language_is_chosen_once_and_nobody_is_led_elsewhere() {
    let (gateway, _others) = gateway().await;
    let mut agent = bob(&gateway);
    let page = read(&mut agent, &format!("{PAYROLL}/.gaccong/status"), "vi").await;
    assert_says(
        &page,
        &["href=\"/.gaccong/language?set=en&#38;to=%2F%2Egaccong%2Fstatus\" lang=\"en\" hreflang=\"en\""],
    );

    let chosen = read(&mut agent, &format!("{PAYROLL}/.gaccong/language?set=en&to=%2F.gaccong%2Fstatus"), "vi").await;
    assert_eq!((chosen.status.as_u16(), chosen.header("location")), (303, Some("/.gaccong/status")));
    let cookie = chosen.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-gaccong-language=en; Path=/; Max-Age="), "{cookie}");
    let page = read(&mut agent, &format!("{PAYROLL}/.gaccong/status"), "vi").await;
    assert_says(&page, &["<html lang=\"en\">"]);

    for to in ["https://evil.example/", "//evil.example/", "/%5Cevil.example/", "evil", "/a%0d%0ab:c", "", "/%C3%A9"] {
        let url = format!("{PAYROLL}/.gaccong/language?set=vi&to={to}");
        let answer = read(&mut agent, &url, "en").await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some("/")), "{to}");
    }
    let unknown = read(&mut agent, &format!("{PAYROLL}/.gaccong/language?set=fr"), "en").await;
    assert_eq!((unknown.status.as_u16(), unknown.reason()), (400, Some("request.malformed")));
    assert!(unknown.header("set-cookie").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_bears_the_operators_words_and_shows_the_way_to_the_status() {
    let (gateway, _others) = gateway().await;
    let mut agent = bob(&gateway);
    let answer = read(&mut agent, "https://archive.example.test/a?b=c", "en").await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (403, Some("policy.no_permit")));
    assert_says(&answer, &["Sở Thông tin &#38; Truyền thông", "<strong>archive.example.test</strong>", answer.id()]);
    assert_says(&answer, &["href=\"/.gaccong/status\"", "set=vi&#38;to=%2Fa%3Fb%3Dc\"", "href=\"tel:1080\""]);

    // What the operator writes is in force with the next reload.
    let toml = std::fs::read_to_string(gateway.dir().join("gaccong.toml")).unwrap();
    gateway.replace("gaccong.toml", &toml.replace("Truyền thông", "Công nghệ"));
    gateway.signal(Signal::HUP);
    eventually("the new name on a page", || {
        let mut agent = agent.clone();
        async move {
            let answer = read(&mut agent, "https://archive.example.test/", "en").await;
            answer.text().contains("Công nghệ").then_some(())
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_a_login_is_not_lost_without_a_word() {
    let (gateway, _others) = gateway().await;
    let mut agent = UserAgent::new(&gateway, &laptop_7(&gateway));
    let answer = agent.post(&format!("{PAYROLL}/form"), &[("a", "b")]).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, Some("session.absent")));
    assert_says(&answer, &["target=\"_blank\"", "chưa được xử lý"]);
    assert!(!answer.text().contains("http-equiv=\"refresh\""), "{}", answer.text());

    let framed = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    let answer = agent.send("GET", &format!("{PAYROLL}/"), &framed, String::new()).await;
    assert_says(&answer, &["target=\"_top\""]);
    assert!(answer.header("content-security-policy").unwrap().ends_with("frame-ancestors https:"));
}
