//! The OpenID provider of the tests by itself: what the journeys take for granted about it.

use gaccong_tests::provider::{CLIENT_ID, CLIENT_SECRET, FIRST_FACTOR, SECOND_FACTOR, auth_url};
use gaccong_tests::user_agent::{FORM, form, parameter, percent_encoded, resolve};
use gaccong_tests::{Provider, UserAgent};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

/// RFC 7636 Appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn agent(provider: &Provider) -> UserAgent {
    UserAgent::default().reaching("localhost", provider.client())
}

/// Where the provider sends a browser back to, logged in as `user`.
async fn log_in(agent: &mut UserAgent, provider: &Provider, user: &str, factor: &str, more: &str) -> String {
    let redirect = percent_encoded(&auth_url("/callback"));
    let mut url = format!(
        "{}/auth?client_id={CLIENT_ID}&response_type=code&scope=openid%20email%20offline_access&state=s&nonce=n\
         &redirect_uri={redirect}&code_challenge={CHALLENGE}&code_challenge_method=S256{more}",
        provider.issuer()
    );
    loop {
        let answer = agent.get(&url).await;
        url = match answer.header("location") {
            Some(location) => resolve(&url, location),
            None => {
                assert_eq!(answer.text().contains("second factor"), more.contains("acr_values"), "{}", answer.text());
                let finished = agent.post(&url, &[("user", user), ("factor", factor)]).await;
                resolve(&url, finished.header("location").unwrap_or_else(|| panic!("{}", finished.text())))
            }
        };
        if url.starts_with(&auth_url("/")) {
            return url;
        }
    }
}

async fn tokens(agent: &mut UserAgent, provider: &Provider, grant: &[(&str, &str)]) -> Value {
    let secret = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    let url = format!("{}/token", provider.issuer());
    agent.send("POST", &url, &[FORM], form(&[grant, &secret].concat())).await.json()
}

/// The claims of an ID token that the provider signed.
async fn verified(agent: &mut UserAgent, provider: &Provider, token: &Value) -> Value {
    let token = token.as_str().unwrap();
    let keys = agent.get(&format!("{}/jwks", provider.issuer())).await.json();
    let keys: JwkSet = serde_json::from_value(keys).unwrap();
    let header = decode_header(token).unwrap();
    let key = keys.find(header.kid.as_deref().unwrap()).expect("a key that is told");
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[CLIENT_ID]);
    validation.set_issuer(&[provider.issuer()]);
    decode(token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap().claims
}

#[tokio::test(flavor = "multi_thread")]
async fn it_logs_people_in_and_tells_their_claims() {
    let provider = Provider::start().await;
    let mut agent = agent(&provider);
    let back = log_in(&mut agent, &provider, "alice", "first", "").await;
    assert_eq!(parameter(&back, "state").as_deref(), Some("s"));
    assert_eq!(parameter(&back, "iss").as_deref(), Some(provider.issuer()), "RFC 9207");
    let code = parameter(&back, "code").unwrap();
    let callback = auth_url("/callback");
    let grant = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", &callback)];
    let given = tokens(&mut agent, &provider, &[&grant[..], &[("code_verifier", VERIFIER)]].concat()).await;
    let claims = verified(&mut agent, &provider, &given["id_token"]).await;
    assert_eq!(
        (&claims["sub"], &claims["email"], &claims["acr"]),
        (&json!("alice"), &json!("alice@example.org"), &json!(FIRST_FACTOR))
    );
    assert_eq!((&claims["groups"], &claims["nonce"]), (&json!(["finance"]), &json!("n")));
    assert!(claims["auth_time"].is_u64() && claims["sid"].is_string(), "{claims}");

    provider.set_claims("alice", json!({"groups": ["auditors"]})).await;
    provider.rotate_keys().await;
    let refresh = given["refresh_token"].as_str().expect("a refresh token");
    let given = tokens(&mut agent, &provider, &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    let claims = verified(&mut agent, &provider, &given["id_token"]).await;
    assert_eq!(claims["groups"], json!(["auditors"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_for_a_second_factor_where_a_class_is_asked_for() {
    let provider = Provider::start().await;
    let mut agent = agent(&provider);
    log_in(&mut agent, &provider, "alice", "first", "").await;
    let asked = format!("&acr_values={}", percent_encoded(SECOND_FACTOR));
    let back = log_in(&mut agent, &provider, "alice", "second", &asked).await;
    assert!(parameter(&back, "code").is_some(), "{back}");
    assert_eq!(provider.end_sessions("bob").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_knows_no_one_else() {
    let provider = Provider::start().await;
    let back = log_in(&mut agent(&provider), &provider, "mallory", "first", "").await;
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
}
