//! A login that somebody tampers with comes to nothing, says why, and costs the provider nothing.

use gaccong_tests::fake_provider::{FakeProvider, forged};
use gaccong_tests::login::Begun;
use gaccong_tests::provider::{AUTH_HOST, laptop_7, with_login};
use gaccong_tests::upstream::Echo;
use gaccong_tests::user_agent::percent_encoded;
use gaccong_tests::{Answer, Gateway, Setup, UserAgent, pki};
use serde_json::json;

/// The app of the tests.
pub(crate) const APP: &str = "https://payroll.example.test";

/// An app behind a gateway, and a provider of our own making.
pub(crate) struct Office {
    pub(crate) echo: Echo,
    pub(crate) provider: FakeProvider,
    pub(crate) gateway: Gateway,
}

impl Office {
    pub(crate) async fn open(change: impl FnOnce(&mut Setup)) -> Self {
        Self::with(|_| {}, change).await
    }

    /// With a provider that misbehaves from the beginning.
    pub(crate) async fn open_at(misbehave: impl FnOnce(&FakeProvider)) -> Self {
        Self::with(misbehave, |_| {}).await
    }

    async fn with(misbehave: impl FnOnce(&FakeProvider), change: impl FnOnce(&mut Setup)) -> Self {
        let (echo, provider) = (Echo::h1().await, FakeProvider::start().await);
        misbehave(&provider);
        let gateway = Gateway::start(|setup| {
            with_login(setup, provider.issuer(), provider.ca());
            setup.app("payroll", echo.url());
            setup.app("wiki", echo.url());
            change(setup);
        })
        .await;
        Self { echo, provider, gateway }
    }

    /// On Alice's laptop.
    pub(crate) fn agent(&self) -> UserAgent {
        UserAgent::new(&self.gateway, &laptop_7(&self.gateway))
    }

    /// As far as the provider.
    pub(crate) async fn begin(&self, agent: &mut UserAgent) -> Begun {
        Begun::at(&self.provider, agent, &format!("{APP}/")).await
    }

    /// A whole login; where the app is.
    pub(crate) async fn log_in(&self, agent: &mut UserAgent) -> Answer {
        let begun = self.begin(agent).await;
        let (_, ended) = agent.follow(&begun.back(&self.provider, |_| {})).await;
        assert_eq!(ended.status, 200, "{}", ended.text());
        agent.get(&format!("{APP}/")).await
    }
}

/// Status and reason.
pub(crate) fn refused(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status.as_u16(), answer.reason())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_login_succeeds() {
    let office = Office::open(|_| {}).await;
    let app = office.log_in(&mut office.agent()).await;
    assert_eq!(app.status, 200, "{}", app.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_browser_brings_back_counts_once() {
    let office = Office::open(|_| {}).await;
    let mut agent = office.agent();
    let begun = office.begin(&mut agent).await;
    let back = begun.back(&office.provider, |_| {});
    let before = agent.clone();
    let handed_over = agent.get(&back).await;
    assert_eq!(handed_over.status, 303, "{}", handed_over.text());
    let code = handed_over.header("location").unwrap().to_owned();

    // The same state, with the cookies of before, and then with those of after.
    let asked = office.provider.asked("/token");
    for mut replaying in [before, agent.clone()] {
        assert_eq!(refused(&replaying.get(&back).await), (400, Some("login.state_invalid")));
    }
    assert_eq!(office.provider.asked("/token"), asked, "the provider is not asked");

    let before = agent.clone();
    assert_eq!(agent.get(&code).await.status, 200);
    for mut replaying in [before, agent.clone()] {
        assert_eq!(refused(&replaying.get(&code).await), (400, Some("login.code_invalid")));
    }
    office.gateway.record("the replay", |r| r.reason() == Some("login.code_invalid")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_of_one_host_one_device_and_one_browser() {
    let office = Office::open(|_| {}).await;
    let mut agent = office.agent();
    let begun = office.begin(&mut agent).await;
    let handed_over = agent.get(&begun.back(&office.provider, |_| {})).await;
    let code = handed_over.header("location").unwrap().to_owned();

    let other_host = code.replace("payroll.", "wiki.");
    let mut elsewhere = agent.clone();
    for (name, value) in agent.cookies_of_host("payroll.example.test") {
        elsewhere.set_cookie("wiki.example.test", &name, &value);
    }
    assert_eq!(refused(&elsewhere.get(&other_host).await), (400, Some("login.code_invalid")));
    let laptop_8 = office.gateway.pki().laptops.issue(pki::device("laptop-8"));
    let mut thief = agent.stolen_by(&office.gateway, &laptop_8);
    assert_eq!(refused(&thief.get(&code).await), (400, Some("login.code_invalid")));
    let mut without_cookie = office.agent();
    assert_eq!(refused(&without_cookie.get(&code).await), (400, Some("login.code_invalid")));
    // None of them has used it up.
    assert_eq!(agent.get(&code).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_ends_in_the_browser_and_on_the_device_that_began_it() {
    let office = Office::open(|_| {}).await;
    let mut agent = office.agent();
    let begun = office.begin(&mut agent).await;
    let back = begun.back(&office.provider, |_| {});
    let laptop_8 = office.gateway.pki().laptops.issue(pki::device("laptop-8"));
    for (who, mut other) in
        [("another device", agent.stolen_by(&office.gateway, &laptop_8)), ("another browser", office.agent())]
    {
        assert_eq!(refused(&other.get(&back).await), (400, Some("login.state_invalid")), "{who}");
    }
    for state in ["", "nonsense", &"x".repeat(4000), "%00", "..%2f"] {
        let url = format!("https://{AUTH_HOST}/callback?code=x&state={state}");
        assert_eq!(refused(&agent.get(&url).await), (400, Some("login.state_invalid")), "{state}");
    }
    let (name, value) = agent.cookie(AUTH_HOST, "__Secure-gaccong-login-").unwrap();
    let mut tampering = agent.clone();
    tampering.set_cookie(AUTH_HOST, &name, &format!("{value}A"));
    assert_eq!(refused(&tampering.get(&back).await), (400, Some("login.state_invalid")));
    assert_eq!(office.provider.asked("/token"), 0, "the provider was asked for none of them");
    assert_eq!(agent.get(&back).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_to_a_foreign_site() {
    let office = Office::open(|_| {}).await;
    let mut agent = office.agent();
    for ticket in ["", "x", "https://evil.example/", &percent_encoded("//evil.example"), &"A".repeat(6000)] {
        let answer = agent.get(&format!("https://{AUTH_HOST}/login?ticket={ticket}&rd=https://evil.example/")).await;
        assert_eq!(
            (refused(&answer), answer.header("location")),
            ((400, Some("login.state_invalid")), None),
            "{ticket}"
        );
    }
    for path in ["//evil.example/x", "/%5cevil.example", "/\\evil.example"] {
        let page = agent.get(&format!("{APP}{path}")).await;
        assert!(page.header("location").is_none() && !page.text().contains("href=\"//"), "{path}: {}", page.text());
    }
    // Only a session ends at the app, and only where the flow's own cookie says.
    let begun = Begun::at(&office.provider, &mut agent, &format!("{APP}/a?next=https://evil.example/")).await;
    let (at, ended) = agent.follow(&begun.back(&office.provider, |_| {})).await;
    assert!(at.starts_with(&format!("{APP}/.gaccong/session?")), "{at}");
    assert!(ended.text().contains("href=\"/a?next=https://evil.example/\""), "{}", ended.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_the_providers_logs_nobody_in() {
    let office = Office::open(|_| {}).await;
    for (what, change) in [
        ("another issuer", json!({"iss": "https://evil.example"})),
        ("another client", json!({"aud": "another"})),
        ("another login", json!({"nonce": "another"})),
        ("expired", json!({"exp": 1_700_000_000, "iat": 1_699_999_000})),
        ("an unverified address", json!({"email_verified": false})),
        ("no person", json!({"email": null})),
    ] {
        let mut agent = office.agent();
        let begun = office.begin(&mut agent).await;
        let back = begun.back(&office.provider, |claims| {
            claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        });
        let answer = agent.get(&back).await;
        let reason = if change.get("iss").or(change.get("aud")).or(change.get("nonce")).or(change.get("exp")).is_some()
        {
            (502, Some("login.token_invalid"))
        } else {
            (403, Some("login.principal_absent"))
        };
        assert_eq!(refused(&answer), reason, "{what}");
        assert!(!answer.text().contains("evil.example"), "details are in the record only");
    }
    let mut agent = office.agent();
    let begun = office.begin(&mut agent).await;
    let back = begun.back_with(&office.provider, &forged("JWT", &office.provider.claims(&begun.nonce)));
    assert_eq!(refused(&agent.get(&back).await), (502, Some("login.token_invalid")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_says_no_is_believed() {
    let office = Office::open(|_| {}).await;
    let mut agent = office.agent();
    let begun = office.begin(&mut agent).await;
    let url = format!(
        "https://{AUTH_HOST}/callback?state={}&error=access_denied&error_description=%3Cscript%3E",
        begun.state
    );
    let answer = agent.get(&url).await;
    assert_eq!(refused(&answer), (403, Some("login.provider_refused")));
    assert!(!answer.text().contains("<script>"), "{}", answer.text());
    assert_eq!(office.provider.asked("/token"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_older_than_was_demanded_is_asked_for_once_more() {
    let recent = "@id(\"recent\") @step_up_max_age_s(\"600\") forbid (principal, action, resource)
        when { context.request.path like \"/payslips*\" }
        unless { context has session && context.session.auth_age_s < 600 };";
    let office = Office::open(|setup| {
        setup.policies.insert("recent.cedar", recent.to_owned());
    })
    .await;
    let an_hour_ago = jiff::Timestamp::now().as_second() - 3600;
    let old = |claims: &mut serde_json::Value| claims["auth_time"] = json!(an_hour_ago);
    let mut agent = office.agent();
    let begun = office.begin(&mut agent).await;
    assert_eq!(agent.follow(&begun.back(&office.provider, old)).await.1.status, 200, "nothing more was demanded");
    let payslips = format!("{APP}/payslips");
    assert_eq!(refused(&agent.get(&payslips).await), (401, Some("session.step_up")));

    // By the provider's clock it may have been recent: it is told to ask the person whatever it knows.
    let begun = Begun::at(&office.provider, &mut agent, &payslips).await;
    let answer = agent.get(&begun.back(&office.provider, old)).await;
    let location = answer.header("location").unwrap_or_else(|| panic!("{}", answer.text())).to_owned();
    assert!(location.contains("prompt=login") && location.contains("max_age=600"), "{location}");
    let again = Begun::of(&office.provider, &location);
    let mut without_end = agent.clone();
    let refusal = without_end.get(&again.back(&office.provider, old)).await;
    assert_eq!(refused(&refusal), (403, Some("login.provider_refused")), "not a third time");

    // That has used this login up; the next one is as it must be.
    let begun = Begun::at(&office.provider, &mut agent, &payslips).await;
    assert_eq!(agent.follow(&begun.back(&office.provider, |_| {})).await.1.status, 200);
    assert_eq!(agent.get(&payslips).await.status, 200);
}
