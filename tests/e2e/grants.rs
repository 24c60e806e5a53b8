//! Grants for emergencies on the command line, and what their configuration may not say.

use serde_json::{Value, json};

use crate::break_glass::{World, gaccong};

#[tokio::test(flavor = "multi_thread")]
async fn grants_are_made_signed_and_checked_by_command() {
    let world = World::start().await;
    let (grants, config) = (world.gateway.dir().join("grants"), world.gateway.dir().join("gaccong.toml"));
    let (grants, config) = (grants.to_str().unwrap(), config.to_str().unwrap());
    let new = ["grant", "new", grants, "--id", "fire-2", "--user", "duty@example.org", "--reason", "a fire"];
    let (code, text) = gaccong(&[&new[..], &["--app", "echo", "--app", "nowhere", "--minutes", "241"]].concat());
    assert!(code == 2 && text.contains("longer than the 4 hours"), "{code}: {text}");
    let new = [&new[..], &["--app", "echo", "--app", "nowhere"]].concat();
    let (code, text) = gaccong(&new);
    assert_eq!(code, 0, "{text}");
    let (code, text) = gaccong(&new);
    assert!(code == 2 && text.contains("there is already a grant `fire-2`"), "{code}: {text}");

    let check = || gaccong(&["grant", "check", "-c", config]);
    let (code, text) = check();
    assert!(code == 1 && text.contains("`lan` has not signed, `minh` has not signed"), "{code}: {text}");
    let file = format!("{grants}/fire-2.json");
    world.sign_as(&file, "hoa", "hoa");
    world.sign_as(&file, "lan", "lan");
    let (code, text) = check();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("fire-2: in force: the person `duty@example.org` to echo, nowhere from"), "{text}");
    assert!(text.contains("signed by lan, hoa: a fire") && text.contains("there is no app `nowhere`"), "{text}");
    let (_, json) = gaccong(&["grant", "check", "-c", config, "--format", "json"]);
    // Warnings about the configuration follow on standard error.
    let findings: Value = serde_json::Deserializer::from_str(&json).into_iter().next().unwrap().unwrap();
    assert_eq!((&findings[0]["result"], &findings[0]["in_force"]), (&json!("good"), &json!(true)));
    world.let_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trust_domain_for_emergencies_opens_apps_only_and_needs_two_signers() {
    let world = World::start().await;
    let file = world.gateway.dir().join("gaccong.toml");
    let toml = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = toml.split_once("signers = [").unwrap();
    let (signers, after) = rest.split_once("]\n").unwrap();
    let one = signers.split_inclusive('}').next().unwrap();
    let certificate = "{ hosts = [\"c.example.test\"], chain = \"server.pem\", key = \"file:server.key\" }";
    let control = format!(
        "{toml}\n[control]\naddress = \"127.0.0.1:0\"\ntrust = [\"emergency\"]\npolicies = \"policies\"\ncertificate = {certificate}\n"
    );
    let cases = [
        (format!("{before}signers = [{one}]\n{after}"), "a grant needs two signatures, but there is one signer"),
        (control, "the trust domain `emergency` is for `[break_glass]`"),
        (toml.replace("trust = [\"emergency\"]", "trust = [\"nobody\"]"), "nobody"),
    ];
    for (toml, words) in cases {
        let wrong = world.gateway.dir().join("wrong.toml");
        std::fs::write(&wrong, toml).unwrap();
        let (code, text) = gaccong(&["check", "-c", wrong.to_str().unwrap()]);
        assert!(code == 78 && text.contains(words), "{code}: {text}");
    }
}
