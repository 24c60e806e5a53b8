//! Tokens of every algorithm, and every way in which they are forged. The cases are those of Project Wycheproof's vectors
//! for JSON Web Signature; keys and tokens are made here.

use serde_json::json;

use super::*;
use crate::jose::fixtures::{Signer, encode};

const FORM: Form = Form {
    typ: "at+jwt",
    older_types: &[],
    kid_optional: false,
    max_bytes: 4096,
    max_header_bytes: 1024,
    max_depth: 8,
};
const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::RS256, Algorithm::PS256];

/// What everybody allows who is careless.
fn any() -> HashSet<Algorithm> {
    let symmetric = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
    ALGORITHMS.into_iter().chain(symmetric).chain([Algorithm::RS512, Algorithm::PS512]).collect()
}

fn verify(signer: &Signer, token: &[u8]) -> Result<Vec<u8>, JwsError> {
    let jws = Jws::read(token, &FORM)?;
    jws.verify(&Keys::read(&signer.jwks()).unwrap(), &any())?;
    jws.payload()
}

fn good(signer: &Signer) -> String {
    String::from_utf8(signer.token("at+jwt", &json!({"a": 1}))).unwrap()
}

#[test]
fn what_is_signed_is_read() {
    for algorithm in ALGORITHMS {
        let signer = Signer::of(algorithm, "k");
        assert_eq!(verify(&signer, good(&signer).as_bytes()).unwrap(), br#"{"a":1}"#, "{algorithm:?}");
    }
}

#[test]
fn parts_that_are_changed_or_missing_are_noticed() {
    for algorithm in ALGORITHMS {
        let signer = Signer::of(algorithm, "k");
        let token = good(&signer);
        let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
        let json = format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#);
        let other = |text: &str| format!("{}{}", if text.starts_with('A') { 'B' } else { 'A' }, text.get(1..).unwrap());
        for forged in [
            String::new(),
            payload.to_owned(),
            format!(".{payload}."),
            format!(".{payload}.{signature}"),
            format!("{payload}.{signature}"),
            format!("{header}.{signature}"),
            format!("{header}..{signature}"),
            format!("{header}.{payload}"),
            format!("{header}.{payload}."),
            format!("{header}.{payload}.{}", other(signature)),
            format!("{header}.{payload}.{signature}A"),
            format!("{header}.{payload}.{signature}="),
            format!("{header}.{payload}.{}", signature.get(4..).unwrap()),
            format!("{header}.{payload}.{}", encode(&[0; 64])),
            format!("{header}.{}.{signature}", other(payload)),
            format!("{}.{payload}.{signature}", other(header)),
            format!("{header}.{payload}.{signature}."),
            format!("{header}.{payload}.{signature}.{signature}"),
            format!(" {token}"),
            format!("{token}\n"),
            json,
        ] {
            assert!(verify(&signer, forged.as_bytes()).is_err(), "{algorithm:?}: {forged}");
        }
    }
}

#[test]
fn an_ecdsa_signature_has_one_form() {
    let signer = Signer::new("k");
    let token = good(&signer);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    // As ASN.1 has it (RFC 3279 §2.2.3), which is not what RFC 7518 §3.4 says.
    let integer = |bytes: &[u8]| [&[2, 33, 0], bytes].concat();
    let sequence = [integer(&raw[..32]), integer(&raw[32..])].concat();
    let der = [&[48, u8::try_from(sequence.len()).unwrap()], &sequence[..]].concat();
    let longer = [&[0][..], &raw[..32], &[0], &raw[32..]].concat();
    for forged in [der, longer, vec![0; 64], vec![255; 64]] {
        let forged = format!("{message}.{}", encode(&forged));
        assert_eq!(verify(&signer, forged.as_bytes()), Err(JwsError::Signature));
    }
}

#[test]
fn nothing_in_a_header_chooses_the_key_or_what_it_can_do() {
    let thief = Signer::new("k");
    for algorithm in ALGORITHMS {
        let signer = Signer::of(algorithm, "k");
        let header = |alg: &str| json!({"alg": alg, "typ": "at+jwt", "kid": "k"});
        let with = |name: &str, value: serde_json::Value| {
            let mut header = header("ES256");
            header[name] = value;
            thief.token_with(&header, &json!({}))
        };
        for forged in [
            with("jwk", thief.jwk()),
            with("jku", json!("https://thief.example/jwks.json")),
            with("x5u", json!("https://thief.example/cert.pem")),
            with("x5c", json!(["MIIB"])),
            with("kid", json!("/dev/null")),
            with("kid", json!("../../../../dev/null")),
            with("kid", json!("k' or '1'='1")),
        ] {
            let error = verify(&signer, &forged).unwrap_err();
            assert!(matches!(error, JwsError::Signature | JwsError::KeyAbsent), "{algorithm:?}: {error}");
        }
        for alg in ["none", "None", "NONE", "nOnE", "", "HS1", "es256", "ES256 "] {
            for signature in ["", "AAAA"] {
                let message = format!("{}.{}", encode(header(alg).to_string().as_bytes()), encode(b"{}"));
                let error = verify(&signer, format!("{message}.{signature}").as_bytes()).unwrap_err();
                assert_eq!(error, JwsError::Algorithm, "{alg}");
            }
        }
        // The same key, by another algorithm of its kind than the key set says, or of another kind.
        for alg in ["ES256", "ES384", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"] {
            let forged = signer.token_with(&header(alg), &json!({}));
            let is_its_own = json!(algorithm) == json!(alg);
            assert_eq!(verify(&signer, &forged).is_ok(), is_its_own, "{algorithm:?} as {alg}");
        }
    }
}

/// The public key as the secret of an HMAC, in every way in which libraries hold it.
#[test]
fn a_public_key_is_no_shared_secret() {
    for algorithm in ALGORITHMS {
        let signer = Signer::of(algorithm, "k");
        let jwk = signer.jwk();
        let members = ["n", "e", "x", "y"].into_iter().filter_map(|name| jwk[name].as_str());
        let raw = members.clone().map(|text| URL_SAFE_NO_PAD.decode(text).unwrap());
        let whole = [jwk.to_string().into_bytes(), signer.jwks(), Vec::new()];
        for secret in members.clone().map(|text| text.as_bytes().to_vec()).chain(raw).chain(whole) {
            for alg in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let header = encode(json!({"alg": alg, "typ": "at+jwt", "kid": "k"}).to_string().as_bytes());
                let message = format!("{header}.{}", encode(b"{}"));
                let key = jsonwebtoken::EncodingKey::from_secret(&secret);
                let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, alg).unwrap();
                let forged = format!("{message}.{signature}");
                assert_eq!(verify(&signer, forged.as_bytes()), Err(JwsError::Signature), "{algorithm:?} {alg:?}");
            }
        }
    }
}

#[test]
fn a_token_is_of_one_type() {
    let signer = Signer::new("k");
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(verify(&signer, &signer.token(typ, &json!({}))).is_ok(), "{typ}");
    }
    for typ in ["", "JWT", "jwt", "at", "at+jwt ", "text/at+jwt", "application/application/at+jwt", "secevent+jwt"] {
        let error = verify(&signer, &signer.token(typ, &json!({}))).unwrap_err();
        assert_eq!(error, JwsError::Type("at+jwt"), "{typ}");
    }
    let untyped = signer.token_with(&json!({"alg": "ES256", "kid": "k"}), &json!({}));
    assert_eq!(verify(&signer, &untyped), Err(JwsError::Type("at+jwt")));
}

#[test]
fn what_older_issuers_leave_out_may_be_admitted() {
    let signer = Signer::new("k");
    let older = Form { older_types: &[Some("jwt"), None], kid_optional: true, ..FORM };
    let read = |header: &serde_json::Value| {
        let token = signer.token_with(header, &json!({}));
        let jws = Jws::read(&token, &older)?;
        jws.verify(&Keys::read(&signer.jwks()).unwrap(), &any())?;
        jws.kid().map(str::to_owned)
    };
    assert_eq!(read(&json!({"alg": "ES256", "typ": "JWT", "kid": "k"})), Ok("k".to_owned()));
    assert_eq!(read(&json!({"alg": "ES256"})), Err(JwsError::KeyNotNamed), "it is signed, and names no key");
    assert_eq!(read(&json!({"alg": "ES256", "typ": "secevent+jwt"})), Err(JwsError::Type("at+jwt")));
    assert_eq!(read(&json!({"alg": "ES256", "typ": ""})), Err(JwsError::Type("at+jwt")));
    assert_eq!(read(&json!({"alg": "ES256", "kid": "other"})), Err(JwsError::KeyAbsent));
    let forged = Signer::new("k").token_with(&json!({"alg": "ES256"}), &json!({}));
    let keys = Keys::read(&signer.jwks()).unwrap();
    assert_eq!(Jws::read(&forged, &older).unwrap().verify(&keys, &any()), Err(JwsError::Signature));
}

#[test]
fn headers_are_small_and_say_nothing_twice() {
    let signer = Signer::new("k");
    let long = json!({"alg": "ES256", "typ": "at+jwt", "kid": "k", "x": "x".repeat(1024)});
    let critical = json!({"alg": "ES256", "typ": "at+jwt", "kid": "k", "crit": null});
    let unnamed = json!({"alg": "ES256", "typ": "at+jwt"});
    let message = |header: &serde_json::Value| verify(&signer, &signer.token_with(header, &json!({}))).unwrap_err();
    assert!(message(&long).to_string().contains("larger than 1024 bytes"));
    assert!(message(&critical).to_string().contains("`crit`"));
    assert_eq!(message(&unnamed), JwsError::KeyNotNamed);
    for twice in [
        r#"{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"k"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","kid":"a","kid":"k"}"#,
    ] {
        let error = verify(&signer, &signer.token_of(twice.as_bytes(), b"{}")).unwrap_err();
        assert!(error.to_string().contains("duplicate field"), "{error}");
    }
}

#[test]
fn what_is_too_large_or_too_deep_is_not_parsed() {
    let signer = Signer::new("k");
    assert_eq!(verify(&signer, &vec![b'a'; 1 << 20]), Err(JwsError::TooLarge(4096)));
    let header = br#"{"alg":"ES256","typ":"at+jwt","kid":"k"}"#;
    let deep =
        |levels: usize| signer.token_of(header, format!("{}{}", "[".repeat(levels), "]".repeat(levels)).as_bytes());
    assert!(verify(&signer, &deep(8)).is_ok());
    assert_eq!(verify(&signer, &deep(9)), Err(JwsError::TooDeep(8)));
    let wide = Form { max_bytes: 1 << 20, ..FORM };
    assert_eq!(Jws::read(&deep(10_000), &wide).unwrap().payload(), Err(JwsError::TooDeep(8)));
    let deep_header = format!("{{\"x\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(Jws::read(&signer.token_of(deep_header.as_bytes(), b"{}"), &wide).is_err());
}

#[test]
fn nesting_is_counted_outside_of_strings() {
    for (json, depth) in
        [("", 0), ("1", 0), ("{}", 1), ("[[]]", 2), ("{\"a\":[{}]}", 3), ("\"[[[\"", 0), (r#""\"[[""#, 0), ("]]][", 1)]
    {
        assert_eq!(nesting(json.as_bytes()), depth, "{json}");
    }
}
