//! People with cards: one session for the device, however many apps, and it goes with the card.

use gaccong_tests::login::login_url;
use gaccong_tests::{Certified, Setup, UserAgent, control, pki};

use crate::login_faults::{APP, Office, refused};

/// Where people log in with cards.
const CARDS: &str = "card.example.test";

/// A gateway that asks for cards where people log in.
pub(crate) fn with_cards(setup: &mut Setup) {
    control::with_control(setup);
    setup.set("auth", &format!("host = \"{CARDS}\""));
    setup.set("auth", "trust = [\"people\"]");
}

async fn open() -> Office {
    Office::open(with_cards).await
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
    let office = open().await;
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
    let office = open().await;
    let card = office.gateway.pki().people.issue(pki::person("alice@example.org"));
    let mut alice = agent(&office, &card);
    let ticket = login_url(&alice.get(&format!("{APP}/")).await);
    assert_eq!(alice.get(&ticket).await.status, 303);
    assert_eq!(refused(&alice.get(&ticket).await), (400, Some("login.state_invalid")));

    let host = gaccong_tests::client::request("GET", "payroll.example.test", "/");
    let over_the_card = office.gateway.client(&card);
    let answer = over_the_card.send(CARDS, host.body(gaccong_tests::client::empty()).unwrap()).await.unwrap();
    assert_eq!(refused(&answer), (421, Some("request.host_misdirected")));
}
