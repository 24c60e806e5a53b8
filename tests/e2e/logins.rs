//! A session is all that a person needs, and where there is none, the answer says how to get one.

use gaccong_tests::pki;

use crate::login_faults::{APP, Office, refused};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_people_are_led_to_the_login_and_programs_are_told() {
    let office = Office::open(|_| {}).await;
    let mut agent = office.agent();
    let page = agent.get(&format!("{APP}/")).await;
    assert_eq!(refused(&page), (401, Some("session.absent")));
    assert!(page.text().contains("https://auth.example.test/login?ticket="), "{}", page.text());
    let answer = agent.send("GET", &format!("{APP}/"), &[("sec-fetch-mode", "cors")], String::new()).await;
    assert_eq!(refused(&answer), (401, Some("session.absent")));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.header("location"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_counts_after_a_restart_and_on_a_node_that_does_not_know_it() {
    let office = Office::open(|_| {}).await;
    let mut agent = office.agent();
    assert_eq!(office.log_in(&mut agent).await.status, 200);
    let Office { mut gateway, provider, echo } = office;
    gateway.terminate();
    gateway.exit().await;
    provider.stop();
    let gateway = gateway.restart().await;
    let certified = gateway.pki().laptops.issue(pki::device("laptop-7"));
    let mut agent = agent.stolen_by(&gateway, &certified);
    assert_eq!(agent.get(&format!("{APP}/")).await.status, 200, "neither the connection nor the provider is needed");
    drop(echo);
}
