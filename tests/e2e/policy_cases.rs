//! `gaccong policy test`: cases beside the policies.

use crate::policy_folder::{Folder, LAPTOP, POLICIES};

/// Two cases that hold.
const CASES: &str = r#"
[people.lan]
id = "lan@example.test"
groups = ["finance"]

[devices.laptop]
managed = true

[[case]]
name = "finance reads payroll from a managed laptop"
who = "lan"
device = "laptop"
app = "payroll"
does = "read"
expect = "permit"
policy = "finance-reads"

[[case]]
name = "not from a laptop that nobody manages"
who = "lan"
device = "laptop"
with.device.managed = false
app = "payroll"
does = "read"
expect = "refuse"
reason = "policy.forbid"
policy = "managed-only"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn cases_that_hold_are_a_table_and_a_success() {
    let folder = Folder::new();
    folder.write("policies/payroll.cases.toml", CASES);
    let (code, text) = folder.run(&["policy", "test"]).await;
    assert_eq!(code, 0, "{text}");
    let row = text.lines().find(|line| line.contains("not from a laptop that nobody manages")).unwrap();
    assert!(row.trim_start().starts_with("ok") && row.contains("refuse") && row.ends_with("managed-only"), "{row}");
    assert!(text.contains("2 cases: 2 as expected"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_expectation_says_what_was_got_and_why() {
    let folder = Folder::new();
    let wrong = CASES.replace("with.device.managed = false", "without = [\"device.managed\"]");
    let wrong = wrong
        .replace("expect = \"refuse\"\nreason = \"policy.forbid\"\npolicy = \"managed-only\"", "expect = \"permit\"");
    folder.write("policies/payroll.cases.toml", &wrong);
    let (code, text) = folder.run(&["policy", "test"]).await;
    assert_eq!(code, 1, "{text}");
    let line = 1 + wrong.lines().position(|line| line == "[[case]]").unwrap();
    let line = line + 1 + wrong.lines().skip(line).position(|line| line == "[[case]]").unwrap();
    let said = format!("payroll.cases.toml:{line}: expected permit, got refuse (`policy.forbid`) by `managed-only`");
    assert!(text.contains(&said), "{said} in\n{text}");
    assert!(text.contains("the forbid `managed-only`: "), "what would have to change: {text}");
    assert!(text.contains("1 FAILED"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_answer_for_the_wrong_reason_fails() {
    let folder = Folder::new();
    let wrong = CASES.replace("reason = \"policy.forbid\"\npolicy = \"managed-only\"", "reason = \"policy.no_permit\"");
    folder.write("policies/payroll.cases.toml", &wrong);
    let (code, text) = folder.run(&["policy", "test"]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("expected the reason `policy.no_permit`, got refuse (`policy.forbid`)"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_follows_from_method_and_path() {
    let folder = Folder::new();
    let approve = CASES.replacen("does = \"read\"", "request = \"POST /approve/7?by=lan\"", 1);
    let approve = approve.replace("policy = \"finance-reads\"", "policy = \"finance-approves\"");
    folder.write("policies/payroll.cases.toml", &approve);
    let (code, text) = folder.run(&["policy", "test"]).await;
    assert_eq!(code, 0, "{text}");
}

/// What stands in the file instead, at which line it is, and what is said of it.
const FAULTS: [(&str, &str, &str); 9] = [
    ("groups = [\"finance\"]", "groups = [\"finances\"]", "unknown group `finances`; did you mean `finance`?"),
    ("managed = true", "manged = true", "unknown key `manged`; did you mean `managed`?"),
    ("who = \"lan\"", "who = \"lam\"", "unknown person or workload `lam`; did you mean `lan`?"),
    ("app = \"payroll\"", "app = \"payrol\"", "unknown app `payrol`; did you mean `payroll`?"),
    ("does = \"read\"", "does = \"raed\"", "no request to `payroll` does `raed`; did you mean `read`?"),
    ("expect = \"permit\"", "expect = \"allow\"", "unknown `expect`: `allow`"),
    (
        "policy = \"finance-reads\"",
        "policy = \"finance-read\"",
        "unknown policy `finance-read`; did you mean `finance-reads`?",
    ),
    ("with.device.managed = false", "with.device.managed = \"no\"", "this is a string"),
    ("reason = \"policy.forbid\"", "reasn = \"policy.forbid\"", "unknown key `reasn`; did you mean `reason`?"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_case_file_has_its_place_and_remedy() {
    for (right, wrong, words) in FAULTS {
        let folder = Folder::new();
        assert!(CASES.contains(right), "{right}");
        let faulty = CASES.replacen(right, wrong, 1);
        folder.write("policies/payroll.cases.toml", &faulty);
        let (code, text) = folder.run(&["policy", "test"]).await;
        assert_eq!(code, 78, "{wrong}: {text}");
        let line = 1 + faulty.lines().position(|line| line.contains(wrong)).unwrap();
        let place = format!("payroll.cases.toml:{line}:");
        assert!(text.lines().any(|said| said.contains(&place) && said.contains(words)), "{place} {words} in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_says_too_little_or_too_much_is_refused() {
    let faults = [
        ("who = \"lan\"\n", "", "`who` is missing"),
        ("expect = \"permit\"\n", "", "`expect` is missing"),
        ("does = \"read\"", "does = \"read\"\nrequest = \"GET /\"", "`does` and `request`"),
        ("does = \"read\"", "request = \"GET /a/../b\"", "the gateway refuses the path"),
        ("device = \"laptop\"\nwith", "with", "the case has no device to vary"),
        ("does = \"read\"", "does = \"read\"\nat = \"2026-03-02 09:00\"", "is not a time"),
        (
            "name = \"not from a laptop that nobody manages\"",
            "name = \"finance reads payroll from a managed laptop\"",
            "there is already a case",
        ),
        ("[[case]]", "[[case", ""),
    ];
    for (right, wrong, words) in faults {
        let folder = Folder::new();
        assert!(CASES.contains(right), "{right}");
        folder.write("policies/payroll.cases.toml", &CASES.replacen(right, wrong, 1));
        let (code, text) = folder.run(&["policy", "test"]).await;
        assert_eq!(code, 78, "{wrong}: {text}");
        assert!(text.contains("payroll.cases.toml:") && text.contains(words), "{words} in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_default_is_said_once() {
    let folder = Folder::new();
    let defaults =
        CASES.replacen("[[case]]", "[defaults]\nwho = \"lam\"\n\n[[case]]", 1).replace("\nwho = \"lan\"", "");
    folder.write("policies/payroll.cases.toml", &defaults);
    let (code, text) = folder.run(&["policy", "test"]).await;
    assert_eq!(code, 78, "{text}");
    assert_eq!(text.matches("unknown person or workload `lam`").count(), 1, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cases_are_not_a_success() {
    let (code, text) = Folder::new().run(&["policy", "test"]).await;
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("no case"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_case_exercised_is_told_and_can_be_required() {
    let folder = Folder::new();
    folder.write("policies/payroll.cases.toml", CASES);
    let (code, text) = folder.run(&["policy", "test", "--require-coverage"]).await;
    assert_eq!(code, 1, "{text}");
    let missing: Vec<_> = text.lines().filter(|line| line.starts_with("not exercised: ")).collect();
    assert!(missing.iter().any(|line| line.contains("`finance-approves`")), "{text}");
    assert!(missing.iter().any(|line| line.contains("context has device") && line.contains("never false")), "{text}");
    assert!(!missing.iter().any(|line| line.contains("`finance-reads`")), "{text}");

    let approves = r#"
[[case]]
name = "finance approves"
who = "lan"
device = "laptop"
app = "payroll"
does = "approve"
expect = "permit"
policy = "finance-approves"

[[case]]
name = "nobody comes without a device"
who = "lan"
app = "payroll"
does = "read"
expect = "refuse"
policy = "managed-only"

[[case]]
name = "nor with one of which nothing is known"
who = "lan"
device = "laptop"
without = ["device.managed"]
app = "payroll"
does = "read"
expect = "refuse"
policy = "managed-only"
"#;
    folder.write("policies/more.cases.toml", approves);
    let (code, text) = folder.run(&["policy", "test", "--require-coverage"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("3 of 3 policies"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_available_as_json_and_junit() {
    let folder = Folder::new();
    let wrong = CASES.replace("expect = \"permit\"\npolicy = \"finance-reads\"", "expect = \"refuse\"");
    let wrong = wrong.replace("finance reads payroll from", "<&\\\"\\u0007> đọc bảng lương từ");
    folder.write("policies/payroll.cases.toml", &wrong);
    let junit = folder.path().join("junit.xml");
    let (code, text) = folder.run(&["policy", "test", "--format", "json", "--junit", junit.to_str().unwrap()]).await;
    assert_eq!(code, 1, "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(json["passed"], false);
    assert_eq!(json["failures"], 1);
    assert_eq!(json["files"][0]["cases"][1]["got"]["reason"], "policy.forbid");
    assert_eq!(json["files"][0]["cases"][1]["got"]["policies"], serde_json::json!(["managed-only"]));

    let xml = std::fs::read_to_string(&junit).unwrap();
    let document = roxmltree::Document::parse(&xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
    let cases: Vec<_> = document.descendants().filter(|node| node.has_tag_name("testcase")).collect();
    assert_eq!(cases.len(), 2, "{xml}");
    assert!(cases[0].attribute("name").unwrap().contains("<&\"\u{fffd}> đọc bảng lương từ"), "{xml}");
    let failures: Vec<_> = document.descendants().filter(|node| node.has_tag_name("failure")).collect();
    assert_eq!(failures.len(), 1, "{xml}");
    assert!(failures[0].attribute("message").unwrap().contains("expected refuse, got permit"), "{xml}");
    let all = document.root_element();
    assert_eq!((all.attribute("tests"), all.attribute("failures")), (Some("2"), Some("1")), "{xml}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_needed_or_named() {
    let folder = Folder::new();
    std::fs::remove_file(folder.path().join("gaccong.toml")).unwrap();
    folder.write("policies/payroll.cases.toml", CASES);
    let (code, text) = folder.run(&["policy", "test"]).await;
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("--config"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_device_is_said_to_have_is_known_of_it() {
    let folder = Folder::new();
    folder.write("policies/payroll.cedar", &POLICIES.replace("managed-only", LAPTOP));
    let renamed = CASES.replace("managed-only", LAPTOP).replace("[devices.laptop]\nmanaged = true", "[devices.laptop]");
    folder.write(
        "policies/payroll.cases.toml",
        &renamed.replacen("expect = \"permit\"\npolicy = \"finance-reads\"", "expect = \"refuse\"", 1),
    );
    let (code, text) = folder.run(&["policy", "test"]).await;
    assert_eq!(code, 0, "{text}");
}
