//! Whole responses, and the reference that is made of the texts.

use std::fmt::Write;
use std::path::Path;

use super::*;

const PAGE: Reader = Reader { format: Format::Page, language: Language::Vietnamese, head_only: false };
const PROBLEM: Reader = Reader { format: Format::Problem, language: Language::English, head_only: false };

fn refusal(reason: Reason) -> Refusal {
    Refusal::new(reason, Uuid::from_u128(7))
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

#[test]
fn every_reason_has_words_in_both_languages() {
    for reason in Reason::ALL {
        let [vi, en] = [Language::Vietnamese, Language::English].map(|language| texts::text(*reason, language));
        for text in [&vi, &en] {
            assert!(!text.title.is_empty() && !text.title.ends_with('.'), "{reason}");
            for sentence in [&text.detail, &text.advice] {
                assert!(sentence.ends_with('.') && sentence.trim() == sentence, "{reason}: {sentence}");
            }
        }
        assert!(vi.title != en.title && vi.detail != en.detail && vi.advice != en.advice, "{reason}");
    }
}

#[test]
fn every_response_says_why_and_is_never_a_redirect() {
    for reason in Reason::ALL {
        for reader in [PAGE, PROBLEM, Reader { head_only: true, ..PAGE }] {
            let response = refusal(*reason).response(reader, &Pages::default());
            assert_eq!(response.status(), reason.status());
            assert!(response.status().is_client_error() || response.status().is_server_error());
            assert_eq!(response.headers()["gaccong-reason"], reason.code());
            assert_eq!(response.headers()["x-request-id"], "00000000-0000-0000-0000-000000000007");
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert!(!response.headers().contains_key("location"));
            assert_eq!(response.body().is_empty(), reader.head_only);
        }
    }
}

#[test]
fn statuses_bring_their_fields() {
    for (reason, name) in [
        (Reason::PrincipalAbsent, "www-authenticate"),
        (Reason::RequestMethod, "allow"),
        (Reason::ConnectionSourceLimit, "retry-after"),
        (Reason::CrlStale, "retry-after"),
    ] {
        assert!(refusal(reason).response(PROBLEM, &Pages::default()).headers().contains_key(name), "{reason}");
    }
    assert!(
        !refusal(Reason::PolicyForbid).response(PROBLEM, &Pages::default()).headers().contains_key("www-authenticate")
    );
}

#[test]
fn a_problem_is_json() {
    let response = refusal(Reason::PostureStale).response(PROBLEM, &Pages::default());
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(problem["type"], "urn:gaccong:reason:device.posture_stale");
    assert_eq!(problem["status"], 403);
    assert_eq!(problem["title"], "Your device's last report is too old");
    assert_eq!(problem["instance"], "urn:uuid:00000000-0000-0000-0000-000000000007");
    assert!(problem["detail"].is_string() && problem["advice"].is_string());
}

#[test]
fn a_page_is_complete_and_loads_nothing() {
    for language in [Language::Vietnamese, Language::English] {
        let response = refusal(Reason::CertificateRevoked).response(Reader { language, ..PAGE }, &Pages::default());
        let page = text(&response);
        assert_eq!(response.headers()["content-language"], language.tag());
        assert!(page.contains(&format!("<html lang=\"{}\">", language.tag())));
        assert!(page.contains(&*texts::text(Reason::CertificateRevoked, language).advice));
        for part in [
            "<main id=\"main\" class=\"refused\">",
            "<h1>",
            "00000000-0000-0000-0000-000000000007",
            "certificate.revoked",
            "prefers-color-scheme",
        ] {
            assert!(page.contains(part), "{part}");
        }
        for foreign in ["<script", "src=", "href=", "url(", "@import", "http:", "https:"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }
}

#[test]
fn the_words_of_a_policy_take_the_place_of_ours() {
    let words = Words {
        reason: Some("Only <b>finance</b>".into()),
        advice_vi: Some("Gọi \"1080\"".into()),
        ..Words::default()
    };
    let refusal = Refusal { words, ..refusal(Reason::PolicyForbid) };
    let response = refusal.response(PAGE, &Pages::default());
    let page = text(&response);
    assert!(page.contains("<p lang=\"en\">Only &#60;b&#62;finance&#60;/b&#62;</p>"), "{page}");
    assert!(page.contains("<p lang=\"vi\">Gọi &#34;1080&#34;</p>"));
    let problem: serde_json::Value =
        serde_json::from_slice(refusal.response(PROBLEM, &Pages::default()).body()).unwrap();
    assert_eq!((&problem["detail"], &problem["advice"]), (&"Only <b>finance</b>".into(), &"Gọi \"1080\"".into()));
}

#[test]
fn remedies_take_the_place_of_our_words() {
    let remedies = vec![Remedy::DiskEncrypted, Remedy::PatchAgeDays { actual: 41, max: 30 }];
    let refusal = Refusal { remedies, ..refusal(Reason::PolicyNoPermit) };
    let response = refusal.response(PAGE, &Pages::default());
    let page = text(&response);
    for part in [
        "<ul lang=\"vi\">",
        "<li>Bật mã hóa ổ đĩa",
        "gần nhất: 41; cho phép: 30",
        &Language::Vietnamese.say("refusal-mend"),
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains(&*texts::text(Reason::PolicyNoPermit, Language::Vietnamese).advice), "{page}");
    let problem: serde_json::Value =
        serde_json::from_slice(refusal.response(PROBLEM, &Pages::default()).body()).unwrap();
    let patch = "Install the security updates and restart your device (days since the last update: 41; allowed: 30).";
    let expected = serde_json::json!({"fact": "patch_age_days", "actual": 41, "max": 30, "text": patch});
    assert_eq!(problem["remedies"][1], expected);
    assert_eq!(problem["remedies"][0]["fact"], "disk_encrypted");
}

#[test]
fn without_remedies_there_is_no_list() {
    let refusal = refusal(Reason::PolicyNoPermit);
    assert!(!text(&refusal.response(PAGE, &Pages::default())).contains("<ul"));
    let problem: serde_json::Value =
        serde_json::from_slice(refusal.response(PROBLEM, &Pages::default()).body()).unwrap();
    assert!(problem.get("remedies").is_none(), "{problem}");
}

/// `docs/REASONS.md` is made of the texts: `UPDATE_DOCS=1 cargo test -p gaccong reasons_are_documented` writes it anew.
#[test]
fn reasons_are_documented() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/REASONS.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, reference()).unwrap();
    }
    let documented = std::fs::read_to_string(&file).unwrap();
    for reason in Reason::ALL {
        assert!(documented.contains(&format!("| `{reason}` | {} |", reason.status().as_u16())), "{reason}");
    }
    assert_eq!(documented, reference(), "docs/REASONS.md is not what the texts say; UPDATE_DOCS=1 writes it anew");
}

fn reference() -> String {
    let mut page = include_str!("reference_head.md").to_owned();
    for reason in Reason::ALL {
        let text = texts::text(*reason, Language::English);
        let status = reason.status().as_u16();
        writeln!(page, "| `{reason}` | {status} | {}. {} | {} |", text.title, text.detail, text.advice).unwrap();
    }
    page
}
