//! What `docs/POLICY.md` shows is what is in `docs/policy`, and that is what it says.

use std::path::{Path, PathBuf};

use crate::policy_folder::run_in;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn page() -> String {
    std::fs::read_to_string(docs().join("POLICY.md")).unwrap()
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// The blocks of a page that are marked as this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_example_stands_in_a_file() {
    let mut paths = Vec::new();
    files(&docs().join("policy"), &mut paths);
    let texts: Vec<String> = paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let page = page();
    let examples = [blocks(&page, "cedar"), blocks(&page, "toml")].concat();
    assert!(examples.len() > 20, "{}", examples.len());
    for example in examples {
        assert!(texts.iter().any(|text| text.contains(&example)), "in no file of docs/policy:\n{example}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_facts_is_that_of_the_schema() {
    let (code, schema) = run_in(&docs().join("policy"), &["schema", "policy"]).await;
    assert_eq!(code, 0, "{schema}");
    let of = |declaration: &str| {
        let (_, rest) = schema.split_once(declaration).unwrap_or_else(|| panic!("{declaration} in {schema}"));
        let body = rest.split('}').next().unwrap().split('{').nth(1).unwrap();
        let attributes = body.split(',').map(str::trim).filter(|line| !line.is_empty());
        attributes.map(|line| line.split(':').next().unwrap().trim().to_owned()).collect::<Vec<_>>()
    };
    let mut expected: Vec<String> =
        of("entity App in [AppGroup]").iter().map(|name| format!("resource.{name}")).collect();
    for part in of("type Facts") {
        let kind = match part.trim_end_matches('?') {
            "device" => "Device",
            "certificate" => "Certificate",
            "session" => "Session",
            "threat" => "Threat",
            "target" => "Target",
            "break_glass" => "BreakGlass",
            "request" => "HttpRequest",
            "risk" | "alert_level" | "signal_lost" | "now" => "",
            other => panic!("the table does not know `context.{other}`"),
        };
        if part != "request" {
            expected.push(format!("context.{part}"));
        }
        if !kind.is_empty() {
            let part = part.trim_end_matches('?');
            expected.extend(of(&format!("type {kind} =")).iter().map(|name| format!("context.{part}.{name}")));
        }
    }
    let page = page();
    let rows = page.lines().filter(|line| line.starts_with("| `context.") || line.starts_with("| `resource."));
    let mut listed: Vec<String> = rows.map(|row| row.split('|').nth(1).unwrap().replace(['`', ' '], "")).collect();
    expected.sort();
    listed.sort();
    assert_eq!(listed, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ministry_is_checked_laid_out_and_free_of_doubts() {
    let folder = docs().join("policy");
    for arguments in
        [&["policy", "check"][..], &["policy", "lint"], &["policy", "fmt", "--check", "policies", "properties"]]
    {
        let (code, text) = run_in(&folder, arguments).await;
        assert_eq!(code, 0, "{arguments:?}: {text}");
        assert!(!text.contains("policies/") || !text.contains("warning"), "{arguments:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_policy_and_condition_of_the_ministry_has_its_cases() {
    let (code, text) = run_in(&docs().join("policy"), &["policy", "test", "--require-coverage"]).await;
    assert_eq!(code, 0, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_promise_of_the_ministry_is_proven() {
    let (code, text) = run_in(&docs().join("policy"), &["policy", "prove"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("0 refuted, 0 not decided"), "{text}");
}
