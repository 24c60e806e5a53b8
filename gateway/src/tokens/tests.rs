//! Every way in which a token can be wrong, and that a good one is verified once.

use std::sync::Arc;
use std::time::Duration;

use gaccong_policy::PrincipalKind;
use http::HeaderValue;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::*;
use crate::config::{JwksSource, JwtIssuer, TokenBinding};
use crate::jose::fixtures::{Signer, encode};
use crate::request::identify::{ClientCertificate, Credential, Names};

const NOW_S: i64 = 1_795_330_800;
const NOW_MS: i64 = NOW_S * 1000;
const ISSUER: &str = "https://idp.example.org/";
const AUDIENCE: &str = "https://gate.example.org/";

/// An issuer, what it is configured as, and those who know it.
struct World {
    signer: Signer,
    folder: tempfile::TempDir,
    settings: JwtIssuer,
    issuers: Issuers,
}

impl World {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut JwtIssuer)) -> Self {
        let (signer, folder) = (Signer::new("k"), tempfile::tempdir().unwrap());
        let jwks = folder.path().join("jwks.json");
        std::fs::write(&jwks, signer.jwks()).unwrap();
        let mut settings = JwtIssuer {
            issuer: ISSUER.into(),
            audience: vec!["https://other.example.org/".into(), AUDIENCE.into()],
            algorithms: vec![Algorithm::ES256, Algorithm::RS256],
            jwks: JwksSource::File(jwks),
            principal: "sub".into(),
            kind: None,
            groups: "groups".into(),
            binding: TokenBinding::Certificate,
            leeway: Duration::from_secs(60),
        };
        change(&mut settings);
        let issuers = Issuers::load(&[Arc::new(settings.clone())], None).unwrap();
        Self { signer, folder, settings, issuers }
    }

    fn token(&self, claims: &Value) -> String {
        String::from_utf8(self.signer.token("at+jwt", claims)).unwrap()
    }

    fn verify(&self, token: &str) -> Result<Arc<Credential>, Refusal> {
        self.issuers.verify(self.issuers.recognise(token), &certificate(0xab), NOW_MS)
    }

    fn judge(&self, claims: &Value) -> Result<Arc<Credential>, Refusal> {
        self.verify(&self.token(claims))
    }
}

fn certificate(byte: u8) -> ClientCertificate {
    ClientCertificate {
        trust_domain: "services".into(),
        names: Names::default(),
        subject: "".into(),
        issuer: "CN=CA".into(),
        serial: "01".into(),
        fingerprint: format!("{byte:02x}").repeat(32).into(),
        not_before_ms: 0,
        not_after_ms: i64::MAX,
        der: Vec::new().into(),
        chain: Vec::new(),
    }
}

/// The claims of a token that is good in every way.
fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "client_id": "cli", "jti": "1",
        "iat": NOW_S - 10, "nbf": NOW_S - 10, "exp": NOW_S + 300, "auth_time": NOW_S - 100, "acr": "phr",
        "groups": ["finance", "all", "all"], "cnf": {"x5t#S256": encode(&[0xab; 32])},
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name).unwrap();
    claims
}

#[test]
fn a_good_token_says_who_asks() {
    let credential = World::new().judge(&claims()).unwrap();
    assert_eq!((credential.principal.kind, &*credential.principal.id), (PrincipalKind::User, "alice"));
    assert_eq!(*credential.groups, ["all".into(), "finance".into()]);
    assert_eq!((credential.acr.as_deref(), credential.method.as_str()), (Some("phr"), "token"));
    assert_eq!(credential.auth_time_ms, Some(NOW_MS - 100_000));
    assert_eq!(credential.established_at_ms, NOW_MS - 10_000);
    assert_eq!(credential.expires_at_ms, NOW_MS + 360_000);
    assert_eq!(credential.subjects[0].id, credential.principal.id);
}

#[test]
fn a_client_that_asks_for_itself_is_a_workload() {
    let client = with("sub", json!("cli"));
    let kind = |world: World| world.judge(&client).unwrap().principal.kind;
    assert_eq!(kind(World::new()), PrincipalKind::Workload);
    assert_eq!(kind(World::with(|settings| settings.kind = Some(PrincipalKind::User))), PrincipalKind::User);
    let world = World::with(|settings| settings.kind = Some(PrincipalKind::Workload));
    assert_eq!(world.judge(&claims()).unwrap().principal.kind, PrincipalKind::Workload);
}

#[test]
fn when_a_person_logged_in_is_not_guessed() {
    let mut silent = without("auth_time");
    assert_eq!(World::new().judge(&silent).unwrap().auth_time_ms, None);
    silent["sub"] = json!("cli");
    assert_eq!(World::new().judge(&silent).unwrap().auth_time_ms, Some(NOW_MS - 10_000));
    silent["iat"] = json!(null);
    let credential = World::new().judge(&silent).unwrap();
    assert_eq!((credential.auth_time_ms, credential.established_at_ms), (None, 0));
}

#[test]
fn names_are_those_of_the_configured_claims() {
    let world = World::with(|settings| {
        settings.principal = "email".into();
        settings.groups = "roles".into();
    });
    let mut claims = claims();
    (claims["email"], claims["email_verified"], claims["roles"]) = (json!("A@B.example"), json!(true), json!("one"));
    let credential = world.judge(&claims).unwrap();
    assert_eq!((&*credential.principal.id, &*credential.groups), ("a@b.example", &["one".into()][..]));
    claims["email_verified"] = json!("true");
    assert_eq!(world.judge(&claims).unwrap_err().reason, Reason::TokenPrincipalAbsent);
}

#[test]
fn claims_that_are_not_expected_are_refused() {
    use Reason as R;
    let many: Vec<_> = (0..201).map(|number| number.to_string()).collect();
    for (name, value, reason) in [
        ("aud", json!("https://elsewhere.example.org/"), R::TokenAudience),
        ("aud", json!([]), R::TokenAudience),
        ("aud", json!([7, {}]), R::TokenAudience),
        ("aud", json!({"a": AUDIENCE}), R::TokenMalformed),
        ("aud", json!(null), R::TokenMalformed),
        ("exp", json!(NOW_S - 60), R::TokenExpired),
        ("exp", json!(0), R::TokenExpired),
        ("exp", json!(null), R::TokenMalformed),
        ("exp", json!("never"), R::TokenMalformed),
        ("exp", json!(1e300), R::TokenMalformed),
        ("exp", json!(-1), R::TokenMalformed),
        ("nbf", json!(NOW_S + 61), R::TokenExpired),
        ("nbf", json!([]), R::TokenMalformed),
        ("iat", json!(NOW_S + 61), R::TokenExpired),
        ("auth_time", json!("yesterday"), R::TokenMalformed),
        ("sub", json!(null), R::TokenPrincipalAbsent),
        ("sub", json!(""), R::TokenPrincipalAbsent),
        ("sub", json!(7), R::TokenPrincipalAbsent),
        ("sub", json!(["alice"]), R::TokenPrincipalAbsent),
        ("sub", json!("a\nb"), R::TokenPrincipalAbsent),
        ("sub", json!("x".repeat(257)), R::TokenPrincipalAbsent),
        ("groups", json!([1]), R::TokenMalformed),
        ("groups", json!({}), R::TokenMalformed),
        ("groups", json!(["x".repeat(257)]), R::TokenMalformed),
        ("groups", json!(many), R::TokenMalformed),
        ("acr", json!(1), R::TokenMalformed),
        ("cnf", json!(null), R::TokenBinding),
        ("cnf", json!({}), R::TokenBinding),
        ("cnf", json!("x"), R::TokenMalformed),
        ("cnf", json!({"x5t#S256": encode(&[0xac; 32])}), R::TokenBinding),
        ("cnf", json!({"x5t#S256": encode(&[0xab; 31])}), R::TokenBinding),
        ("cnf", json!({"x5t#S256": 7}), R::TokenBinding),
        ("cnf", json!({"jkt": encode(&[0xab; 32])}), R::TokenBinding),
        ("cnf", json!({"x5t#S256": encode(&[0xab; 32]), "jkt": "x"}), R::TokenBinding),
    ] {
        let refusal = World::new().judge(&with(name, value.clone())).unwrap_err();
        assert_eq!(refusal.reason, reason, "{name} = {value}: {}", refusal.detail);
    }
    for (name, reason) in [
        ("aud", R::TokenMalformed),
        ("exp", R::TokenMalformed),
        ("sub", R::TokenPrincipalAbsent),
        ("cnf", R::TokenBinding),
        ("iss", R::TokenUntrusted),
    ] {
        assert_eq!(World::new().judge(&without(name)).unwrap_err().reason, reason, "{name}");
    }
}

#[test]
fn clocks_may_be_a_little_apart() {
    for (name, at_s) in [("exp", NOW_S - 59), ("nbf", NOW_S + 60), ("iat", NOW_S + 60)] {
        assert!(World::new().judge(&with(name, json!(at_s))).is_ok(), "{name}");
        let strict = World::with(|settings| settings.leeway = Duration::ZERO);
        assert_eq!(strict.judge(&with(name, json!(at_s))).unwrap_err().reason, Reason::TokenExpired, "{name}");
    }
}

#[test]
fn a_token_need_not_be_bound_where_that_is_said() {
    let world = World::with(|settings| settings.binding = TokenBinding::None);
    assert!(world.judge(&without("cnf")).is_ok());
    assert!(world.judge(&claims()).is_ok());
    let other = with("cnf", json!({"x5t#S256": encode(&[0xac; 32])}));
    assert_eq!(world.judge(&other).unwrap_err().reason, Reason::TokenBinding);
    let by_proof = with("cnf", json!({"jkt": "x"}));
    assert_eq!(world.judge(&by_proof).unwrap_err().reason, Reason::TokenBinding);
}

#[test]
fn a_claim_that_stands_twice_is_refused() {
    let world = World::new();
    let header = br#"{"alg":"ES256","typ":"at+jwt","kid":"k"}"#;
    for (claim, twice) in [("\"sub\"", "\"sub\":\"root\",\"sub\""), ("\"x5t#S256\"", "\"x5t#S256\":\"\",\"x5t#S256\"")]
    {
        let claims = claims().to_string().replacen(claim, twice, 1);
        let token = String::from_utf8(world.signer.token_of(header, claims.as_bytes())).unwrap();
        let refusal = world.verify(&token).unwrap_err();
        assert_eq!(refusal.reason, Reason::TokenMalformed);
        assert!(refusal.detail.contains("duplicate field"), "{}", refusal.detail);
    }
}

#[test]
fn only_a_configured_issuer_with_its_own_keys_is_believed() {
    let world = World::new();
    let thief = Signer::new("k");
    let stolen = String::from_utf8(thief.token("at+jwt", &claims())).unwrap();
    assert_eq!(world.verify(&stolen).unwrap_err().reason, Reason::TokenUntrusted);
    for (alg, kid) in [("none", "k"), ("HS256", "k"), ("ES384", "k"), ("RS256", "k"), ("ES256", "other")] {
        let header = json!({"alg": alg, "typ": "at+jwt", "kid": kid});
        let token = String::from_utf8(world.signer.token_with(&header, &claims())).unwrap();
        assert_eq!(world.verify(&token).unwrap_err().reason, Reason::TokenUntrusted, "{alg} {kid}");
    }
    for typ in ["JWT", "logout+jwt", "secevent+jwt"] {
        let token = String::from_utf8(world.signer.token(typ, &claims())).unwrap();
        assert_eq!(world.verify(&token).unwrap_err().reason, Reason::TokenMalformed, "{typ}");
    }
}

#[test]
fn other_tokens_are_the_apps_own() {
    let world = World::new();
    let elsewhere = [world.token(&with("iss", json!("https://idp.example.org"))), world.token(&with("iss", json!(7)))];
    for own in elsewhere.iter().map(String::as_str).chain(["", "opaque", "a.b.c", "ya29.a0Af"]) {
        let bearer = world.issuers.recognise(own);
        assert!(!bearer.is_ours(), "{own}");
        assert!(world.issuers.verify(bearer, &certificate(0xab), NOW_MS).is_err());
    }
    let field = |text: &str| HeaderValue::from_str(text).unwrap();
    let token = world.token(&claims());
    for scheme in ["Bearer", "bearer", "BEARER "] {
        assert!(world.issuers.bearer(&field(&format!("{scheme} {token}"))).unwrap().is_ours(), "{scheme}");
    }
    for other in ["Basic YTpi", "Bearer", "", "DPoP x"] {
        assert!(world.issuers.bearer(&field(other)).is_none(), "{other}");
    }
    let huge = format!("Bearer {token}{}", "A".repeat(1 << 20));
    assert!(!world.issuers.bearer(&field(&huge)).unwrap().is_ours());
}

#[test]
fn a_token_is_verified_once() {
    let world = World::new();
    let token = world.token(&claims());
    assert!(matches!(world.issuers.recognise(&token), Bearer::Ours(_)));
    let first = world.verify(&token).unwrap();
    assert!(matches!(world.issuers.recognise(&token), Bearer::Known(_)));
    assert!(Arc::ptr_eq(&world.verify(&token).unwrap(), &first));
    // Certificate and time are compared again.
    let known = |certificate, now_ms| world.issuers.verify(world.issuers.recognise(&token), &certificate, now_ms);
    assert_eq!(known(certificate(0xac), NOW_MS).unwrap_err().reason, Reason::TokenBinding);
    assert_eq!(known(certificate(0xab), NOW_MS + 360_000).unwrap_err().reason, Reason::TokenExpired);
    assert_eq!(known(certificate(0xab), NOW_MS - 71_000).unwrap_err().reason, Reason::TokenExpired);
    assert!(known(certificate(0xab), NOW_MS + 359_999).is_ok());
}

#[test]
fn what_is_refused_is_not_kept_and_what_has_expired_is_forgotten() {
    let world = World::new();
    assert!(world.judge(&with("aud", json!("x"))).is_err());
    assert!(world.judge(&without("cnf")).is_err());
    assert!(world.issuers.verified.is_empty());
    world.judge(&claims()).unwrap();
    world.issuers.verified.sweep(NOW_MS);
    assert_eq!(world.issuers.verified.len(), 1);
    world.issuers.verified.sweep(NOW_MS + 360_000);
    assert!(world.issuers.verified.is_empty());
}

#[test]
fn a_key_that_is_withdrawn_counts_no_longer() {
    let world = World::new();
    let token = world.token(&claims());
    world.verify(&token).unwrap();
    std::fs::write(world.folder.path().join("jwks.json"), Signer::new("k").jwks()).unwrap();
    let reloaded = Issuers::load(&[Arc::new(world.settings.clone())], Some(&world.issuers)).unwrap();
    let refusal = reloaded.verify(reloaded.recognise(&token), &certificate(0xab), NOW_MS).unwrap_err();
    assert_eq!(refusal.reason, Reason::TokenUntrusted);
}

#[test]
fn a_bad_key_file_is_told() {
    let world = World::new();
    std::fs::write(world.folder.path().join("jwks.json"), "{}").unwrap();
    let errors = Issuers::load(&[Arc::new(world.settings.clone())], Some(&world.issuers)).unwrap_err();
    assert!(errors[0].message.contains("not a JSON Web Key Set"), "{errors:?}");
}
