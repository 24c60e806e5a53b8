//! `gaccong policy prove` and `gaccong policy diff`: what they say of policies, with a solver, with a bad one, and without.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Output;

use gaccong_tests::gateway::command;
use serde_json::Value;
use tempfile::TempDir;

const CONFIG: &str = r#"
[policy]
directory = "policies"

[[app]]
name = "pay"
hosts = ["pay.example.test"]
upstreams = ["http://127.0.0.1:9"]
sensitivity = "secret"

[[app]]
name = "wiki"
hosts = ["wiki.example.test"]
upstreams = ["http://127.0.0.1:9"]
"#;

const POLICIES: &str = r#"
@id("pay") permit (principal is User, action, resource == App::"pay")
when { context has session && context.session.auth_age_s <= 900 };

@id("wiki") permit (principal, action, resource == App::"wiki");

@id("managed") forbid (principal is User, action, resource == App::"pay")
unless { context has device.managed && context.device.managed };
"#;

const HOLDS: &str = r#"@id("managed-only") @property("only managed devices reach what is secret")
forbid (principal is User, action, resource) when { resource.sensitivity == "secret" }
unless { context has device.managed && context.device.managed };
"#;

const FAILS: &str = r#"@id("fresh") forbid (principal, action == Action::"write", resource == App::"pay")
unless { context has session && context.session.auth_age_s <= 300 };
"#;

/// A folder with a configuration, policies, and properties beside them.
struct Folder(TempDir);

impl Folder {
    fn new(properties: &str) -> Self {
        let folder = Self(TempDir::new().unwrap());
        folder.write("gaccong.toml", CONFIG);
        folder.write("policies/a.cedar", POLICIES);
        folder.write("properties/a.properties.cedar", properties);
        folder
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn solver(&self, script: &str) -> PathBuf {
        let path = self.write("solver", script);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    async fn run(&self, args: &[&str]) -> Output {
        command().current_dir(self.0.path()).arg("policy").args(args).output().await.unwrap()
    }

    async fn run_without_path(&self, args: &[&str]) -> Output {
        let mut command = command();
        command.env("PATH", self.0.path()).current_dir(self.0.path());
        command.arg("policy").args(args).output().await.unwrap()
    }
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_property_that_holds_is_proven() {
    let output = Folder::new(HOLDS).run(&["prove"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let text = text(&output);
    assert!(text.contains("only managed devices reach what is secret") && text.contains("by `managed`"), "{text}");
    assert!(text.contains("1 proven, 0 refuted, 0 not decided"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_property_that_fails_is_refuted_by_a_request_that_is_permitted() {
    let folder = Folder::new(&[HOLDS, FAILS].concat());
    let output = folder.run(&["prove", "--format", "json"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let report = json(&output);
    let [proven, refuted] = report["properties"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!((&proven["verdict"], &refuted["verdict"]), (&"proven".into(), &"refuted".into()), "{report}");
    assert!(refuted["place"].as_str().unwrap().ends_with("a.properties.cedar:4:1"), "{report}");
    assert_eq!(refuted["answer"]["policies"][0], "pay", "{report}");
    let age_s = refuted["question"]["context"]["session"]["auth_age_s"].as_i64().unwrap();
    assert!((301..=900).contains(&age_s), "{report}");
    let only = folder.run(&["prove", "--only", "managed-only"]).await;
    assert_eq!(only.status.code(), Some(0), "{}", text(&only));
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_are_no_policies() {
    let folder = Folder::new("");
    let permit = r#"@id("all") permit (principal, action, resource);"#;
    folder.write("policies/all.properties.cedar", permit);
    let output = folder.run(&["prove", "--format", "json"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let report = json(&output);
    assert_eq!(report["properties"][0]["answer"]["decision"], "deny", "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_property_is_a_diagnostic() {
    let folder = Folder::new("\nforbid (principal, action, resource) when { context.devise.managed };");
    let output = folder.run(&["prove"]).await;
    assert_eq!(output.status.code(), Some(78), "{}", text(&output));
    assert!(text(&output).contains("properties/a.properties.cedar:2:"), "{}", text(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn shipped_properties_are_decided() {
    let output = Folder::new("").run(&["prove", "--shipped"]).await;
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains(" 0 not decided") && text.contains("proven       no person on an unmanaged device"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_solver_nothing_is_proven_and_that_is_said() {
    let folder = Folder::new(HOLDS);
    for args in [["prove", "--jobs", "1"], ["prove", "--solver", "absent"]] {
        let output = folder.run_without_path(&args).await;
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        assert!(text(&output).contains("no solver"), "{}", text(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_solver_that_hangs_is_killed_and_one_that_dies_is_reported() {
    let folder = Folder::new(FAILS);
    let pid = folder.0.path().join("pid");
    let hangs = format!("#!/bin/sh\necho $$ > {}\nexec sleep 600\n", pid.display());
    for (script, words) in [(hangs.as_str(), "no answer after 1 s"), ("#!/bin/sh\nexit 7\n", "the solver failed")] {
        let solver = folder.solver(script);
        let args = ["prove", "--jobs", "1", "--timeout-s", "1", "--solver", solver.to_str().unwrap()];
        let output = folder.run(&args).await;
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        let text = text(&output);
        assert!(text.contains("not decided") && text.contains(words), "{text}");
    }
    let pid = std::fs::read_to_string(pid).unwrap();
    let command_line = std::fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
    assert!(!command_line.starts_with(b"sleep"), "the solver lives on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_names_what_is_looser_stricter_or_both() {
    let folder = Folder::new("");
    for (from, to, relation, code) in [
        ("", "", "the same", 0),
        ("@id(\"pay\")", "@id(\"renamed\")", "the same", 0),
        ("<= 900", "<= 300", "stricter", 0),
        ("<= 900", "<= 3600", "looser", 1),
        (
            "(principal, action, resource == App::\"wiki\")",
            "(principal, action, resource == App::\"pay\")",
            "incomparable",
            1,
        ),
    ] {
        folder.write("new/a.cedar", &POLICIES.replacen(from, to, 1));
        let output = folder.run(&["diff", "policies", "new", "--format", "markdown"]).await;
        assert_eq!(output.status.code(), Some(code), "{relation}: {}", text(&output));
        assert!(text(&output).contains(&format!("### Policies: {relation}\n")), "{relation}: {}", text(&output));
        let any = folder.run(&["diff", "policies", "new", "--fail-on", "any"]).await;
        assert_eq!(any.status.code(), Some(i32::from(relation != "the same")), "{}", text(&any));
        let never = folder.run(&["diff", "policies", "new", "--fail-on", "never"]).await;
        assert_eq!(never.status.code(), Some(0), "{}", text(&never));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_without_a_solver_samples_and_says_so() {
    let folder = Folder::new("");
    folder.write("new/a.cedar", &POLICIES.replace("<= 900", "<= 901"));
    let output = folder.run_without_path(&["diff", "policies", "new"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let shown = text(&output);
    assert!(shown.contains("sampled requests") && shown.contains("permitted now, refused before"), "{shown}");
    let output = folder.run_without_path(&["diff", "policies", "new", "--format", "json"]).await;
    let report = json(&output);
    let pay = report["changes"].as_array().unwrap().iter().find(|change| change["app"] == "pay").unwrap();
    assert_eq!(
        (&pay["basis"], &pay["loosened"]["after"]["policies"][0]),
        (&"samples".into(), &"pay".into()),
        "{report}"
    );
    assert_eq!(pay["loosened"]["question"]["context"]["session"]["auth_age_s"], 901, "{report}");
}
