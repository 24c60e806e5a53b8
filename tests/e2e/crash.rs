//! What was answered more than a second before a kill -9 is in the log, and every line of the log can be read.

use std::collections::BTreeSet;
use std::time::Duration;

use gaccong_tests::client::get;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Gateway, audit};
use tokio::time::Instant;

const HOST: &str = "echo.example.test";

#[tokio::test(flavor = "multi_thread")]
async fn the_log_survives_a_kill() {
    let echo = Echo::h1().await;
    let mut gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
        setup.set("audit", "segment_bytes = 1048576");
    })
    .await;
    let mut h1 = gateway.alice().h1(HOST).await.unwrap();
    let begun = Instant::now();
    let mut answered = Vec::new();
    while begun.elapsed() < Duration::from_secs(3) {
        let answer = h1.send(get(HOST, "/")).await.unwrap();
        assert_eq!(answer.status, 200);
        answered.push((answer.id().to_owned(), Instant::now()));
    }
    let killed = Instant::now();
    gateway.kill9().await;

    // Reading fails on a whole line that is not a record.
    let recorded: BTreeSet<_> = gateway.records().iter().map(|record| record.id().to_owned()).collect();
    let safe = answered.iter().filter(|(_, at)| killed.duration_since(*at) > Duration::from_secs(1));
    let missing: Vec<_> = safe.clone().filter(|(id, _)| !recorded.contains(id)).collect();
    assert!(missing.is_empty(), "{} of {} are missing", missing.len(), safe.count());
    assert!(safe.count() > 0, "the test asked for nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_starts_again_after_a_kill_and_leaves_the_old_segments_alone() {
    let echo = Echo::h1().await;
    let mut gateway = Gateway::start(|setup| {
        setup.app("echo", echo.url());
    })
    .await;
    let answer = gateway.alice().get(HOST, "/").await;
    gateway.final_record(answer.id()).await;
    gateway.kill9().await;
    let before = audit::segments(&gateway.audit_dir());

    let again = gateway.restart().await;
    let second = again.alice().get(HOST, "/").await;
    again.final_record(second.id()).await;
    let after = audit::segments(&again.audit_dir());
    for segment in &before {
        assert!(after.contains(segment), "{} was changed", segment.0);
    }
    assert!(after.len() > before.len());
}
