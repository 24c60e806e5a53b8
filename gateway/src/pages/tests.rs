//! Every page, in both languages: complete, self-contained, and without a way for text to become more than text.
//!
//! `GACCONG_PAGES=<folder>` writes them there, to look at and to examine.

use std::fs;
use std::path::Path;

use super::access::{Apps, ClosedApp, OpenApp};
use super::login::{GoToLogin, How, Login, Return};
use super::logout::{LogOut, LoggedOut};
use super::portal::Portal;
use super::refusal::Refusal;
use super::status::{self, Check, Device, State, Status};
use super::*;
use crate::config::{Contact, Pages};

/// What somebody might put into any text.
const HOSTILE: &str = "<script>alert(1)</script>\"'&{{";

const NOW_MS: i64 = 1_795_344_300_000;
const DAY_MS: i64 = 86_400_000;

fn branded() -> Pages {
    let contact = |text: &str, href: Option<&str>| Contact { text: text.into(), href: href.map(Into::into) };
    Pages {
        name: Some("Sở Thông tin".into()),
        logo: Some("data:image/png;base64,iVBORw0KGgo=".into()),
        contact: vec![contact("1080", Some("tel:1080")), contact(HOSTILE, None)],
        help_vi: Some("Phòng 12, tầng 1.".into()),
        help_en: Some("Room 12, first floor.".into()),
        time_zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(7)),
    }
}

fn plain() -> Pages {
    Pages { time_zone: jiff::tz::TimeZone::UTC, ..Pages::default() }
}

fn said(text: &str, language: Language) -> Said<'_> {
    Said { text: text.into(), language }
}

fn login(how: How) -> Login<'static> {
    Login { url: "https://auth.example.test/login?ticket=a.b&x=1".into(), flow: "flow-1".into(), how }
}

fn refusal<'a>(language: Language, pages: &'a Pages, how: Option<How>) -> Refusal<'a> {
    Refusal {
        layout: Layout::new("The disk is not encrypted", language, pages),
        place: Some("payroll.example.test".into()),
        detail: said(HOSTILE, Language::English),
        advice: said("Bật mã hóa ổ đĩa.", Language::Vietnamese),
        remedies: vec![language.say("remedy-disk_encrypted"), HOSTILE.into()],
        login: how.map(login),
        try_again: Some("/"),
        status_page: Some("/.gaccong/status"),
        certificate_choice: true,
        request_id: Some("00000000-0000-0000-0000-000000000007".into()),
        code: "policy.forbid",
        status: 403,
    }
}

fn apps(language: Language) -> Apps<'static> {
    let closed = |name: &'static str| ClosedApp {
        name: name.into(),
        why: said("Only from nine to five.", Language::English),
        advice: Said { text: language.say("refusal-mend"), language },
        remedies: vec![language.say("remedy-firewall")],
    };
    Apps {
        open: vec![
            OpenApp { name: "payroll".into(), url: Some("https://payroll.example.test/".into()) },
            OpenApp { name: "any".into(), url: None },
        ],
        closed: vec![closed("archive"), closed(HOSTILE)],
        without_permit: vec!["mail".into(), HOSTILE.into()],
        more: 3,
    }
}

fn status(language: Language, pages: &Pages) -> Status<'_> {
    let check = |name: &str, state: State| Check {
        name: language.say(name),
        value: HOSTILE.into(),
        state,
        age_s: 7_300,
        source: Some("mdm".into()),
        mend: (state == State::Bad).then(|| language.say("remedy-firewall")),
    };
    let mut layout = Layout::new(language.say("status-title"), language, pages);
    layout.back = Some("/.gaccong/status?a=b&c".into());
    layout.links = vec![Link { href: "/.gaccong/logout".into(), text: language.say("log-out-title") }];
    Status {
        layout,
        person: Some("alice@example.org".into()),
        login: Some(status::Login {
            method: status::Method::Provider,
            acr: Some("mfa".into()),
            at_ms: NOW_MS - 3_600_000,
            until_ms: Some(NOW_MS + 3_600_000),
        }),
        log_in: None,
        device: Device {
            id: Some("laptop-7".into()),
            not_after_ms: Some(NOW_MS + 3 * DAY_MS),
            checks: vec![
                check("fact-disk_encrypted", State::Good),
                check("fact-firewall", State::Bad),
                check("fact-platform", State::Neutral),
                check("fact-managed", State::Stale),
            ],
        },
        apps: apps(language),
        request_id: None,
        now_ms: NOW_MS,
    }
}

fn portal(language: Language, pages: &Pages) -> Portal<'_> {
    let mut layout = Layout::new(language.say("portal-title"), language, pages);
    layout.back = Some("/".into());
    Portal { layout, person: HOSTILE.into(), apps: apps(language), request_id: None }
}

/// Every page by name.
fn all(language: Language, pages: &Pages) -> Vec<(&'static str, Document)> {
    let layout = |title: &'static str| Layout::new(language.say(title), language, pages);
    let log_out = LogOut {
        layout: Layout { back: Some("/a".into()), ..layout("log-out-title") },
        action: "/.gaccong/logout",
        token: "token",
        stay: "/",
        leads_to: vec!["https://auth.example.test".into(), "https://idp.example.test".into()],
    };
    let going =
        GoToLogin { layout: layout("login-link"), detail: "Log in first.".into(), login: login(How::Automatic) };
    vec![
        ("refusal", refusal(language, pages, None).document()),
        ("step-up", refusal(language, pages, Some(How::Asked)).document()),
        ("framed", refusal(language, pages, Some(How::Framed)).document()),
        ("after-form", refusal(language, pages, Some(How::AfterForm)).document()),
        ("login", going.document()),
        ("return", Return { layout: layout("return-title"), flow: "flow-1", to: "/a?b=c&d" }.document()),
        ("log-out", log_out.document()),
        ("logged-out", LoggedOut { layout: layout("logged-out-title"), log_in: Some("/") }.document()),
        ("status", status(language, pages).document()),
        ("portal", portal(language, pages).document()),
    ]
}

fn each(check: impl Fn(&str, Language, &Document)) {
    for pages in [plain(), branded()] {
        for language in Language::ALL {
            for (name, document) in all(language, &pages) {
                check(name, language, &document);
            }
        }
    }
}

/// The contents of each element of a name.
fn elements<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    page.split(open.as_str()).skip(1).filter_map(|rest| rest.split(close.as_str()).next()).collect()
}

#[test]
fn every_page_is_complete() {
    if let Some(folder) = std::env::var_os("GACCONG_PAGES") {
        for language in Language::ALL {
            for (name, document) in all(language, &branded()) {
                let file = Path::new(&folder).join(format!("{name}.{}.html", language.tag()));
                fs::write(file, document.html()).unwrap();
            }
        }
    }
    each(|name, language, document| {
        let page = document.html();
        assert!(page.starts_with("<!doctype html>"), "{name}");
        assert!(page.contains(&format!("<html lang=\"{}\">", language.tag())), "{name}");
        assert_eq!(elements(page, "h1").len(), 1, "{name}");
        assert!(page.contains("<main id=\"main\"") && page.trim_end().ends_with("</html>"), "{name}");
        assert!(!elements(page, "title")[0].trim().is_empty(), "{name}");
        // A text that is missing, or a variable that was not put in.
        assert!(!page.contains("{$"), "{name}: {page}");
    });
}

#[test]
fn pages_load_nothing_and_run_only_what_their_policy_names() {
    each(|name, _, document| {
        let (page, policy) = (document.html(), document.policy());
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{name}: {policy}");
        for inline in elements(page, "style").into_iter().chain(elements(page, "script")) {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, inline.as_bytes());
            let digest = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest);
            assert!(policy.contains(&format!("'sha256-{digest}'")), "{name}: {policy}");
        }
        assert_eq!(elements(page, "script").is_empty(), !policy.contains("script-src"), "{name}");
        assert_eq!(page.contains("<form"), policy.contains("form-action 'self'"), "{name}");
        assert_eq!(page.contains("<img"), policy.contains("img-src data:"), "{name}");
        assert_eq!(name == "framed", !policy.contains("frame-ancestors 'none'"), "{name}");
        for foreign in ["<script ", "<link", "<iframe", "@import", "url(", " style=", " onclick", "javascript:"] {
            assert!(!page.contains(foreign), "{name}: {foreign}");
        }
        for source in page.split("src=\"").skip(1) {
            assert!(source.starts_with("data:image/"), "{name}");
        }
    });
}

#[test]
fn text_stays_text() {
    each(|name, _, document| assert!(!document.html().contains("alert(1)</script>"), "{name}"));
}

#[test]
fn headings_are_in_order() {
    each(|name, _, document| {
        let mut last = 0;
        for heading in document.html().split("<h").skip(1).filter_map(|rest| rest.chars().next()?.to_digit(10)) {
            assert!((1..=last + 1).contains(&heading), "{name}: h{heading} after h{last}");
            last = heading;
        }
    });
}

#[test]
fn ids_are_unique_and_labels_exist() {
    each(|name, _, document| {
        let page = document.html();
        let ids: Vec<_> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "{name}: {ids:?}");
        for label in page.split("aria-labelledby=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(ids.contains(&label), "{name}: {label}");
        }
    });
}

#[test]
fn the_login_goes_on_with_and_without_script() {
    let page = all(Language::English, &plain()).remove(4).1;
    let url = "https://auth.example.test/login?ticket=a.b&#38;x=1";
    for part in [
        format!("<noscript><meta http-equiv=\"refresh\" content=\"0; url={url}\"></noscript>"),
        format!("href=\"{url}\" data-flow=\"flow-1\" data-go>"),
        login::SCRIPT.to_owned(),
    ] {
        assert!(page.html().contains(&part), "{part} in {}", page.html());
    }
}

#[test]
fn other_ways_to_the_login_wait_for_the_person() {
    for (how, part) in [
        (How::Asked, "data-flow=\"flow-1\">"),
        (How::Framed, "data-flow=\"flow-1\" target=\"_top\">"),
        (How::AfterForm, "data-flow=\"flow-1\" target=\"_blank\">"),
    ] {
        let page = refusal(Language::English, &plain(), Some(how)).document();
        assert!(page.html().contains(part), "{how:?}: {}", page.html());
        assert!(!page.html().contains("http-equiv") && !page.html().contains("data-go>"), "{how:?}");
        let unsent = Language::English.say("login-not-sent");
        assert_eq!(page.html().contains(&*unsent), how == How::AfterForm);
    }
}

#[test]
fn a_certificate_that_ends_soon_is_warned_of() {
    let pages = plain();
    let warning = |left_ms: i64| {
        let mut status = status(Language::English, &pages);
        status.device.not_after_ms = Some(NOW_MS.saturating_add(left_ms));
        let page = status.document();
        page.html().matches("<p class=\"note\">").count()
    };
    for (left_ms, warned) in [(-1, 0), (0, 1), (DAY_MS, 1), (14 * DAY_MS, 1), (14 * DAY_MS + 1, 0), (i64::MIN, 0)] {
        assert_eq!(warning(left_ms), warned, "{left_ms}");
    }
}

#[test]
fn numbers_agree_with_their_nouns() {
    let layout = Layout::new("", Language::English, &Pages::default()).ago(3_600).into_owned();
    assert_eq!(layout, "1 hour ago");
    let pages = plain();
    for (age_s, english, vietnamese) in [
        (-5, "just now", "vừa xong"),
        (59, "just now", "vừa xong"),
        (120, "2 minutes ago", "2 phút trước"),
        (86_400, "1 day ago", "1 ngày trước"),
        (i64::MAX, "106751991167300 days ago", "106751991167300 ngày trước"),
    ] {
        assert_eq!(Layout::new("", Language::English, &pages).ago(age_s), english);
        assert_eq!(Layout::new("", Language::Vietnamese, &pages).ago(age_s), vietnamese);
    }
}

#[test]
fn the_operators_words_are_shown() {
    let (branded, plain) = (branded(), plain());
    let with = refusal(Language::English, &branded, None).document();
    for part in ["Sở Thông tin", "href=\"tel:1080\"", "Room 12, first floor.", "src=\"data:image/png;base64,"] {
        assert!(with.html().contains(part), "{part}");
    }
    let without = refusal(Language::English, &plain, None).document();
    assert!(!without.html().contains("<header>"), "{}", without.html());
}

#[test]
fn the_other_language_is_one_link_away() {
    let page = status(Language::English, &plain()).document().html().to_owned();
    let link = "<a href=\"/.gaccong/language?set=vi&#38;to=%2F%2Egaccong%2Fstatus%3Fa%3Db%26c\" lang=\"vi\"";
    assert!(page.contains(link), "{page}");
}
