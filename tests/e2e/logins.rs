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
async fn a_session_counts_after_a_restart_without_the_provider() {
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

#[tokio::test(flavor = "multi_thread")]
async fn a_script_of_another_origin_may_read_that_a_login_is_wanted_where_that_is_configured() {
    const WIKI: &str = "https://wiki.example.test";
    let office = Office::open(|setup| {
        let shared =
            "[app.cors]\norigins = [\"https://wiki.example.test\"]\nexpose = [\"gaccong-reason\"]\ncredentials = true";
        setup.app_with("shared", &["http://127.0.0.1:9"], shared);
    })
    .await;
    let ask = async |app: &str, origin: &str| {
        let fields =
            [("origin", origin), ("sec-fetch-mode", "cors"), ("sec-fetch-site", "same-site"), ("accept", "*/*")];
        let url = format!("https://{app}.example.test/api");
        let answer = office.agent().send("GET", &url, &fields, String::new()).await;
        assert_eq!(refused(&answer), (401, Some("session.absent")));
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!((answer.header("location"), answer.header("set-cookie")), (None, None));
        answer
    };
    let told = ask("shared", WIKI).await;
    for (name, value) in [("allow-origin", WIKI), ("allow-credentials", "true"), ("expose-headers", "gaccong-reason")] {
        assert_eq!(told.header(&format!("access-control-{name}")), Some(value), "{name}");
    }
    assert!(told.headers.get_all("vary").iter().any(|value| value == "origin"));
    for (app, origin) in [("shared", "https://evil.test"), ("payroll", WIKI)] {
        let answer = ask(app, origin).await;
        let said = answer.headers.keys().any(|name| name.as_str().starts_with("access-control"));
        assert!(!said, "{app} to {origin}: {:?}", answer.headers);
    }
}
