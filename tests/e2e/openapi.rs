//! The control API is what its OpenAPI document says: schemathesis makes calls out of the document, good and bad ones,
//! and looks at the answers.

use gaccong_tests::control::{self, POLICY};
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, within_patience_of};
use tokio::process::Command;

/// What is looked at in each answer. An answer by hyper itself, to what is no HTTP, has no body of ours.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,negative_data_rejection";

#[tokio::test(flavor = "multi_thread")]
async fn every_call_does_what_the_document_says() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        // The one who calls must not be able to revoke itself half way through.
        control::with_policy(setup, &format!("{POLICY}\n{OWN}"));
        setup.app("echo", echo.url());
    })
    .await;
    let profile = gateway.client_profile("bob", &gateway.pki().bob());
    let (code, document, error) = gateway.command(&profile, &["schema", "control"]).await;
    assert_eq!(code, 0, "{error}");
    std::fs::write(gateway.dir().join("openapi.json"), document).unwrap();

    std::fs::write(gateway.dir().join("schemathesis.toml"), SETTINGS).unwrap();

    let mut schemathesis = Command::new("schemathesis");
    schemathesis.current_dir(gateway.dir()).args(["run", "openapi.json", "--url"]);
    schemathesis.arg(format!("https://localhost:{}", gateway.control().port()));
    schemathesis.args(["--tls-verify", "server-ca.pem", "--request-cert", "bob.pem", "--request-cert-key", "bob.key"]);
    schemathesis.args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "20"]);
    // Signals are no JSON, and have tests of their own. A call that is refused before its body is read may lose its answer.
    schemathesis.args(["--exclude-path", "/ssf/events", "--request-retries", "3"]);
    schemathesis.args(["--seed", "1", "--continue-on-failure", "--no-color", "--suppress-health-check", "all"]);
    let output = within_patience_of(10, "schemathesis", schemathesis.output()).await;
    let output = output.expect("`schemathesis` is on the PATH: `pip install schemathesis`, or tests/run");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
}

/// A name of megabytes is refused with the head that it stands in.
const SETTINGS: &str = r#"
[checks]
negative_data_rejection.expected-statuses = ["400", "403", "404", "405", "409", "413", "415", "422", "431"]
"#;

const OWN: &str = r#"
@id("not-oneself")
forbid (principal, action, resource)
when { context has target && (context.target.id == "bob@example.org" || context.target.id == "laptop-8") };
"#;
