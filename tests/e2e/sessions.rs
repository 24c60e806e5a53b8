//! Login sessions: listed and revoked one by one, kept current while they live, and ended by the identity provider.

use gaccong_tests::client::{empty, full, get, plain_post, request};
use gaccong_tests::control;
use gaccong_tests::fake_provider::{Fault, forged};
use gaccong_tests::provider::{AUTH_HOST, laptop_7};
use gaccong_tests::streams::event;
use gaccong_tests::user_agent::{FORM, form};
use gaccong_tests::{Answer, Client, Record, Setup, UserAgent, eventually};
use http::Response;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::login_faults::Office;

const HOST: &str = "payroll.example.test";
pub(crate) const APP: &str = "https://payroll.example.test/";
const COOKIE: &str = "__Host-gaccong-session";
/// OCSF class of a login or the end of a session.
const AUTHENTICATION: u64 = 3002;

/// An app for the group `finance`, which only the provider says who is in.
pub(crate) async fn open(change: impl FnOnce(&mut Setup)) -> Office {
    Office::open(|setup| {
        control::with_control(setup);
        let policy = "@id(\"finance\") permit (principal in Group::\"finance\", action, resource);";
        setup.policies.insert("permits.cedar", policy.to_owned());
        change(setup);
    })
    .await
}

/// Alice, logged in on her laptop.
async fn log_in(office: &Office) -> UserAgent {
    let mut agent = office.agent();
    let app = office.log_in(&mut agent).await;
    assert_eq!(app.status, 200, "{}", app.text());
    agent
}

/// Listens to events by a session of Alice's.
pub(crate) async fn listen(office: &Office, agent: &UserAgent) -> Response<Incoming> {
    let (name, value) = agent.cookie(HOST, COOKIE).unwrap();
    let h2 = office.gateway.client(&laptop_7(&office.gateway)).h2(HOST).await.unwrap();
    let request = h2.request("GET", "/sse").header("cookie", format!("{name}={value}"));
    h2.begin(request.body(empty()).unwrap()).await.unwrap()
}

/// A stream of events that runs by Alice's session.
async fn stream_of(office: &Office, agent: &UserAgent) -> Response<Incoming> {
    let mut stream = listen(office, agent).await;
    office.echo.emit("one").await;
    assert_eq!(event(&mut stream).await.as_deref(), Some("one"));
    stream
}

async fn log_out(office: &Office, token: &str) -> Answer {
    let form = form(&[("logout_token", token)]);
    plain_post(office.gateway.management(), "/backchannel-logout", &form).await.unwrap()
}

/// Waits for the record of a login or of the end of a session.
async fn login_record(office: &Office, activity: &str, status: &str) -> Record {
    let wanted = |record: &Record| {
        record.class() == AUTHENTICATION
            && record.text("/unmapped/gaccong/activity") == Some(activity)
            && record.text("/status") == Some(status)
    };
    eventually(activity, || async { office.gateway.all_records().into_iter().find(wanted) }).await
}

pub(crate) async fn listed(office: &Office, filter: &str) -> Vec<Value> {
    let bob = office.gateway.pki().bob();
    let answer = office.gateway.call(&bob, "GET", &format!("/v1/sessions{filter}"), None).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["sessions"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_ends_a_session_at_once_and_without_a_certificate() {
    let office = open(|_| {}).await;
    let mut alice = log_in(&office).await;
    let mut stream = stream_of(&office, &alice).await;
    let signed = |claims: &Value| office.provider.sign("logout+jwt", claims);

    for (what, token) in [
        ("forged", forged("logout+jwt", &office.provider.logout_claims())),
        ("an ID token", signed(&office.provider.claims("nonce"))),
        ("no token", "a.b.c".to_owned()),
    ] {
        let refused = log_out(&office, &token).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (400, &json!("invalid_request")), "{what}");
    }
    let mut old = office.provider.logout_claims();
    (old["iat"], old["exp"]) = (json!(1), json!(2));
    assert_eq!(log_out(&office, &signed(&old)).await.status, 400);
    let mut of_another = office.provider.logout_claims();
    of_another["sub"] = json!("bob");
    assert_eq!(log_out(&office, &signed(&of_another)).await.status, 200);
    office.echo.emit("two").await;
    assert_eq!(event(&mut stream).await.as_deref(), Some("two"), "nothing has ended yet");

    let token = signed(&office.provider.logout_claims());
    let ended = log_out(&office, &token).await;
    assert_eq!((ended.status.as_u16(), ended.header("cache-control")), (200, Some("no-store")));
    assert_eq!(event(&mut stream).await, None, "the stream is cut");
    let refused = alice.get(APP).await;
    assert_eq!((refused.status.as_u16(), refused.reason()), (401, Some("session.revoked")));
    assert!(listed(&office, "").await.is_empty());
    let record = login_record(&office, "backchannel_logout", "Success").await;
    assert_eq!(record.text("/user/uid"), Some("alice@example.org"));
    assert_eq!(record.text("/unmapped/gaccong/holder/id"), Some("laptop-7"));

    let again = log_in(&office).await;
    assert_eq!(log_out(&office, &token).await.status, 400, "a token counts once");
    assert_eq!(again.clone().get(APP).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_may_come_to_the_auth_host_where_certificates_are_optional() {
    let office = open(|setup| {
        setup.set("clients", "certificate = \"optional\"");
    })
    .await;
    let mut alice = log_in(&office).await;
    let token = office.provider.sign("logout+jwt", &office.provider.logout_claims());
    let mut provider = UserAgent::default().reaching("example.test", office.gateway.anonymous());
    let url = format!("https://{AUTH_HOST}/backchannel-logout");
    let body = form(&[("logout_token", &token)]);
    let ended = provider.send("POST", &url, &[FORM], body).await;
    assert_eq!(ended.status, 200, "{}", ended.text());
    assert_eq!(alice.get(APP).await.reason(), Some("session.revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_the_management_listener_takes_logouts_only() {
    let office = open(|setup| {
        let tls = "tls = { chain = \"server.pem\", key = \"file:server.key\", trust = [\"services\"] }";
        setup.set("management", tls);
    })
    .await;
    let management = |certified| Client::new(office.gateway.management(), office.gateway.pki(), certified);
    let (nobody, alice) = (management(None), office.gateway.pki().alice());
    for path in ["/metrics", "/livez", "/jwks.json", "/backchannel-logout"] {
        assert_eq!(nobody.get(AUTH_HOST, path).await.status, 403, "{path}");
    }
    let token = office.provider.sign("logout+jwt", &office.provider.logout_claims());
    for (token, status) in [("forged", 400), (&*token, 200)] {
        let request = request("POST", AUTH_HOST, "/backchannel-logout").header(FORM.0, FORM.1);
        let request = request.body(full(form(&[("logout_token", token)]))).unwrap();
        assert_eq!(nobody.send(AUTH_HOST, request).await.unwrap().status, status);
    }
    assert!(management(Some(&alice)).send(AUTH_HOST, get(AUTH_HOST, "/livez")).await.is_err(), "not of `trust`");
    let billing = office.gateway.pki().billing();
    assert_eq!(management(Some(&billing)).get(AUTH_HOST, "/metrics").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_revoked_one_by_one() {
    let office = open(|_| {}).await;
    let (mut first, mut second) = (log_in(&office).await, log_in(&office).await);
    let both = listed(&office, "").await;
    assert_eq!(both.len(), 2, "{both:?}");
    for session in &both {
        assert_eq!((&session["user"], &session["holder"]), (&json!("alice@example.org"), &json!("laptop-7")));
        assert_eq!((&session["method"], &session["groups"]), (&json!("oidc"), &json!(["finance"])));
        assert!(session["used_at_ms"].as_i64() >= session["established_at_ms"].as_i64());
    }
    assert_eq!(listed(&office, "?user=alice%40example.org&device=laptop-7").await.len(), 2);
    assert!(listed(&office, "?user=bob%40example.org").await.is_empty());
    assert!(listed(&office, "?device=laptop-8").await.is_empty());

    let profile = office.gateway.client_profile("bob", &office.gateway.pki().bob());
    let (code, out, error) =
        office.gateway.command(&profile, &["session", "list", "--user", "alice@example.org"]).await;
    assert_eq!((code, out.lines().count()), (0, 2), "{out}{error}");
    let id = out.split('\t').next().unwrap().to_owned();
    let (code, _, error) = office.gateway.command(&profile, &["revoke", "session", &id]).await;
    assert_eq!(code, 0, "{error}");

    let (code, out, _) = office.gateway.command(&profile, &["session", "list", "--format", "json"]).await;
    let left: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, left["sessions"].as_array().unwrap().len()), (0, 1), "{out}");
    assert_ne!(left["sessions"][0]["id"], json!(id));
    let answers = [first.get(APP).await, second.get(APP).await];
    let reasons: Vec<_> = answers.iter().map(Answer::reason).collect();
    assert!(reasons.contains(&None) && reasons.contains(&Some("session.revoked")), "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_of_sessions_in_use_are_kept_current() {
    let office = open(|setup| {
        setup.set("identity.oidc", "refresh_s = 1");
    })
    .await;
    let claims = |groups: Value| {
        let mut claims = office.provider.claims("unused");
        claims["groups"] = groups;
        office.provider.sign("JWT", &claims)
    };
    office.provider.refresh_to(Some(&claims(json!(["finance"]))));
    let mut alice = log_in(&office).await;
    let mut stream = stream_of(&office, &alice).await;

    // While the provider fails, the session lives.
    office.provider.misbehave("/token", Some(Fault::Status(500)));
    eventually("a refresh that fails", || {
        let mut alice = alice.clone();
        let gateway = &office.gateway;
        async move {
            assert_eq!(alice.get(APP).await.status, 200);
            let metrics = gateway.metrics().await;
            let failed = metrics.count("gaccong_oidc_refreshes_total", &[("result", "unavailable")]) > 0.0;
            (failed && metrics.count("gaccong_oidc_up", &[]) == 0.0).then_some(())
        }
    })
    .await;

    // Whoever leaves the group is out, in live streams too.
    office.provider.misbehave("/token", None);
    office.provider.refresh_to(Some(&claims(json!([]))));
    let refused = eventually("the groups of now", || {
        let mut alice = alice.clone();
        async move { alice.get_unless_cut(APP).await.filter(|answer| answer.status != 200) }
    })
    .await;
    assert_eq!((refused.status.as_u16(), refused.reason()), (403, Some("policy.no_permit")));
    assert_eq!(event(&mut stream).await, None);

    // Whoever leaves the company is logged out.
    office.provider.refresh_to(None);
    eventually("the end of the session", || {
        let mut alice = alice.clone();
        async move { alice.get_unless_cut(APP).await.filter(|answer| answer.reason() == Some("session.revoked")) }
    })
    .await;
    let record = login_record(&office, "ended_by_provider", "Success").await;
    assert_eq!(record.text("/user/uid"), Some("alice@example.org"));
    assert!(listed(&office, "").await.is_empty() && alice.get(APP).await.status == 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_are_recorded_and_no_token_is() {
    let office = open(|_| {}).await;
    let mut agent = office.agent();
    let begun = office.begin(&mut agent).await;
    let refused = agent.get(&begun.back(&office.provider, |claims| claims["aud"] = json!("another"))).await;
    assert_eq!(refused.reason(), Some("login.token_invalid"));
    let failed = login_record(&office, "login", "Failure").await;
    assert_eq!(failed.reason(), Some("login.token_invalid"));
    assert_eq!(failed.text("/unmapped/gaccong/holder/id"), Some("laptop-7"));

    log_in(&office).await;
    let good = login_record(&office, "login", "Success").await;
    assert_eq!((good.text("/user/uid"), good.text("/auth_protocol")), (Some("alice@example.org"), Some("OpenID")));
    assert_eq!(good.text("/session/uid").map(str::len), Some(22));
    let written = format!("{:?}{}", office.gateway.all_records(), office.gateway.log());
    for secret in ["eyJ", "the-refresh-token", "what-the-gateway-and-the-provider-know"] {
        assert!(!written.contains(secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_must_log_in_anew_does_so_whatever_cookies_they_show() {
    let office = open(|_| {}).await;
    log_in(&office).await;
    let (bob, of_alice) = (office.gateway.pki().bob(), "/v1/reauthentications?kind=user&id=alice%40example.org");
    let asked = office.gateway.call(&bob, "POST", of_alice, Some(&json!({}))).await;
    assert!(asked.status.is_success(), "{}", asked.text());

    // Without her cookies, and with a provider that still knows her from before.
    let mut fresh = office.agent();
    let begun = office.begin(&mut fresh).await;
    let an_hour_ago = jiff::Timestamp::now().as_second() - 3600;
    let from_before = |claims: &mut Value| claims["auth_time"] = json!(an_hour_ago);
    let again = fresh.get(&begun.back(&office.provider, from_before)).await;
    let location = again.header("location").unwrap_or_default().to_owned();
    assert!(again.status == 303 && location.starts_with(office.provider.issuer()), "{location}");
    assert!(location.contains("prompt=login"), "{location}");
}
