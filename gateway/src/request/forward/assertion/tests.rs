//! Assertions as a verifier takes them.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use super::*;
use crate::audit::fixtures::{self, TIME_MS};

const ISSUER: &str = "https://auth.example.org";

fn assertions() -> Assertions {
    Assertions::new(&[], TIME_MS)
}

fn verified(assertions: &Assertions, value: &HeaderValue) -> Value {
    let token = value.to_str().unwrap();
    let header = decode_header(token).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some("gaccong-assertion+jwt"), Algorithm::ES256));
    let keys: JwkSet = serde_json::from_str(&assertions.jwks(TIME_MS)).unwrap();
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_exp = false;
    validation.set_audience(&["payroll"]);
    validation.set_issuer(&[ISSUER]);
    decode::<Value>(token, &key, &validation).unwrap().claims
}

#[test]
fn it_says_who_asks_and_for_which_app() {
    let assertions = assertions();
    let value = assertions.of(&ISSUER.into(), &Arc::new(fixtures::asked()), TIME_MS).unwrap();
    assert!(value.is_sensitive() && !format!("{value:?}").contains('.'));
    let mut claims = verified(&assertions, &value);
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(jti.as_str().unwrap().len(), 22);
    let iat = TIME_MS / 1000;
    let expected = json!({
        "iss": ISSUER, "aud": "payroll", "sub": "alice@example.org", "sub_kind": "user",
        "groups": ["finance", "staff"], "device": "laptop-17", "iat": iat, "exp": iat + 60,
        "cnf": {"x5t#S256": "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"},
    });
    assert_eq!(claims, expected);
}

#[test]
fn it_says_how_and_when_the_person_logged_in() {
    let assertions = assertions();
    let asked = Asked { credential: Some(Arc::new(fixtures::credential())), ..fixtures::asked() };
    let said = verified(&assertions, &assertions.of(&ISSUER.into(), &Arc::new(asked), TIME_MS).unwrap());
    let expected = (&json!("oidc"), &json!("phr"), &json!(TIME_MS / 1000 - 60));
    assert_eq!((&said["auth_method"], &said["acr"], &said["auth_time"]), expected);
}

#[test]
fn what_says_the_same_is_signed_once() {
    let assertions = assertions();
    let (issuer, asked) = (Arc::from(ISSUER), Arc::new(fixtures::asked()));
    let first = assertions.of(&issuer, &asked, TIME_MS).unwrap();
    assert_eq!(assertions.of(&issuer, &asked, TIME_MS + 9_999).unwrap(), first);
    let later = assertions.of(&issuer, &asked, TIME_MS + 10_000).unwrap();
    assert_ne!(later, first);
    assert_eq!(verified(&assertions, &later)["exp"], TIME_MS / 1000 + 70);
    let admins = Asked { groups: ["admins".into()].into(), ..fixtures::asked() };
    let other = assertions.of(&issuer, &Arc::new(admins), TIME_MS).unwrap();
    assert_eq!(verified(&assertions, &other)["groups"], json!(["admins"]));
}

#[test]
fn too_many_groups_are_left_out_whole() {
    let assertions = assertions();
    let groups: Vec<Arc<str>> = (0..200).map(|n| format!("{n:0>100}").into()).collect();
    let asked = Asked { groups: groups.into(), ..fixtures::asked() };
    let value = assertions.of(&ISSUER.into(), &Arc::new(asked), TIME_MS).unwrap();
    assert!(value.len() <= MAX_BYTES);
    let claims = verified(&assertions, &value);
    assert_eq!((claims.get("groups"), &claims["groups_overflow"]), (None, &json!(200)));
    assert_eq!(claims["sub"], "alice@example.org");
}

#[test]
fn the_longest_names_fit() {
    let assertions = assertions();
    let long: Arc<str> = "n".repeat(512).into();
    let principal = crate::request::identify::Subject { id: Arc::clone(&long), ..fixtures::asked().principal };
    let asked = Asked { principal, device: Some(Arc::clone(&long)), ..fixtures::asked() };
    let value = assertions.of(&long, &Arc::new(asked), TIME_MS).unwrap();
    assert!(value.len() <= MAX_BYTES);
}

#[test]
fn keys_that_were_kept_go_on() {
    let kept = SigningKey::generate(TIME_MS - 1).unwrap();
    let assertions = Assertions::new(&[Arc::new(kept.kept().clone())], TIME_MS);
    assert!(assertions.jwks(TIME_MS).contains(&**kept.id()));
    assert_eq!(assertions.ring.load().keys().len(), 1);
}
