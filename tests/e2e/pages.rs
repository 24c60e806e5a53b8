//! What a person and what a program see of a refusal.

use gaccong_tests::client::{empty, request};
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Answer, Gateway};

const HOST: &str = "payroll.example.test";

const POLICY: &str = r#"
@id("secret-policy-id")
@reason("The disk of this device is not encrypted.")
@advice("Turn on disk encryption & try again.")
@reason_vi("Ổ đĩa của thiết bị này chưa được mã hóa.")
@advice_vi("Hãy bật mã hóa ổ đĩa rồi thử lại.")
forbid (principal, action, resource == App::"payroll")
when { context has device && context.device has disk_encrypted && !context.device.disk_encrypted };
"#;

async fn refused(headers: &[(&str, &str)]) -> Answer {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("payroll", echo.url());
        setup.policies.insert("payroll.cedar", POLICY.to_owned());
    })
    .await;
    let mut request = request("GET", HOST, "/a?b=%3Cscript%3E");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let bob = gateway.client(&gateway.pki().bob());
    let answer = bob.send(HOST, request.body(empty()).unwrap()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.reason()), (403, Some("policy.forbid")));
    answer
}

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_a_page_in_its_language() {
    let english = refused(&[BROWSER, ("accept-language", "en-GB,en;q=0.9,vi;q=0.1")]).await;
    let vietnamese = refused(&[BROWSER, ("accept-language", "vi-VN,vi;q=0.9,en;q=0.1")]).await;
    for (answer, language, words) in [
        (&english, "en", "The disk of this device is not encrypted."),
        (&vietnamese, "vi", "Ổ đĩa của thiết bị này chưa được mã hóa."),
    ] {
        let page = answer.text();
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(page.contains(&format!("lang=\"{language}\"")), "{page}");
        assert!(page.contains(words), "{page}");
        assert!(page.contains(answer.id()), "the id for the helpdesk: {page}");
        assert_self_contained(answer);
    }
    assert!(english.text().contains("disk encryption &#38; try again"), "escaped: {}", english.text());
}

fn assert_self_contained(answer: &Answer) {
    let page = answer.text().to_lowercase();
    for foreign in ["<script", "src=", "javascript:", "@import", "url(", "<link", "<iframe"] {
        assert!(!page.contains(foreign), "{foreign} in {page}");
    }
    assert!(page.contains("<title>") && page.contains("<h1"), "{page}");
    let policy = answer.header("content-security-policy").expect("a content security policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_problem_json() {
    for accept in ["application/json", "*/*"] {
        let answer = refused(&[("accept", accept), ("accept-language", "en")]).await;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        assert_eq!(problem["status"], 403);
        assert!(problem["title"].is_string() && problem["type"].is_string(), "{problem}");
        let text = problem.to_string();
        for part in ["policy.forbid", answer.id(), "The disk of this device is not encrypted."] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_is_never_redirected() {
    let fetch = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), ("accept", "*/*")];
    let answer = refused(&fetch).await;
    assert!(answer.header("location").is_none());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn details_stay_in_the_record() {
    for accept in ["text/html", "application/json"] {
        let text = refused(&[("accept", accept)]).await.text();
        assert!(!text.contains("secret-policy-id"), "{text}");
        assert!(!text.contains("bob@example.org") && !text.contains("laptop-8"), "{text}");
    }
}
