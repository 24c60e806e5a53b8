//! Assertions: each forwarded request says who asks, in a way that the upstream can verify, and nobody else can say.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use gaccong::session::Key;
use gaccong::session::keys::KeyPurpose;
use gaccong::state::Change;
use gaccong::store::embedded::Embedded;
use gaccong::store::{Store, Table};
use gaccong_tests::client::{empty, exchange, full, plain, plain_get, request};
use gaccong_tests::setup::Setup;
use gaccong_tests::upstream::nginx::{Nginx, free_address};
use gaccong_tests::upstream::{Echo, Seen};
use gaccong_tests::{Answer, Gateway, eventually, within_patience};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

const HOST: &str = "echo.example.test";
const ISSUER: &str = "gaccong";
const MINUTE_MS: i64 = 60_000;
const STORE: &str = "store/gaccong.redb";

async fn start(change: impl FnOnce(&mut Setup)) -> (Gateway, Echo) {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        change(setup);
    })
    .await;
    (gateway, echo)
}

/// The one assertion that the upstream saw.
fn assertion(answer: &Answer) -> String {
    let seen = Seen::of(answer);
    let [assertion] = seen.header("gaccong-assertion")[..] else { panic!("{seen:?}") };
    assertion.to_owned()
}

async fn key_set(gateway: &Gateway) -> JwkSet {
    let (status, body) = gateway.manage("/jwks.json").await.unwrap();
    assert_eq!(status, 200);
    serde_json::from_str(&body).unwrap()
}

fn kid(assertion: &str) -> String {
    decode_header(assertion).unwrap().kid.unwrap()
}

/// The claims of an assertion that is good for an app.
fn claims(keys: &JwkSet, assertion: &str, app: &str) -> Value {
    assert_eq!(decode_header(assertion).unwrap().typ.as_deref(), Some("gaccong-assertion+jwt"));
    let key = keys.find(&kid(assertion)).expect("the key is published");
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[app]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    decode(assertion, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap().claims
}

#[tokio::test(flavor = "multi_thread")]
async fn every_protocol_bears_it_and_no_client_sends_it() {
    let (echo, h2c) = (Echo::h1().await, Echo::h2c().await);
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url()).app("grpc", h2c.url());
    })
    .await;
    let keys = key_set(&gateway).await;
    let alice = gateway.alice();
    let forged = |request: http::request::Builder| {
        request.header("Gaccong-Assertion", "forged").header("Gaccong_Assertion", "forged")
    };

    let h1 = alice.send(HOST, forged(request("GET", HOST, "/")).body(empty()).unwrap()).await.unwrap();
    let said = claims(&keys, &assertion(&h1), "echo");
    assert_eq!((&said["sub"], &said["sub_kind"]), (&json!("alice@example.org"), &json!("user")));
    assert_eq!((&said["groups"], &said["device"]), (&json!(["staff"]), &json!("laptop-7")));
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 60);
    assert_eq!(said["cnf"]["x5t#S256"].as_str().unwrap().len(), 43);
    assert_ne!(said["jti"], h1.id(), "it is not of the request");

    let h2 = alice.h2(HOST).await.unwrap();
    let answer = h2.send(forged(h2.request("POST", "/")).body(full("x")).unwrap()).await.unwrap();
    assert_eq!(claims(&keys, &assertion(&answer), "echo")["sub"], "alice@example.org");

    let grpc = alice.h2("grpc.example.test").await.unwrap();
    let call = forged(grpc.request("POST", "/grpc.Service/Call")).header("content-type", "application/grpc");
    let answer = grpc.send(call.header("te", "trailers").body(full("x")).unwrap()).await.unwrap();
    assert_eq!(claims(&keys, &assertion(&answer), "grpc")["sub"], "alice@example.org");

    let mut tls = alice.connect(HOST, &["http/1.1"]).await.unwrap();
    let handshake = format!(
        "GET /socket HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nGaccong-Assertion: forged\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let answer = exchange(&mut tls, handshake.as_bytes()).await.unwrap();
    assert_eq!(answer.status, 101);
    assert_eq!(claims(&keys, answer.header("x-seen-assertion").unwrap(), "echo")["sub"], "alice@example.org");

    let billing = gateway.client(&gateway.pki().billing()).get(HOST, "/").await;
    let said = claims(&keys, &assertion(&billing), "echo");
    assert_eq!((&said["sub"], &said["sub_kind"]), (&json!("spiffe://prod.example/billing"), &json!("workload")));
    assert_eq!((&said["groups"], said.get("device")), (&json!([]), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_signed_once_for_what_stays_the_same() {
    let (gateway, _echo) = start(|_| ()).await;
    let mut alice = gateway.alice().h1(HOST).await.unwrap();
    let mut next = async || assertion(&alice.send(gaccong_tests::client::get(HOST, "/")).await.unwrap());
    // Ten seconds may end between two requests, but not between each two of three.
    let (first, second, third) = (next().await, next().await, next().await);
    assert!(first == second || second == third);
    assert!(gateway.metrics().await.sum("gaccong_assertions_cached", &[]).unwrap() >= 1.0);

    gateway.replace(
        "groups.json",
        &json!({"groups": {"staff": ["alice@example.org"], "admins": ["alice@example.org"]}}).to_string(),
    );
    gateway.reload().await;
    let said = claims(&key_set(&gateway).await, &next().await, "echo");
    assert_eq!(said["groups"], json!(["admins", "staff"]), "a change of groups is told at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_long_groups_are_counted_and_not_cut_off() {
    let (gateway, _echo) = start(|setup| {
        let groups = (0..199).map(|n| (format!("{n:0>100}"), json!(["alice@example.org"])));
        let groups: serde_json::Map<_, _> =
            groups.chain([("staff".to_owned(), json!(["alice@example.org"]))]).collect();
        setup.groups = json!({"groups": groups});
    })
    .await;
    let assertion = assertion(&gateway.alice().get(HOST, "/").await);
    assert!(assertion.len() <= 6 * 1024);
    let said = claims(&key_set(&gateway).await, &assertion, "echo");
    assert_eq!((said.get("groups"), &said["groups_overflow"]), (None, &json!(200)));
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_can_do_without_and_the_issuer_has_a_name() {
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app_with("quiet", &[echo.url()], "assertion = false");
        setup.app("echo", echo.url());
        setup.set("assertion", "issuer = \"https://access.example.test\"");
    })
    .await;
    let quiet = gateway.alice().get("quiet.example.test", "/").await;
    assert!(Seen::of(&quiet).header("gaccong-assertion").is_empty());
    let assertion = assertion(&gateway.alice().get(HOST, "/").await);
    assert!(payload(&assertion)["iss"] == "https://access.example.test");
}

/// Claims that nobody has verified.
fn payload(assertion: &str) -> Value {
    jsonwebtoken::dangerous::insecure_decode(assertion).unwrap().claims
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_set_needs_no_client_certificate() {
    let (gateway, _echo) = start(|_| ()).await;
    let request = request("GET", "localhost", "/.gaccong/jwks.json").body(empty()).unwrap();
    let answer = plain(gateway.management(), request).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(answer.header("cache-control"), Some("max-age=300"));
    for key in answer.json()["keys"].as_array().unwrap() {
        let mut names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"], "and nothing secret");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_set_is_on_the_host_of_every_app_too() {
    let (gateway, echo) = start(|setup| {
        setup.set("clients", "certificate = \"optional\"");
    })
    .await;
    let answer = gateway.client(&gateway.pki().billing()).get(HOST, "/.gaccong/jwks.json").await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, Some("max-age=300")));
    assert_eq!(answer.json(), serde_json::to_value(key_set(&gateway).await).unwrap());
    assert_eq!(gateway.final_record(answer.id()).await.action(), "Allowed");
    assert_eq!(gateway.anonymous().get(HOST, "/.gaccong/jwks.json").await.reason(), Some("certificate.absent"));
    assert_eq!(gateway.alice().get(HOST, "/.gaccong/nothing").await.reason(), Some("request.own_path"));
    assert_eq!(echo.requests(), 0);
}

/// A key that the test knows, as the store keeps it.
struct Known {
    key: Key,
    der: Vec<u8>,
}

impl Known {
    fn new(created_at_ms: i64) -> Self {
        let der = KeyPair::generate().unwrap().serialize_der();
        Self { key: Key::new(KeyPurpose::Assertion, &der, created_at_ms).unwrap(), der }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let header: Header = serde_json::from_value(header.clone()).unwrap();
        encode(&header, claims, &EncodingKey::from_ec_der(&self.der)).unwrap()
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn keep(store: &Path, key: &Key) {
    std::fs::create_dir_all(store.parent().unwrap()).unwrap();
    let store = Embedded::open(store).unwrap();
    store.commit(&[Change::Key(key.clone()).write().unwrap()]).unwrap();
}

/// The keys of assertions that are kept, the oldest first.
fn kept(store: &Path) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    let visit = &mut |table: Table, _: &str, value: &[u8]| {
        if table == Table::Keys {
            keys.push(serde_json::from_slice(value).unwrap());
        }
        Ok(())
    };
    Embedded::open(store).unwrap().load(visit).unwrap();
    keys.retain(|key| key.purpose == KeyPurpose::Assertion);
    keys.sort_by_key(|key| key.created_at_ms);
    keys
}

async fn stop(gateway: &mut Gateway) {
    gateway.terminate();
    assert!(gateway.exit().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_without_a_gap() {
    let old = Known::new(now_ms() - 25 * 60 * MINUTE_MS);
    let (mut gateway, _echo) = start(|setup| {
        setup.set("store", &format!("path = \"{STORE}\""));
        keep(&setup.dir().join(STORE), &old.key);
    })
    .await;
    let store = gateway.dir().join(STORE);

    let published = eventually("the next key", || async {
        let keys = key_set(&gateway).await;
        (keys.keys.len() == 2).then_some(keys)
    })
    .await;
    let first = assertion(&gateway.alice().get(HOST, "/").await);
    assert_eq!(kid(&first), *old.key.id, "the next key is published and does not sign yet");
    stop(&mut gateway).await;

    let mut next = kept(&store).pop().unwrap();
    assert_ne!(next.id, old.key.id, "it was kept");
    next.created_at_ms = now_ms() - 11 * MINUTE_MS;
    keep(&store, &next);
    let mut gateway = gateway.restart().await;
    let second = assertion(&gateway.alice().get(HOST, "/").await);
    assert_eq!(kid(&second), *next.id, "it signs");
    claims(&published, &second, "echo");
    claims(&key_set(&gateway).await, &first, "echo");
    stop(&mut gateway).await;

    next.created_at_ms = now_ms() - 13 * MINUTE_MS;
    keep(&store, &next);
    let mut gateway = gateway.restart().await;
    let keys = key_set(&gateway).await;
    assert_eq!(keys.keys.len(), 1, "what the old key signed has lapsed");
    claims(&keys, &assertion(&gateway.alice().get(HOST, "/").await), "echo");
    eventually("the old key is forgotten", || async { (key_set(&gateway).await.keys.len() == 1).then_some(()) }).await;
    stop(&mut gateway).await;
    assert_eq!(kept(&store).len(), 1);
}

/// A verifier that reads assertions, one a line, and prints what it makes of them.
struct Example {
    name: &'static str,
    command: &'static [&'static str],
}

const EXAMPLES: &[Example] = &[
    Example { name: "Node", command: &["node", "verify.mjs"] },
    Example { name: "Python", command: &["python3", "verify.py"] },
    Example { name: "Java", command: &["java", "Verify.java"] },
];

/// Whether the runtime is here. `tests/run` installs those of Node and Python.
async fn is_there(example: &Example) -> bool {
    let probe: &[&str] = match example.name {
        "Python" => &["python3", "-c", "import jwt, cryptography"],
        "Java" => &["java", "-version"],
        _ => &["node", "--version"],
    };
    let status = Command::new(probe[0]).args(&probe[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    let there = status.is_ok_and(|status| status.success());
    assert!(
        there || example.name == "Java" || std::env::var("CI").as_deref() != Ok("true"),
        "{}: not here",
        example.name
    );
    there
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_accept_what_is_good_and_nothing_else() {
    let known = Known::new(now_ms());
    let other = Known::new(now_ms());
    let echo = Echo::h1().await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url()).app("payroll", echo.url());
        setup.set("store", &format!("path = \"{STORE}\""));
        keep(&setup.dir().join(STORE), &known.key);
    })
    .await;
    let good = assertion(&gateway.alice().get(HOST, "/").await);
    let anothers = assertion(&gateway.alice().get("payroll.example.test", "/").await);
    let tokens = bad_tokens(&known, &other, &good, anothers);

    let url = format!("http://{}/jwks.json", gateway.management());
    for example in EXAMPLES {
        if !is_there(example).await {
            continue;
        }
        let mut verifier = Verifier::start(example, &url).await;
        let said = verifier.ask(&good).await;
        assert_eq!(
            (&said["sub"], &said["groups"]),
            (&json!("alice@example.org"), &json!(["staff"])),
            "{}",
            example.name
        );
        for (what, token) in &tokens {
            let said = verifier.ask(token).await;
            assert!(said.get("refused").is_some(), "{} accepts {what}: {said}", example.name);
        }
        assert_eq!(verifier.ask(&good).await["sub"], "alice@example.org", "{} goes on", example.name);
    }
}

/// The configuration of nginx as it stands in the documentation, with other addresses.
#[tokio::test(flavor = "multi_thread")]
async fn nginx_asks_a_verifier_and_tells_the_app() {
    let app = Echo::h1().await;
    let verifier = free_address();
    let nginx = Nginx::with(|address, dir| {
        let conf = std::fs::read_to_string(examples().join("nginx.conf")).unwrap();
        conf.replace("listen 8080", &format!("listen {address}"))
            .replace("http://127.0.0.1:8081", app.url())
            .replace("http://127.0.0.1:9180", &format!("http://{verifier}"))
            .replace("/var/cache/nginx/assertions", &format!("{}/cache", dir.display()))
    })
    .await;
    let gateway = Gateway::start(|setup| {
        setup.app("echo", &nginx.url());
    })
    .await;
    let jwks = format!("http://{}/jwks.json", gateway.management());
    let _verifier = Command::new("node")
        .args(["auth-request.mjs", &jwks, ISSUER, "echo", &verifier.port().to_string()])
        .current_dir(examples())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    eventually("the verifier", || async { plain_get(verifier, "/").await.ok() }).await;

    let forged = request("GET", HOST, "/").header("x-remote-user", "mallory").body(empty()).unwrap();
    let seen = gateway.alice().send(HOST, forged).await.unwrap();
    let seen = Seen::of(&seen);
    assert_eq!(seen.header("x-remote-user"), ["alice@example.org"]);
    assert!(seen.header("gaccong-assertion").is_empty());

    for assertion in ["", "forged"] {
        let around =
            request("GET", HOST, "/").header("gaccong-assertion", assertion).header("x-remote-user", "mallory");
        let answer = plain(nginx.address(), around.body(empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status, 401, "around the gateway");
    }
    assert_eq!(app.requests(), 1);
}

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/upstreams")
}

fn bad_tokens(known: &Known, other: &Known, good: &str, anothers: String) -> Vec<(&'static str, String)> {
    let header = json!({"typ": "gaccong-assertion+jwt", "alg": "ES256", "kid": &*known.key.id});
    let said = payload(good);
    let with = |changes: Value| {
        let mut claims = said.clone();
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims
    };
    let (head, rest) = good.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let mallory = known.sign(&header, &with(json!({"sub": "mallory@example.org"})));
    let forged_payload = mallory.split('.').nth(1).unwrap();
    let unsigned = "eyJ0eXAiOiJnYWNjb25nLWFzc2VydGlvbitqd3QiLCJhbGciOiJub25lIn0";
    let now_s = now_ms() / 1000;
    let mut plain = header.clone();
    plain["typ"] = "JWT".into();
    let mut unknown = header.clone();
    unknown["kid"] = "unknown".into();
    vec![
        ("one for another app", anothers),
        ("one with other claims", format!("{head}.{forged_payload}.{signature}")),
        ("one without a signature", format!("{head}.{}.", rest.split('.').next().unwrap())),
        ("one that says `none`", format!("{unsigned}.{forged_payload}.")),
        ("one by another key", other.sign(&header, &said)),
        ("one by a key that is not known", other.sign(&unknown, &said)),
        ("one that has expired", known.sign(&header, &with(json!({"iat": now_s - 160, "exp": now_s - 100})))),
        ("one of another issuer", known.sign(&header, &with(json!({"iss": "https://evil.test"})))),
        ("another kind of token", known.sign(&plain, &said)),
        ("nothing", String::new()),
        ("garbage", "a.b.c".to_owned()),
    ]
}

struct Verifier {
    child: tokio::process::Child,
    answers: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Verifier {
    async fn start(example: &Example, jwks: &str) -> Self {
        let mut child = Command::new(example.command[0])
            .args(&example.command[1..])
            .args([jwks, ISSUER, "echo"])
            .current_dir(examples())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, answers }
    }

    async fn ask(&mut self, token: &str) -> Value {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(format!("{token}\n").as_bytes()).await.unwrap();
        let line = within_patience("the answer of an example", self.answers.next_line()).await.unwrap();
        serde_json::from_str(&line.expect("the example still runs")).unwrap()
    }
}
