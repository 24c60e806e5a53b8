//! People with cards: one session for the device, however many apps, and it goes with the card.

use gaccong_tests::client::{empty, get, request};
use gaccong_tests::login::{Begun, login_url};
use gaccong_tests::{Answer, Certified, Setup, UserAgent, control, eventually, pki};
use serde_json::json;

use crate::login_faults::{APP, Office, refused};

/// Where people log in with cards.
const CARDS: &str = "card.example.test";

/// A gateway that asks for cards where people log in.
pub(crate) fn with_cards(setup: &mut Setup) {
    control::with_control(setup);
    setup.set("auth", &format!("host = \"{CARDS}\""));
    setup.set("auth", "trust = [\"people\"]");
}

async fn open(policy: &str) -> Office {
    Office::open(|setup| {
        with_cards(setup);
        setup.policies.insert("payslips.cedar", policy.to_owned());
    })
    .await
}

/// A browser on Alice's laptop, which shows her card where cards are asked for.
pub(crate) fn agent(office: &Office, card: &Certified) -> UserAgent {
    office.agent().reaching(CARDS, office.gateway.client(card))
}

/// By what the control API knows the card, which is in the record of the login.
async fn fingerprint(office: &Office) -> String {
    let login = office.gateway.record("the login", |record| record.path() == Some("/login")).await;
    login.text("/tls/certificate/fingerprints/0/value").unwrap_or_else(|| panic!("{}", login.0)).to_owned()
}

/// Opens an app that wants a login.
pub(crate) async fn open_app(agent: &mut UserAgent, app: &str) {
    let page = agent.get(&format!("{app}/")).await;
    assert_eq!(refused(&page), (401, Some("session.absent")));
    let (at, ended) = agent.follow(&login_url(&page)).await;
    assert_eq!(ended.status, 200, "{at}: {}", ended.text());
    assert_eq!(agent.get(&format!("{app}/")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_gives_one_session_for_all_apps_which_goes_with_the_card() {
    let office = open("").await;
    let card = office.gateway.pki().people.issue(pki::person("alice@example.org"));
    let mut alice = agent(&office, &card);
    open_app(&mut alice, APP).await;
    open_app(&mut alice, "https://wiki.example.test").await;
    let bob = office.gateway.pki().bob();
    let sessions = office.gateway.call(&bob, "GET", "/v1/sessions", None).await;
    assert_eq!(sessions.json()["sessions"].as_array().unwrap().len(), 1, "{}", sessions.text());

    office.gateway.revoke_by_call("certificate", &fingerprint(&office).await).await;
    assert_eq!(refused(&alice.get(&format!("{APP}/")).await), (401, Some("certificate.revoked")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_used_once_and_a_card_opens_no_app() {
    let office = open("").await;
    let card = office.gateway.pki().people.issue(pki::person("alice@example.org"));
    let mut alice = agent(&office, &card);
    let ticket = login_url(&alice.get(&format!("{APP}/")).await);
    assert_eq!(alice.get(&ticket).await.status, 303);
    assert_eq!(refused(&alice.get(&ticket).await), (400, Some("login.state_invalid")));

    let over_the_card = office.gateway.client(&card);
    let answer = over_the_card.send(CARDS, get("payroll.example.test", "/")).await.unwrap();
    assert_eq!(refused(&answer), (421, Some("request.host_misdirected")));
}

/// Payslips want a login of the last three seconds.
const RECENT: &str = r#"
@id("payslips-want-a-recent-login")
@step_up_max_age_s("3")
forbid (principal, action, resource == App::"payroll")
when { context.request.path like "/payslips*" }
unless { context has session && context.session.auth_age_s < 3 };
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_shown_anew_where_a_recent_login_is_wanted() {
    let office = open(RECENT).await;
    let card = office.gateway.pki().people.issue(pki::person("alice@example.org"));
    let mut alice = agent(&office, &card);
    // Connections on which the card was shown before all else.
    let h2 = office.gateway.client(&card).h2(CARDS).await.unwrap();
    let mut h1 = office.gateway.client(&card).h1(CARDS).await.unwrap();
    open_app(&mut alice, APP).await;
    let payslips = format!("{APP}/payslips");
    let page = eventually("a login that is too old", || {
        let (mut alice, payslips) = (alice.clone(), payslips.clone());
        async move { alice.get_unless_cut(&payslips).await.filter(|page| page.reason() == Some("session.step_up")) }
    })
    .await;
    let ticket = login_url(&page);
    let path = ticket.strip_prefix(&format!("https://{CARDS}")).unwrap();

    // What they have proven is as old; each ends, so that the same address is asked for on a new one.
    let asked_anew = |answer: Answer| (answer.status.as_u16(), answer.header("location").map(str::to_owned));
    let to_itself = (303, Some(ticket.clone()));
    assert_eq!(asked_anew(h2.get(path).await.unwrap()), to_itself);
    h2.closed().await.unwrap();
    let answer = h1.send(request("GET", CARDS, path).body(empty()).unwrap()).await.unwrap();
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(asked_anew(answer), to_itself);
    h1.closed().await.unwrap();

    // On a machine that is busy, three seconds may be over before the app is asked.
    eventually("payslips by a new handshake", || {
        let (mut alice, payslips) = (alice.clone(), payslips.clone());
        async move {
            let page = alice.get(&payslips).await;
            alice.follow(&login_url(&page)).await;
            alice.get_unless_cut(&payslips).await.filter(|answer| answer.status == 200)
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_that_no_card_has_is_asked_of_the_provider() {
    let strong = "@id(\"strong\") @step_up_acr(\"phr\") forbid (principal, action, resource == App::\"payroll\")
        when { context.request.path like \"/payslips*\" }
        unless { context has session && context.session has acr && context.session.acr == \"phr\" };";
    let office = open(strong).await;
    let card = office.gateway.pki().people.issue(pki::person("alice@example.org"));
    let mut alice = agent(&office, &card);
    open_app(&mut alice, APP).await;
    let payslips = format!("{APP}/payslips");
    assert_eq!(refused(&alice.get(&payslips).await), (401, Some("session.step_up")));

    let begun = Begun::at(&office.provider, &mut alice, &payslips).await;
    // Begun on the laptop, it comes back over the card, and ends on the laptop.
    let (at, ended) = alice.follow(&begun.back(&office.provider, |claims| claims["acr"] = json!("phr"))).await;
    assert_eq!(ended.status, 200, "{at}: {}", ended.text());
    assert_eq!(alice.get(&payslips).await.status, 200);
    // Another laptop does not get in by it.
    let mut thief = alice.stolen_by(&office.gateway, &office.gateway.pki().laptops.issue(pki::device("laptop-8")));
    assert_eq!(refused(&thief.get(&payslips).await), (401, Some("session.other_device")));
}
