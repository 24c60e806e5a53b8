//! Access tokens: they say who asks only where their issuer, audience, time and certificate are right, they go no further,
//! and what they gave is taken away with them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gaccong_tests::client::{empty, get, request};
use gaccong_tests::control;
use gaccong_tests::pki::{self, Certified};
use gaccong_tests::setup::Setup;
use gaccong_tests::streams::event;
use gaccong_tests::transmitter::{Transmitter, now_s};
use gaccong_tests::upstream::{Echo, Seen};
use gaccong_tests::{Answer, Client, Gateway, eventually};
use http::Response;
use hyper::body::Incoming;
use serde_json::{Value, json};

const HOST: &str = "echo.example.test";
const ISSUER: &str = "https://tokens.example.test/";
const AUDIENCE: &str = "https://gate.example.test/";
const INVALID: &str = "Bearer realm=\"gaccong\", error=\"invalid_token\"";

/// A gateway that believes the tokens of an issuer, and a laptop whose certificate names nobody.
struct World {
    gateway: Gateway,
    issuer: Transmitter,
    echo: Echo,
    laptop: Certified,
}

impl World {
    async fn start(change: impl FnOnce(&mut Setup, &Transmitter)) -> Self {
        let (issuer, echo) = (Transmitter::start().await, Echo::h1().await);
        let gateway = Gateway::start(|setup| {
            setup.app("echo", echo.url());
            setup.write("jwks.json", &issuer.jwks());
            believe(setup, "{ file = \"jwks.json\" }");
            change(setup, &issuer);
        })
        .await;
        let laptop = gateway.pki().laptops.issue(pki::device("laptop-7"));
        Self { gateway, issuer, echo, laptop }
    }

    fn client(&self) -> Client {
        self.gateway.client(&self.laptop)
    }

    /// The claims of a token that is good in every way: Alice, on her laptop.
    fn claims(&self) -> Value {
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "alice@example.org", "client_id": "cli", "jti": "1",
            "iat": now_s(), "exp": now_s() + 300, "groups": ["staff"], "cnf": {"x5t#S256": thumbprint(&self.laptop)},
        })
    }

    fn with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    /// What whoever shows this token is answered.
    async fn show(&self, token: &str) -> Answer {
        show(&self.client(), token).await
    }

    async fn show_claims(&self, claims: &Value) -> Answer {
        self.show(&self.issuer.access_token(claims)).await
    }

    /// A stream of events for whoever shows this token.
    async fn events(&self, claims: &Value) -> Response<Incoming> {
        let h2 = self.client().h2(HOST).await.unwrap();
        let token = format!("Bearer {}", self.issuer.access_token(claims));
        h2.begin(h2.request("GET", "/sse").header("authorization", token).body(empty()).unwrap()).await.unwrap()
    }
}

fn believe(setup: &mut Setup, jwks: &str) {
    let table = format!("issuer = \"{ISSUER}\", audience = [\"{AUDIENCE}\"], jwks = {jwks}, leeway_s = 0");
    setup.set("identity", &format!("jwt = [{{ {table} }}]"));
}

async fn show(client: &Client, token: &str) -> Answer {
    let request = request("GET", HOST, "/").header("authorization", format!("Bearer {token}"));
    client.send(HOST, request.body(empty()).unwrap()).await.unwrap()
}

/// SHA-256 of a certificate, as RFC 8705 §3.1 writes it.
fn thumbprint(certified: &Certified) -> String {
    let suite = rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().unwrap();
    URL_SAFE_NO_PAD.encode(suite.common.hash_provider.hash(&certified.chain[0]).as_ref())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_says_who_asks_and_goes_no_further() {
    let world = World::start(|_, _| {}).await;
    assert_eq!(world.client().get(HOST, "/").await.reason(), Some("principal.absent"));

    let answer = world.show_claims(&world.claims()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(Seen::of(&answer).header("authorization").is_empty());
    let record = world.gateway.final_record(answer.id()).await;
    let question = record.question().unwrap();
    assert_eq!(question["principal"], json!({"kind": "user", "id": "alice@example.org", "groups": ["staff"]}));
    assert_eq!(question["context"]["session"]["method"], "token");

    let service = json!({"sub": "cli", "groups": ["staff"]});
    let mut claims = world.claims();
    claims.as_object_mut().unwrap().extend(service.as_object().unwrap().clone());
    let record = world.gateway.final_record(world.show_claims(&claims).await.id()).await;
    assert_eq!(record.question().unwrap()["principal"]["kind"], "workload");
    let accepted = [("result", "accepted")];
    assert_eq!(world.gateway.metrics().await.sum("gaccong_tokens_total", &accepted), Some(2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_token_has_its_reason() {
    let world = World::start(|_, _| {}).await;
    let stranger = Transmitter::start().await;
    let typed = |typ: &str| world.issuer.token_of_type(typ, "key-1", &world.claims());
    for (reason, token) in [
        ("malformed", typed("JWT")),
        ("malformed", world.issuer.access_token(&world.with("exp", json!("never")))),
        ("malformed", format!("{}{}", typed("at+jwt"), "A".repeat(16 * 1024))),
        ("untrusted", stranger.access_token(&world.claims())),
        ("untrusted", world.issuer.token_of_type("at+jwt", "../../key-1", &world.claims())),
        ("untrusted", world.issuer.access_token(&world.with("iss", json!("https://other.example.test/")))),
        ("expired", world.issuer.access_token(&world.with("exp", json!(now_s() - 1)))),
        ("expired", world.issuer.access_token(&world.with("nbf", json!(now_s() + 60)))),
        ("audience", world.issuer.access_token(&world.with("aud", json!("https://other.example.test/")))),
        ("binding", world.issuer.access_token(&world.with("cnf", json!(null)))),
        ("binding", world.issuer.access_token(&world.with("cnf", json!({"x5t#S256": "A".repeat(43)})))),
        ("principal_absent", world.issuer.access_token(&world.with("sub", json!("")))),
    ] {
        let answer = world.show(&token).await;
        let reason = format!("token.{reason}");
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, Some(&*reason)), "{}", answer.text());
        assert_eq!(answer.header("www-authenticate"), Some(INVALID), "{reason}");
        let record = world.gateway.final_record(answer.id()).await;
        assert_eq!((record.action(), record.reason()), ("Denied", Some(&*reason)));
    }
    assert_eq!(world.echo.requests(), 0);
    // Somebody else's token, on one's own device.
    let bob = world.gateway.pki().laptops.issue(pki::device("laptop-8"));
    let stolen = show(&world.gateway.client(&bob), &world.issuer.access_token(&world.claims())).await;
    assert_eq!(stolen.reason(), Some("token.binding"));
    let twice = get(HOST, "/");
    let (mut parts, body) = twice.into_parts();
    for token in [typed("at+jwt"), "opaque".to_owned()] {
        parts.headers.append("authorization", format!("Bearer {token}").parse().unwrap());
    }
    let answer = world.client().send(HOST, http::Request::from_parts(parts, body)).await.unwrap();
    assert_eq!(answer.reason(), Some("token.malformed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tokens_are_the_apps_own() {
    let world = World::start(|_, _| {}).await;
    let foreign = world.issuer.access_token(&world.with("iss", json!("https://other.example.test/")));
    for token in [&*foreign, "an-opaque-token"] {
        let answer = show(&world.gateway.alice(), token).await;
        assert_eq!(answer.status, 200, "her certificate says who she is");
        assert_eq!(Seen::of(&answer).header("authorization"), [format!("Bearer {token}")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_a_certificate_are_not_of_two_people() {
    let world = World::start(|_, _| {}).await;
    let bob = world.gateway.pki().bob();
    let token = |sub: &str| {
        let mut claims = world.with("sub", json!(sub));
        claims["cnf"]["x5t#S256"] = json!(thumbprint(&bob));
        world.issuer.access_token(&claims)
    };
    let client = world.gateway.client(&bob);
    assert_eq!(show(&client, &token("alice@example.org")).await.reason(), Some("session.principal_mismatch"));
    assert_eq!(show(&client, &token("bob@example.org")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_in_the_background_and_by_no_storm() {
    let world = World::start(|setup, issuer| {
        setup.write("issuer.pem", &issuer.ca_pem());
        believe(setup, &format!("{{ url = \"{}\", ca = [\"issuer.pem\"] }}", issuer.url("/jwks.json")));
    })
    .await;
    let token = world.issuer.access_token(&world.claims());
    eventually("the key", || async { (world.show(&token).await.status == 200).then_some(()) }).await;
    for number in 0..50 {
        let unknown = world.issuer.token_of_type("at+jwt", &format!("unknown-{number}"), &world.claims());
        assert!(matches!(world.show(&unknown).await.reason(), Some("token.untrusted" | "token.keys_unavailable")));
    }
    assert!(world.issuer.keys_told() <= 2, "{}", world.issuer.keys_told());
    assert_eq!(world.show(&token).await.status, 200, "what is known goes on");
    eventually("a count of fetches", || async {
        let fetched = world.gateway.metrics().await.sum("gaccong_jwks_fetches_total", &[("result", "succeeded")]);
        fetched.filter(|fetched| *fetched >= 1.0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_fetched_makes_nobody_wait() {
    let world = World::start(|setup, issuer| {
        issuer.stop();
        setup.write("issuer.pem", &issuer.ca_pem());
        believe(setup, &format!("{{ url = \"{}\", ca = [\"issuer.pem\"] }}", issuer.url("/jwks.json")));
    })
    .await;
    let answer = world.show_claims(&world.claims()).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (503, Some("token.keys_unavailable")));
    assert_eq!(answer.header("retry-after"), Some("2"));
    assert_eq!(world.gateway.alice().get(HOST, "/").await.status, 200, "who needs no token is not concerned");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_token() {
    let world = World::start(|_, _| {}).await;
    let mut stream = world.events(&world.with("exp", json!(now_s() + 3))).await;
    assert_eq!(event(&mut stream).await, None, "nobody changed anything: time did");
    let record = world.gateway.record("the final record", gaccong_tests::Record::is_final).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some("token.expired")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_the_tokens_principal_is_revoked() {
    let world = World::start(|setup, _| control::with_control(setup)).await;
    let mut hers = world.events(&world.claims()).await;
    let mut his = world.events(&world.with("sub", json!("bob@example.org"))).await;
    world.echo.emit("one").await;
    assert_eq!((event(&mut hers).await, event(&mut his).await), (Some("one".into()), Some("one".into())));

    world.gateway.revoke_by_call("user", "alice@example.org").await;

    assert_eq!(event(&mut hers).await, None);
    world.echo.emit("two").await;
    assert_eq!(event(&mut his).await.as_deref(), Some("two"), "the other is unharmed");
    assert_eq!(world.show_claims(&world.claims()).await.reason(), Some("principal.revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_issuer_is_no_longer_configured() {
    let world = World::start(|_, _| {}).await;
    let mut stream = world.events(&world.claims()).await;
    world.echo.emit("one").await;
    assert_eq!(event(&mut stream).await.as_deref(), Some("one"));

    let file = world.gateway.dir().join("gaccong.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let without: Vec<_> = text.lines().filter(|line| !line.starts_with("jwt = ")).collect();
    std::fs::write(&file, without.join("\n")).unwrap();
    world.gateway.reload().await;

    assert_eq!(event(&mut stream).await, None);
    let record = world.gateway.record("the final record", |r| r.path() == Some("/sse") && r.is_final()).await;
    assert_eq!((record.outcome(), record.reason()), (Some("cut"), Some("token.untrusted")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_is_told_which_login_would_do() {
    let strong = "@id(\"strong\") @step_up_acr(\"phr\") @step_up_max_age_s(\"300\")
        forbid (principal is User, action, resource) unless {
            context has session && context.session has acr && context.session.acr == \"phr\" &&
            context.session.auth_age_s < 300 };";
    let world = World::start(|setup, _| {
        setup.policies.insert("strong.cedar", strong.to_owned());
    })
    .await;
    let answer = world.show_claims(&world.claims()).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, Some("session.step_up")), "{}", answer.text());
    let challenge =
        "Bearer realm=\"gaccong\", error=\"insufficient_user_authentication\", acr_values=\"phr\", max_age=\"300\"";
    assert_eq!(answer.header("www-authenticate"), Some(challenge));

    let mut stronger = world.with("acr", json!("phr"));
    assert_eq!(world.show_claims(&stronger).await.reason(), Some("session.step_up"), "when is not told");
    stronger["auth_time"] = json!(now_s());
    assert_eq!(world.show_claims(&stronger).await.status, 200);
}
