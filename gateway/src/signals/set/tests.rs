//! Every way in which a token can be wrong.

use serde_json::json;

use super::*;
use crate::signals::fixtures::{AUDIENCE, ISSUER, NOW_MS, Signer, TYP, claims, claims_of};

fn allowed() -> HashSet<Algorithm> {
    HashSet::from([Algorithm::ES256, Algorithm::PS256, Algorithm::RS256, Algorithm::EdDSA])
}

fn expected() -> Expected<'static> {
    Expected { issuer: ISSUER, audience: AUDIENCE, max_age: Duration::from_secs(3600), now_ms: NOW_MS }
}

fn accept(signer: &Signer, token: &[u8]) -> Result<SecurityEvent, SetError> {
    SignedSet::read(token, &allowed())?.verify(&Keys::read(&signer.jwks()).unwrap(), &expected())
}

/// The error of the good claims after `change`.
fn error_after(change: impl FnOnce(&mut Value)) -> SetError {
    let signer = Signer::new("k");
    let mut claims = claims();
    change(&mut claims);
    accept(&signer, &signer.token(TYP, &claims)).expect_err(&claims.to_string())
}

#[test]
fn a_good_token_is_accepted() {
    let signer = Signer::new("k");
    for audience in [json!(AUDIENCE), json!(["https://other/", AUDIENCE])] {
        let mut claims = claims();
        claims["aud"] = audience;
        claims["txn"] = json!("8675309");
        let event = accept(&signer, &signer.token(TYP, &claims)).unwrap();
        assert_eq!(&*event.jti, "token-1");
        assert_eq!(event.event, Some((EventType::SessionRevoked, Event::SessionRevoked)));
        assert_eq!(event.circumstances.happened_at.unwrap().first_ms(), NOW_MS - 5000);
        assert_eq!(event.subject.to_string(), "email Alice@Example.org");
    }
}

#[test]
fn an_event_of_another_type_is_accepted_without_content() {
    let signer = Signer::new("k");
    let event =
        accept(&signer, &signer.token(TYP, &claims_of("caep/event-type/session-presented", json!({})))).unwrap();
    assert_eq!((event.event, event.circumstances), (None, Circumstances::default()));
}

#[test]
fn the_time_of_the_event_may_be_that_of_the_token() {
    let signer = Signer::new("k");
    let mut claims = claims_of("risc/event-type/sessions-revoked", json!({}));
    claims["toe"] = json!(NOW_MS / 1000 - 9);
    let event = accept(&signer, &signer.token(TYP, &claims)).unwrap();
    assert_eq!(event.circumstances.happened_at.unwrap().first_ms(), NOW_MS - 9000);
}

#[test]
fn claims_that_are_not_expected_are_refused() {
    use ErrorCode as E;
    let seconds = NOW_MS / 1000;
    for (name, value, code) in [
        ("iss", json!("https://evil.example.org/"), E::InvalidIssuer),
        ("iss", json!("https://idp.example.org"), E::InvalidIssuer),
        ("iss", json!(["https://idp.example.org/"]), E::InvalidRequest),
        ("aud", json!("https://other/"), E::InvalidAudience),
        ("aud", json!([]), E::InvalidAudience),
        ("aud", json!({}), E::InvalidRequest),
        ("exp", json!(seconds + 60), E::InvalidRequest),
        ("exp", json!(null), E::InvalidRequest),
        ("sub", json!("alice"), E::InvalidRequest),
        ("sub", json!(null), E::InvalidRequest),
        ("jti", json!(""), E::InvalidRequest),
        ("jti", json!("x".repeat(513)), E::InvalidRequest),
        ("jti", json!("a\nb"), E::InvalidRequest),
        ("jti", json!(7), E::InvalidRequest),
        ("iat", json!(seconds + 61), E::InvalidRequest),
        ("iat", json!(seconds - 3601), E::InvalidRequest),
        ("iat", json!("now"), E::InvalidRequest),
        ("iat", json!(-1), E::InvalidRequest),
        ("sub_id", json!("alice"), E::InvalidRequest),
        ("sub_id", json!({"email": "alice@example.org"}), E::InvalidRequest),
        ("events", json!({}), E::InvalidRequest),
        ("events", json!([]), E::InvalidRequest),
        ("events", json!({"https://x/": 1}), E::InvalidRequest),
    ] {
        let error = error_after(|claims| claims[name] = value.clone());
        assert_eq!(error.err, code, "{name} = {value}: {error}");
    }
    for name in ["iss", "aud", "jti", "iat", "sub_id", "events"] {
        let error = error_after(|claims| drop(claims.as_object_mut().unwrap().remove(name)));
        assert_eq!(error.err, E::InvalidRequest, "{name}");
        assert!(error.description.contains(name), "{error}");
    }
}

#[test]
fn two_events_are_refused_also_under_one_name() {
    let error = error_after(|claims| claims["events"]["https://x/"] = json!({}));
    assert_eq!(error.err, ErrorCode::InvalidRequest);
    assert!(error.description.contains("more than one event"), "{error}");

    let signer = Signer::new("k");
    let twice = claims().to_string().replace("\"events\":{", "\"events\":{\"https://x/\":{},\"https://x/\":{},");
    let token = signer.token_of(br#"{"alg":"ES256","typ":"secevent+jwt","kid":"k"}"#, twice.as_bytes());
    assert!(accept(&signer, &token).unwrap_err().description.contains("more than one event"));
}

#[test]
fn a_claim_that_stands_twice_is_refused() {
    let signer = Signer::new("k");
    let twice = claims().to_string().replacen('{', "{\"jti\":\"other\",", 1);
    let token = signer.token_of(br#"{"alg":"ES256","typ":"secevent+jwt","kid":"k"}"#, twice.as_bytes());
    assert!(accept(&signer, &token).unwrap_err().description.contains("duplicate field `jti`"));
}

#[test]
fn an_event_from_the_future_is_refused() {
    let error = error_after(|claims| {
        *claims = claims_of("caep/event-type/session-revoked", json!({"event_timestamp": NOW_MS / 1000 + 3600}));
    });
    assert!(error.description.contains("lies in the future"), "{error}");
    let milliseconds = error_after(|claims| {
        *claims = claims_of("caep/event-type/session-revoked", json!({"event_timestamp": NOW_MS}));
    });
    assert!(milliseconds.description.contains("not a time in seconds"), "{milliseconds}");
}

#[test]
fn headers_that_are_not_expected_are_refused() {
    let signer = Signer::new("k");
    let good = json!({"alg": "ES256", "typ": "secevent+jwt", "kid": "k"});
    for (name, value, code) in [
        ("typ", json!("JWT"), ErrorCode::InvalidRequest),
        ("typ", json!(null), ErrorCode::InvalidRequest),
        ("typ", json!("logout+jwt"), ErrorCode::InvalidRequest),
        ("alg", json!("none"), ErrorCode::InvalidKey),
        ("alg", json!("None"), ErrorCode::InvalidKey),
        ("alg", json!("HS256"), ErrorCode::InvalidKey),
        ("alg", json!("ES384"), ErrorCode::InvalidKey),
        ("alg", json!("RS256"), ErrorCode::InvalidKey),
        ("alg", json!("PS256"), ErrorCode::InvalidKey),
        ("alg", json!("EdDSA"), ErrorCode::InvalidKey),
        ("alg", json!(null), ErrorCode::InvalidRequest),
        ("kid", json!(null), ErrorCode::InvalidKey),
        ("kid", json!("other"), ErrorCode::InvalidKey),
        ("kid", json!(["k"]), ErrorCode::InvalidRequest),
        ("crit", json!(["b64"]), ErrorCode::InvalidRequest),
    ] {
        let mut header = good.clone();
        header[name] = value.clone();
        let error = accept(&signer, &signer.token_with(&header, &claims())).expect_err(name);
        assert_eq!(error.err, code, "{name} = {value}: {error}");
    }
    for typ in ["secevent+jwt", "SECEVENT+JWT", "application/secevent+jwt"] {
        let mut header = good.clone();
        header["typ"] = json!(typ);
        assert!(accept(&signer, &signer.token_with(&header, &claims())).is_ok(), "{typ}");
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let signer = Signer::new("k");
    let secret = signer.jwk()["x"].as_str().unwrap().to_owned();
    for algorithm in ["HS256", "HS384", "HS512"] {
        let header = jsonwebtoken::Header {
            typ: Some("secevent+jwt".to_owned()),
            kid: Some("k".to_owned()),
            ..jsonwebtoken::Header::new(algorithm.parse().unwrap())
        };
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        let token = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
        assert_eq!(accept(&signer, token.as_bytes()).unwrap_err().err, ErrorCode::InvalidKey);
        // Not even where somebody allows the algorithm.
        let keys = Keys::read(&signer.jwks()).unwrap();
        let careless = HashSet::from([algorithm.parse().unwrap()]);
        let set = SignedSet::read(token.as_bytes(), &careless).unwrap();
        assert_eq!(set.verify(&keys, &expected()).unwrap_err().err, ErrorCode::InvalidKey);
    }
}

#[test]
fn a_signature_by_another_key_or_over_another_payload_is_refused() {
    let (signer, thief) = (Signer::new("k"), Signer::new("k"));
    let token = String::from_utf8(signer.token(TYP, &claims())).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut other = claims();
    other["jti"] = json!("token-2");
    let other = String::from_utf8(signer.token(TYP, &other)).unwrap();
    let grafted = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);
    let stolen = String::from_utf8(thief.token(TYP, &claims())).unwrap();
    for forged in [format!("{message}."), format!("{message}.AAAA"), grafted, stolen] {
        assert_eq!(accept(&signer, forged.as_bytes()).unwrap_err().err, ErrorCode::InvalidKey, "{forged}");
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let signer = Signer::new("k");
    let header = br#"{"alg":"ES256","typ":"secevent+jwt","kid":"k"}"#;
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let levels = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let deep_event =
        claims().to_string().replace("\"event_timestamp\":", &format!("\"x\":{levels},\"event_timestamp\":"));
    for bytes in [
        Vec::new(),
        b".".to_vec(),
        b"..".to_vec(),
        b"...".to_vec(),
        b"{}".to_vec(),
        b"\xff.\xff.\xff".to_vec(),
        vec![b'a'; 1 << 20],
        vec![b'.'; MAX_SET_BYTES],
        signer.token_of(b"", b""),
        signer.token_of(b"[]", b"{}"),
        signer.token_of(header, b""),
        signer.token_of(header, b"[]"),
        signer.token_of(header, b"{"),
        signer.token_of(header, deep.as_bytes()),
        signer.token_of(deep.as_bytes(), b"{}"),
        signer.token_of(header, deep_event.as_bytes()),
    ] {
        let error = accept(&signer, &bytes).expect_err("this is no token");
        assert_eq!(error.err, ErrorCode::InvalidRequest, "{error}");
    }
}
