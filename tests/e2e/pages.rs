//! What a person and what a program see of a refusal.

use gaccong_tests::client::{empty, request};
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Answer, Certified, Client, Gateway, Setup, UserAgent, pki};

use crate::handshakes::dated;
use crate::login_faults::Office;

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

/// The advice for a browser that remembers a wrong certificate, in each language.
const CHOICE: [(&str, &str); 2] = [
    ("en", "A browser remembers the certificate that you chose until it is closed completely."),
    ("vi", "Trình duyệt nhớ lựa chọn chứng thư cho đến khi được đóng hẳn."),
];

/// Whether a page refuses for this reason, with the advice, in both languages.
async fn assert_advises(mut agent: UserAgent, reason: &str, is_advised: bool) {
    for (language, words) in CHOICE {
        let fields = [("accept-language", language), ("sec-fetch-mode", "navigate")];
        let page = agent.send("GET", &format!("https://{HOST}/"), &fields, String::new()).await;
        assert_eq!(page.reason(), Some(reason), "{}", page.text());
        assert!(page.text().contains(&format!("<html lang=\"{language}\">")), "{reason}: {}", page.text());
        assert_eq!(page.text().contains(words), is_advised, "{reason} in {language}: {}", page.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_have_chosen_a_wrong_certificate_reads_how_to_choose_again() {
    let (echo, mut certificates) = (Echo::h1().await, None);
    let gateway = Gateway::start(|setup: &mut Setup| {
        setup.set("clients", "certificate = \"optional\"").set("clients", "on_invalid = \"page\"");
        setup.app("payroll", echo.url());
        setup.policies.insert("payroll.cedar", POLICY.to_owned());
        let mut params = pki::laptop("laptop-7", "alice@example.org");
        dated(&mut params, -48, -24);
        let (expired, revoked) = (setup.pki.laptops.issue(params), setup.pki.alice());
        setup.write("laptops.crl", &setup.pki.laptops.crl(&[&revoked]));
        certificates = Some((expired, revoked));
    })
    .await;
    let (expired, revoked) = certificates.unwrap();
    let pki = gateway.pki();
    let by = |client: Client| UserAgent::default().reaching(HOST, client);
    let with = |certified: &Certified| by(gateway.client(certified));
    assert_advises(by(gateway.anonymous()), "certificate.absent", true).await;
    assert_advises(with(&expired), "certificate.expired", true).await;
    // A person's certificate where a device's is wanted, and the other way round.
    assert_advises(with(&pki.people.issue(pki::person("alice@example.org"))), "device.absent", true).await;
    assert_advises(with(&pki.laptops.issue(pki::device("laptop-7"))), "principal.absent", true).await;

    assert_advises(with(&revoked), "certificate.revoked", false).await;
    assert_advises(with(&pki.bob()), "policy.forbid", false).await;
    let carol = pki.laptops.issue(pki::laptop("laptop-7", "carol@example.org"));
    assert_advises(with(&carol), "policy.no_permit", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_session_is_not_the_certificates_reads_how_to_choose_again() {
    let office = Office::open(|_| {}).await;
    let mut agent = office.agent();
    assert_eq!(office.log_in(&mut agent).await.status, 200);
    let laptops = &office.gateway.pki().laptops;
    let with = |certified| agent.stolen_by(&office.gateway, certified);
    let bobs = laptops.issue(pki::laptop("laptop-7", "bob@example.org"));
    assert_advises(with(&bobs), "session.principal_mismatch", true).await;
    assert_advises(with(&laptops.issue(pki::device("laptop-8"))), "session.other_device", false).await;
}
