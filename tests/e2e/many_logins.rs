//! Logins that come to nothing leave cookies behind: however many there were, the next one succeeds.

use gaccong_tests::login::{Begun, login_url};
use gaccong_tests::provider::AUTH_HOST;

use crate::login_faults::{APP, Office, refused};

const HOST: &str = "payroll.example.test";

/// More tabs than anyone has open, each with a long address.
const TABS: usize = 120;

#[tokio::test(flavor = "multi_thread")]
async fn logins_that_came_to_nothing_are_no_hindrance() {
    let office = Office::open(|_| {}).await;
    let mut agent = office.agent();
    // The gateway knows the provider from here on.
    office.begin(&mut agent).await;
    for tab in 0..TABS {
        let page = agent.get(&format!("{APP}/tab/{tab}?q={}", "x".repeat(900))).await;
        assert_eq!(refused(&page), (401, Some("session.absent")));
        assert_eq!(agent.get(&login_url(&page)).await.status, 303);
    }
    let left = agent.clone();
    let begun = Begun::at(&office.provider, &mut agent, &format!("{APP}/here")).await;
    let (at, ended) = agent.follow(&begun.back(&office.provider, |_| {})).await;
    assert!(at.starts_with(&format!("{APP}/.gaccong/session?")) && ended.status == 200, "{at}: {}", ended.text());
    assert!(ended.text().contains("href=\"/here\""), "{}", ended.text());
    assert_eq!(agent.get(&format!("{APP}/here")).await.status, 200);

    for host in [HOST, AUTH_HOST] {
        let cookies = left.cookies_of_host(host);
        let bytes: usize = cookies.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
        // What browsers send over HTTP/2 is a field for each cookie; a head may have 100, and 64 KiB.
        assert!(cookies.len() <= 32 && bytes <= 40 * 1024, "{host}: {} of {bytes} bytes", cookies.len());
    }
}
