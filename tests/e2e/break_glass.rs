//! Break-glass: a certificate of an offline trust domain and a grant that two people have signed open an app when nothing
//! else does, for hours at most, and never silently.

use std::process::{Command, Output};

use gaccong_tests::client::{Answer, get};
use gaccong_tests::control::{self, target};
use gaccong_tests::gateway::binary;
use gaccong_tests::pki::{self, Ca, Certified};
use gaccong_tests::streams::{closed, echoes};
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Client, Gateway, Record, Setup, eventually, within_patience};
use jiff::{SignedDuration, Timestamp};
use rcgen::{KeyPair, PKCS_ED25519};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const HOST: &str = "echo.example.test";
const REFUSED: Option<&str> = Some("break_glass.no_grant");

/// The policies of the app have locked everybody out.
const LOCKED: &str = "@id(\"locked\") forbid (principal, action, resource);";
const EMERGENCY: &str = r#"
@id("emergency")
permit (principal is User, action, resource) when { context has break_glass };

@id("not-there")
forbid (principal, action, resource) when { context.request.path == "/not-there" };
"#;

/// A gateway with a way in for emergencies, whose keys are kept by a CA of its own.
pub(crate) struct World {
    pub(crate) gateway: Gateway,
    _echo: Echo,
    ca: Ca,
    duty: Certified,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut Setup)) -> Self {
        let (echo, ca) = (Echo::h1().await, Ca::new("Emergency"));
        let gateway = Gateway::start(|setup| {
            setup.app("echo", echo.url()).app("other", echo.url());
            setup.policies.insert("locked.cedar", LOCKED.to_owned());
            setup.write("emergency.crl", &ca.crl(&[]));
            setup.trust_ca("emergency", &ca, "crl = [\"emergency.crl\"]\nperson = \"email\"");
            for folder in ["emergency-policies", "grants"] {
                std::fs::create_dir(setup.dir().join(folder)).unwrap();
            }
            setup.write("emergency-policies/emergency.cedar", EMERGENCY);
            setup.set("break_glass", "trust = [\"emergency\"]");
            setup.set("break_glass", "policies = \"emergency-policies\"");
            setup.set("break_glass", "grants = \"grants\"");
            let signers = ["lan", "minh", "hoa"].map(|name| signer(setup, name));
            setup.set("break_glass", &format!("signers = [{}]", signers.join(", ")));
            change(setup);
        })
        .await;
        let duty = ca.issue(pki::person("duty@example.org"));
        Self { gateway, _echo: echo, ca, duty }
    }

    fn client(&self) -> Client {
        self.gateway.client(&self.duty)
    }

    async fn get(&self) -> Answer {
        self.client().get(HOST, "/").await
    }

    /// Writes a grant.
    fn put(&self, grant: &Value) -> String {
        let id = grant["id"].as_str().unwrap();
        let name = format!("grants/{id}.json");
        self.gateway.replace(&name, &grant.to_string());
        self.gateway.dir().join(name).display().to_string()
    }

    /// `name` signs with the key of `with`.
    pub(crate) fn sign_as(&self, file: &str, name: &str, with: &str) {
        let key = self.gateway.dir().join(format!("{with}.key")).display().to_string();
        let (code, text) = gaccong(&["grant", "sign", file, "--key", &key, "--as", name]);
        assert_eq!(code, 0, "{text}");
    }

    /// Writes a grant that `lan` and `minh` have signed.
    fn signed(&self, grant: &Value) -> String {
        let file = self.put(grant);
        self.sign_as(&file, "lan", "lan");
        self.sign_as(&file, "minh", "minh");
        file
    }

    /// Waits until the gateway has seen a grant and lets its holder in.
    pub(crate) async fn let_in(&self) -> Answer {
        eventually("a grant that counts", || async { Some(self.get().await).filter(|answer| answer.status == 200) })
            .await
    }

    /// A good grant; when this returns, its holder is let in.
    async fn open(&self) -> String {
        let file = self.signed(&grant());
        self.let_in().await;
        file
    }

    /// Waits until the holder is refused for want of a grant, and the record says why.
    async fn refused_because(&self, why: &str) {
        eventually(&format!("a refusal because `{why}`"), || async {
            let answer = self.client().get_unless_cut(HOST, "/").await?;
            if (answer.status.as_u16(), answer.reason()) != (403, REFUSED) {
                return None;
            }
            let record = self.gateway.final_record(answer.id()).await;
            record.at("/unmapped/gaccong/details")?.to_string().contains(why).then_some(())
        })
        .await;
    }

    async fn change(&self, result: &str) -> Record {
        self.gateway
            .state_change(&format!("the record of a grant that is {result}"), |record| {
                record.text("/entity/type") == Some("grant") && record.text("/unmapped/gaccong/result") == Some(result)
            })
            .await
    }
}

fn signer(setup: &mut Setup, name: &str) -> String {
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    setup.write(&format!("{name}.key"), &key.serialize_pem());
    setup.write(&format!("{name}.pub"), &key.public_key_pem());
    format!("{{ name = \"{name}\", key = \"file:{name}.pub\" }}")
}

pub(crate) fn gaccong(arguments: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = Command::new(binary()).args(arguments).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

fn at(seconds_from_now: i64) -> Value {
    (Timestamp::now() + SignedDuration::from_secs(seconds_from_now)).to_string().into()
}

/// For the person on duty, to the app `echo`, from an hour ago to an hour from now.
fn grant() -> Value {
    json!({
        "format": "gaccong-break-glass-grant/1",
        "id": "fire-1",
        "for": {"user": "duty@example.org"},
        "apps": ["echo"],
        "reason": "the identity provider is down",
        "not_before": at(-3600),
        "not_after": at(3600),
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut grant = grant();
    grant[key] = value;
    grant
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_opens_what_policy_has_locked_and_is_never_silent() {
    let world = World::start().await;
    let gateway = &world.gateway;
    world.refused_because("no signed grant is for this principal").await;
    world.signed(&grant());

    let answer = world.let_in().await;
    let record = gateway.final_record(answer.id()).await;
    assert_eq!(record.at("/unmapped/gaccong/policies"), Some(&json!(["emergency"])));
    assert_eq!(record.text("/unmapped/gaccong/question/context/break_glass/grant"), Some("fire-1"));
    assert_eq!(record.text("/unmapped/gaccong/grant/id"), Some("fire-1"));
    assert_eq!(record.text("/unmapped/gaccong/grant/reason"), Some("the identity provider is down"));
    assert_eq!(record.at("/unmapped/gaccong/grant/signers"), Some(&json!(["lan", "minh"])));
    gateway.record("the opening record", |record| record.id() == answer.id() && !record.is_final()).await;

    let in_force = world.change("in_force").await;
    assert_eq!(in_force.text("/entity/uid"), Some("fire-1"));
    assert!(gateway.log().contains("break-glass: access by a grant"), "{}", gateway.log());
    let metrics = gateway.metrics().await;
    let count =
        |decision| metrics.count("gaccong_break_glass_requests_total", &[("app", "echo"), ("decision", decision)]);
    assert!(count("permit") >= 1.0 && count("deny") >= 1.0);
    assert_eq!(metrics.sum("gaccong_break_glass_grants", &[]), Some(1.0));

    // The policies for emergencies still decide, and nobody else gets in.
    assert_eq!(world.client().get(HOST, "/not-there").await.reason(), Some("policy.forbid"));
    assert_eq!(gateway.alice().get(HOST, "/").await.reason(), Some("policy.forbid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn breaking_the_glass_is_never_only_observed() {
    let world = World::start_with(|setup| {
        setup.set("policy", "mode = \"observe\"");
        setup.set("policy", "shadow_fraction = 1.0");
    })
    .await;
    world.refused_because("no signed grant is for this principal").await;
    world.signed(&grant());
    world.let_in().await;
    assert_eq!(world.client().get(HOST, "/not-there").await.reason(), Some("policy.forbid"));
    assert_eq!(world.gateway.alice().get(HOST, "/not-there").await.status, 200, "the apps' policies are only observed");
    let checked = |metrics: &gaccong_tests::Metrics| metrics.count("gaccong_policy_shadow_checks_total", &[]) >= 3.0;
    let metrics =
        eventually("the shadow checks", || async { Some(world.gateway.metrics().await).filter(checked) }).await;
    assert_eq!(metrics.sum("gaccong_policy_shadow_mismatch_total", &[]), Some(0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_good_grant_opens_nothing() {
    let world = World::start().await;
    let nothing = "no signed grant is for this principal";
    let file = world.open().await;
    std::fs::remove_file(file.replace(".json", ".minh.sig")).unwrap();
    world.refused_because(nothing).await;
    world.open().await;
    world.sign_as(&file, "minh", "lan");
    world.refused_because(nothing).await;
    let refused = world.change("refused").await;
    assert!(refused.text("/entity/uid").unwrap().ends_with("fire-1.json"));

    let cases = [
        (with("apps", json!(["other"])), "grant `fire-1` is for other apps"),
        (with("for", json!({"user": "other@example.org"})), nothing),
        (with("for", json!({"workload": "duty@example.org"})), nothing),
        (with("for", json!({"certificate": "00".repeat(32)})), nothing),
        (with("not_after", at(-60)), "grant `fire-1` is in force from"),
        (with("not_before", at(600)), "grant `fire-1` is in force from"),
    ];
    for (grant, why) in &cases {
        world.open().await;
        world.signed(grant);
        world.refused_because(why).await;
    }

    // Changed after it was signed.
    world.open().await;
    world.put(&with("apps", json!(["echo", "other"])));
    world.refused_because(nothing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_sign_more_than_four_hours_and_signatures_over_more_do_not_count() {
    let world = World::start().await;
    let five_hours = with("not_after", at(4 * 3600));
    let file = world.put(&five_hours);
    let key = |name: &str| world.gateway.dir().join(format!("{name}.key"));
    let (code, text) = gaccong(&["grant", "sign", &file, "--key", key("lan").to_str().unwrap(), "--as", "lan"]);
    assert!(code == 1 && text.contains("longer than the 4 hours allowed"), "{code}: {text}");
    for name in ["lan", "minh"] {
        let pem = std::fs::read_to_string(key(name)).unwrap();
        let signature = rcgen::SigningKey::sign(&KeyPair::from_pem(&pem).unwrap(), five_hours.to_string().as_bytes());
        let path = world.gateway.dir().join(format!("grants/fire-1.{name}.sig"));
        std::fs::write(path, signature.unwrap()).unwrap();
    }
    let refused = world.change("refused").await;
    assert!(refused.text("/status_detail").unwrap().contains("longer than the 4 hours allowed"));
    world.refused_because("no signed grant is for this principal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_stream_is_cut_when_its_grant_ends() {
    let world = World::start().await;
    world.signed(&with("not_after", at(4)));
    world.let_in().await;
    let mut socket = world.client().websocket(HOST, "/socket").await.unwrap();
    assert_eq!(closed(&mut socket).await.code, CloseCode::Policy);
    assert_cut(&world).await;
    world.change("ended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_stream_is_cut_when_its_grant_is_taken_away() {
    let world = World::start().await;
    let file = world.signed(&grant());
    world.let_in().await;
    let mut socket = world.client().websocket(HOST, "/socket").await.unwrap();
    assert!(echoes(&mut socket).await);
    // No signal: the gateway watches the folder.
    std::fs::remove_file(file).unwrap();
    assert_eq!(closed(&mut socket).await.code, CloseCode::Policy);
    assert_cut(&world).await;
    world.change("withdrawn").await;
}

async fn assert_cut(world: &World) {
    let of_the_socket = |record: &Record| record.path() == Some("/socket") && record.is_final();
    let record = world.gateway.record("the final record", of_the_socket).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), REFUSED));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_configuration_keeps_no_grant_out_and_none_in() {
    let world = World::start().await;
    world.gateway.replace("policies/locked.cedar", "this is no policy");
    world.gateway.replace("groups.json", "nor is this a file of groups");
    world.gateway.reload_in_vain().await;
    let file = world.signed(&grant());
    world.let_in().await;
    std::fs::remove_file(file).unwrap();
    world.refused_because("no signed grant is for this principal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_breaks_no_glass() {
    let world = World::start().await;
    world.signed(&grant());
    world.let_in().await;
    let client = world.client();
    let mut connection = client.h1(HOST).await.unwrap();
    world.gateway.replace("emergency.crl", &world.ca.crl(&[&world.duty]));
    world.gateway.reload().await;
    // A reload that the grant has caused may come before the one that reads the list.
    let refused = async { while connection.send(get(HOST, "/")).await.is_ok_and(|answer| answer.status == 200) {} };
    within_patience("a refusal", refused).await;
    // Between two requests, or cut in the middle of an answer.
    let is_end = |record: &Record| record.is_final() && record.reason() == Some("certificate.revoked");
    world.gateway.record("the record of why it ended", is_end).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lockdown_does_not_stop_it_and_a_revocation_does() {
    let world = World::start_with(control::with_control).await;
    let (gateway, bob) = (&world.gateway, world.gateway.pki().bob());
    world.open().await;
    assert_eq!(gateway.call(&bob, "POST", &target("lockdowns", "app", "echo"), None).await.status, 204);
    assert_eq!(gateway.alice().get(HOST, "/").await.reason(), Some("access.lockdown"));
    assert_eq!(world.get().await.status, 200);

    let mut socket = world.client().websocket(HOST, "/socket").await.unwrap();
    assert!(echoes(&mut socket).await);
    gateway.revoke_by_call("user", "duty@example.org").await;
    assert_eq!(closed(&mut socket).await.reason.as_str(), "principal.revoked");
    assert_eq!(world.get().await.reason(), Some("principal.revoked"));
}
