//! Project Wycheproof's vectors for JSON Web Signature, all of them. They have no `typ`.

use std::collections::HashSet;

use jsonwebtoken::Algorithm as A;
use serde_json::{Value, json};
use wycheproof_ng_kdf_jose::json_web::{Test, TestGroup, TestName, TestSet};

use super::*;

const FORM: Form = Form {
    typ: "JOSE",
    older_types: &[None],
    kid_optional: false,
    max_bytes: 4096,
    max_header_bytes: 1024,
    max_depth: 8,
};

/// Every algorithm that there is: what is refused is not refused for want of being allowed.
fn every() -> HashSet<A> {
    let symmetric = [A::HS256, A::HS384, A::HS512];
    let rsa = [A::RS256, A::RS384, A::RS512, A::PS256, A::PS384, A::PS512];
    symmetric.into_iter().chain(rsa).chain([A::ES256, A::ES384, A::EdDSA]).collect()
}

fn verify(key: &Value, token: &str) -> Result<(), String> {
    let keys = Keys::read(json!({ "keys": [key] }).to_string().as_bytes()).map_err(|error| error.to_string())?;
    let jws = Jws::read(token.as_bytes(), &FORM).map_err(|error| error.to_string())?;
    jws.verify(&keys, &every()).and_then(|()| jws.payload()).map(drop).map_err(|error| error.to_string())
}

/// A secret that is shared, and a curve that no issuer may use here: nothing is signed by these.
fn is_of_our_kind(key: &Value) -> bool {
    key["kty"] != "oct" && key["crv"] != "P-521"
}

/// Tokens by `PS384` with keys whose sets say that they are for `PS256` (RFC 7517 §4.4): only a careless reader takes them.
const OF_ANOTHER_ALGORITHM: [usize; 2] = [346, 350];

#[test]
fn every_vector_is_judged_rightly() {
    let set = TestSet::load(TestName::JsonWebSignature).unwrap();
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for TestGroup { public_key, private_key, tests, .. } in set.test_groups {
        let key = public_key.or(private_key).unwrap();
        for Test { tc_id, comment, jws, result, .. } in tests {
            let wanted = !result.must_fail() && is_of_our_kind(&key) && !OF_ANOTHER_ALGORITHM.contains(&tc_id);
            let found = verify(&key, jws.unwrap().as_str().unwrap());
            if found.is_ok() != wanted {
                wrong.push(format!("{tc_id} ({comment}): {found:?}"));
            }
            *(if found.is_ok() { &mut accepted } else { &mut refused }) += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!((accepted, refused), (32, 369), "none is left out");
}
