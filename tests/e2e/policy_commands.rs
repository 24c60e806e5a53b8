//! `gaccong policy check`, `fmt`, `lint`, and `gaccong schema policy`.

use std::os::unix::fs::PermissionsExt;

use crate::policy_folder::{Folder, POLICIES};

#[tokio::test(flavor = "multi_thread")]
async fn check_counts_what_is_right() {
    let folder = Folder::new();
    let (code, text) = folder.run(&["policy", "check"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("ok (3 policies, 1 apps, 0 cases"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_all_that_is_wrong_with_policies_and_cases_at_once() {
    let folder = Folder::new();
    folder.write("policies/payroll.cedar", &POLICIES.replace("context.device.managed }", "context.device.manged }"));
    folder.write("policies/broken.cedar", "permit (principal, action, resource)\n");
    folder.write("policies/bad.cases.toml", "[people.lan]\nid = \"lan\"\ngroop = []\n");
    let (code, text) = folder.run(&["policy", "check"]).await;
    assert_eq!(code, 78, "{text}");
    for said in ["payroll.cedar:", "manged", "broken.cedar:", "bad.cases.toml:3:", "unknown key `groop`"] {
        assert!(text.contains(said), "{said} in\n{text}");
    }
    let (code, text) = folder.run(&["policy", "check", "--format", "json"]).await;
    assert_eq!(code, 78, "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(json["valid"], false);
    assert!(json["diagnostics"].as_array().unwrap().len() >= 3, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_knows_the_names_of_the_configuration() {
    let folder = Folder::new();
    folder.write("policies/payroll.cedar", &POLICIES.replace("Action::\"approve\"", "Action::\"aprove\""));
    let (code, text) = folder.run(&["policy", "check"]).await;
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("aprove") && text.contains("approve"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fmt_lays_out_what_is_not_and_nothing_else() {
    let folder = Folder::new();
    let messy = "// Why it is.\n@id(\"a\") permit(principal,action==Action::\"read\",resource);\n";
    folder.write("policies/messy.cedar", messy);
    let messy_file = folder.path().join("policies/messy.cedar");
    std::fs::set_permissions(&messy_file, std::fs::Permissions::from_mode(0o640)).unwrap();

    let (code, text) = folder.run(&["policy", "fmt", "--check", "policies"]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("messy.cedar") && !text.contains("payroll.cedar"), "{text}");
    assert_eq!(folder.read("policies/messy.cedar"), messy, "nothing is written to check");

    let (code, text) = folder.run(&["policy", "fmt", "policies/messy.cedar"]).await;
    assert_eq!(code, 0, "{text}");
    let tidy = folder.read("policies/messy.cedar");
    assert!(
        tidy.starts_with(
            "// Why it is.\n@id(\"a\")\npermit (\n  principal,\n  action == Action::\"read\",\n  resource\n);"
        ),
        "{tidy}"
    );
    assert_eq!(std::fs::metadata(&messy_file).unwrap().permissions().mode() & 0o777, 0o640);
    let files = std::fs::read_dir(folder.path().join("policies")).unwrap().count();
    assert_eq!(files, 2, "nothing is left behind");

    let (code, text) = folder.run(&["policy", "fmt", "--check", "policies"]).await;
    assert_eq!(code, 0, "{text}");
    assert_eq!(folder.read("policies/payroll.cedar"), POLICIES);
}

#[tokio::test(flavor = "multi_thread")]
async fn fmt_leaves_alone_what_it_cannot_read() {
    let folder = Folder::new();
    folder.write("policies/broken.cedar", "permit (principal, action resource);");
    let (code, text) = folder.run(&["policy", "fmt", "policies"]).await;
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("policies/broken.cedar:1:"), "{text}");
    assert_eq!(folder.read("policies/broken.cedar"), "permit (principal, action resource);");
    let (code, text) = folder.run(&["policy", "fmt", "absent.cedar"]).await;
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("absent.cedar"), "{text}");
    let (code, text) = folder.run(&["policy", "fmt"]).await;
    assert_eq!(code, 2, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lint_finds_what_is_doubtful_and_can_be_told_to_accept_it() {
    let folder = Folder::new();
    let again = "@id(\"again\")\npermit (principal in Group::\"finance\", action == Action::\"read\", resource == App::\"payroll\");\n";
    folder.write("policies/again.cedar", again);
    let (code, text) = folder.run(&["policy", "lint", "--format", "json"]).await;
    assert_eq!(code, 1, "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let findings = json["findings"].as_array().unwrap();
    let codes: Vec<_> = findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert!(!codes.is_empty() && text.contains("again"), "{text}");

    let allowed: Vec<_> = codes.iter().flat_map(|code| ["--allow", code]).collect();
    let (code, text) = folder.run(&[&["policy", "lint"][..], &allowed].concat()).await;
    assert_eq!(code, 0, "{text}");
    let (code, text) = folder.run(&["policy", "lint", "--allow", "no-such-code"]).await;
    assert_eq!(code, 2, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lint_of_invalid_policies_says_what_is_wrong() {
    let folder = Folder::new();
    folder.write("policies/broken.cedar", "permit (principal, action resource);");
    let (code, text) = folder.run(&["policy", "lint"]).await;
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("broken.cedar:1:"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_in_force_has_the_actions_and_the_extensions() {
    let folder = Folder::new();
    folder.write("policies/own.cedarschema", "type Badge = { number: Long };\n");
    let (code, text) = folder.run(&["schema", "policy"]).await;
    assert_eq!(code, 0, "{text}");
    for said in ["patch_age_days?: Long", "action \"approve\"", "type Badge"] {
        assert!(text.contains(said), "{said} in\n{text}");
    }
}
