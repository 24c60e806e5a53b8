//! A session counts only while whoever vouches for the person is trusted: the identity provider, or the authority of a card.

use gaccong_tests::control::target;
use gaccong_tests::fake_provider::FakeProvider;
use gaccong_tests::login::{Begun, login_url};
use gaccong_tests::{Gateway, Setup, UserAgent, pki};

use crate::cards::{agent, open_app, with_cards};
use crate::login_faults::{APP, Office, refused};

/// Alice's browser, logged in with her card.
async fn with_her_card(change: impl FnOnce(&mut Setup)) -> (Office, UserAgent) {
    let office = Office::open(|setup| {
        with_cards(setup);
        change(setup);
    })
    .await;
    let card = office.gateway.pki().people.issue(pki::person("alice@example.org"));
    let alice = agent(&office, &card);
    (office, alice)
}

/// Changes the configuration and loads it.
async fn configure(gateway: &Gateway, from: &str, to: &str) {
    let toml = std::fs::read_to_string(gateway.dir().join("gaccong.toml")).unwrap();
    assert!(toml.contains(from), "{toml}");
    gateway.replace("gaccong.toml", &toml.replace(from, to));
    gateway.reload().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lockdown_of_those_who_issue_cards_closes_apps_to_whoever_came_by_one() {
    for kind in ["trust-domain", "issuer"] {
        let (office, mut alice) = with_her_card(|_| {}).await;
        let mut elsewhere = alice.clone();
        open_app(&mut alice, APP).await;
        let bob = office.gateway.pki().bob();
        let login = office.gateway.record("the login", |record| record.path() == Some("/login")).await;
        let issuer = login.text("/tls/certificate/issuer").unwrap();
        let id = if kind == "issuer" { issuer } else { "people" };
        assert_eq!(office.gateway.call(&bob, "POST", &target("lockdowns", kind, id), None).await.status, 204);

        let app = format!("{APP}/");
        assert_eq!(refused(&alice.get(&app).await), (403, Some("access.lockdown")), "{kind}");
        let ticket = login_url(&elsewhere.get(&app).await);
        assert_eq!(refused(&elsewhere.get(&ticket).await), (403, Some("access.lockdown")), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_by_a_card_is_in_the_groups_of_its_trust_domain() {
    let (office, mut alice) = with_her_card(|setup| {
        let rule = "\n[[clients.trust.groups]]\nmatch = \"*@example.org\"\ngroups = [\"contractors\"]\n";
        setup.trust.get_mut("people").unwrap().push_str(rule);
        let forbid = "@id(\"staff-only\") forbid (principal in Group::\"contractors\", action, resource);";
        setup.policies.insert("staff-only.cedar", forbid.to_owned());
    })
    .await;
    let page = alice.get(&format!("{APP}/")).await;
    alice.follow(&login_url(&page)).await;
    let app = alice.get(&format!("{APP}/")).await;
    assert_eq!(refused(&app), (403, Some("policy.forbid")));
    let record = office.gateway.final_record(app.id()).await;
    assert_eq!(record.question().unwrap()["principal"]["groups"][0], "contractors");
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_of_a_trust_domain_that_is_asked_for_no_more_count_no_more() {
    let (office, mut alice) = with_her_card(|_| {}).await;
    open_app(&mut alice, APP).await;
    configure(&office.gateway, "trust = [\"people\"]", "trust = [\"services\"]").await;
    assert_eq!(refused(&alice.get(&format!("{APP}/")).await), (401, Some("session.revoked")));
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_at_a_provider_that_another_takes_the_place_of_count_no_more() {
    let office = Office::open(|_| {}).await;
    let mut alice = office.agent();
    assert_eq!(office.log_in(&mut alice).await.status, 200);

    let other = FakeProvider::start().await;
    office.gateway.replace("provider-ca.pem", &other.ca().pem());
    configure(&office.gateway, office.provider.issuer(), other.issuer()).await;
    let app = format!("{APP}/");
    assert_eq!(refused(&alice.get(&app).await), (401, Some("session.revoked")));
    // Where people log in, the cookie of before counts no more either.
    let begun = Begun::at(&other, &mut alice, &app).await;
    let (at, ended) = alice.follow(&begun.back(&other, |_| {})).await;
    assert_eq!(ended.status, 200, "{at}: {}", ended.text());
    assert_eq!(alice.get(&app).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_makes_codes_up_is_stopped_before_the_provider_is_asked() {
    let office = Office::open(|_| {}).await;
    let mut answers = Vec::new();
    for _ in 0..70 {
        let mut mallory = office.agent();
        let begun = office.begin(&mut mallory).await;
        answers.push(mallory.get(&begun.back_with(&office.provider, "made up")).await);
    }
    let stopped: Vec<_> = answers.iter().filter(|it| refused(it) == (429, Some("request.rate_limited"))).collect();
    assert!(!stopped.is_empty() && stopped.len() < 11, "{} of {}", stopped.len(), answers.len());
    assert!(stopped.iter().all(|answer| answer.header("retry-after").is_some()));
    assert_eq!(office.provider.asked("/token"), (answers.len() - stopped.len()) as u64);
    // Others log in.
    let certified = office.gateway.pki().laptops.issue(pki::device("laptop-8"));
    let mut alice = UserAgent::new(&office.gateway, &certified);
    let begun = office.begin(&mut alice).await;
    assert_eq!(alice.get(&begun.back(&office.provider, |_| {})).await.status, 303);
}
