//! What becomes of changes that cannot be kept.

use std::sync::Arc;
use std::time::Instant;

use super::*;
use crate::gateway::Gateway;
use crate::request::exchange::tests::gateway_with;
use crate::store::{Visit, Write};

/// A store whose disk is full.
#[derive(Debug)]
struct Full;

impl Store for Full {
    fn serial(&self) -> u64 {
        0
    }

    fn load(&self, _visit: &mut Visit<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn commit(&self, _writes: &[Write]) -> Result<u64, StoreError> {
        Err(StoreError::Io("No space left on device".into()))
    }
}

/// The writer ends with the process, so no test waits for it.
fn start(gateway: &Arc<Gateway>, writer: Writer) {
    let gateway = Arc::clone(gateway);
    std::thread::spawn(move || writer.run(&gateway));
}

fn revocation(subject: &Subject) -> Change {
    let (subject, by) = (subject.clone(), "soc".into());
    Change::Revoke(Revocation { subject, reason: None, by, at_ms: 1, until_ms: None })
}

fn lost(device: &str) -> Change {
    Change::Report(Report {
        device: device.into(),
        source: "mdm".into(),
        owner: None,
        observed_at_ms: 1,
        received_at_ms: 1,
        partial: false,
        facts: Vec::new(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_access_is_taken_away_all_the_same_and_nothing_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, _audit, writer) = gateway_with(folder.path(), Some(Box::new(Full)));
    start(&gateway, writer);

    let alice = Subject::new(SubjectKind::User, "alice@example.org");
    let refused = gateway.state.change(vec![revocation(&alice), lost("laptop-7")], Instant::now()).await;
    assert!(refused.unwrap_err().to_string().contains("No space left"));
    let live = gateway.state.live();
    assert_eq!(live.standing(&[alice], 0, 0), Err(crate::reason::Reason::PrincipalRevoked));
    assert!(live.posture_of("laptop-7").is_none(), "a report that is not kept does not count");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_refused_while_another_process_has_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let open = move || crate::store::embedded::Embedded::open(&path).map(|store| Box::new(store) as Box<dyn Store>);
    let (gateway, _audit, writer) = gateway_with(folder.path(), Some(open().unwrap()));
    start(&gateway, writer.reopening(open.clone()));

    let alice = Subject::new(SubjectKind::User, "alice@example.org");
    gateway.state.release().await;
    drop(open().expect("it is released"));
    let refused = gateway.state.change(vec![lost("laptop-7")], Instant::now()).await;
    assert!(matches!(refused, Err(StoreError::HandedOver)));
    gateway.state.reclaim().await;
    let applied = gateway.state.change(vec![revocation(&alice)], Instant::now()).await.unwrap();
    assert_eq!(applied.serial, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_what_is_known_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let store = crate::store::embedded::Embedded::open(&path).unwrap();
    let (gateway, _audit, writer) = gateway_with(folder.path(), Some(Box::new(store)));
    start(&gateway, writer);

    let report = |observed_at_ms| match lost("laptop-7") {
        Change::Report(report) => Change::Report(Report { observed_at_ms, ..report }),
        other => other,
    };
    for (at_ms, expected) in [(5, Outcome::Applied), (4, Outcome::Outdated), (5, Outcome::Applied)] {
        let applied = gateway.state.change(vec![report(at_ms)], Instant::now()).await.unwrap();
        assert_eq!(applied.outcomes.as_slice(), [expected], "{at_ms}");
    }
    let alice = Subject::new(SubjectKind::User, "alice@example.org");
    let again = |since_ms| {
        let (subject, cause, by) = (alice.clone(), "signal".into(), "idp".into());
        Change::Reauthenticate(Reauthentication { subject, since_ms, cause, by })
    };
    for (since_ms, expected) in [(7, Outcome::Applied), (3, Outcome::Outdated)] {
        let applied = gateway.state.change(vec![again(since_ms)], Instant::now()).await.unwrap();
        assert_eq!(applied.outcomes.as_slice(), [expected], "{since_ms}");
    }
    assert!(gateway.state.live().standing(std::slice::from_ref(&alice), 7, 9).is_err());
    assert!(gateway.state.live().standing(&[alice], 8, 9).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_made_since_is_not_lifted_with_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = crate::store::embedded::Embedded::open(&folder.path().join("store.redb")).unwrap();
    let (gateway, _audit, writer) = gateway_with(folder.path(), Some(Box::new(store)));
    start(&gateway, writer);
    let alice = Subject::new(SubjectKind::User, "alice@example.org");
    let revoked = |at_ms, until_ms| {
        let (subject, by) = (alice.clone(), "soc".into());
        Change::Revoke(Revocation { subject, reason: None, by, at_ms, until_ms })
    };
    gateway.state.change(vec![revoked(1, Some(2))], Instant::now()).await.unwrap();
    let expired = gateway.state.live().expired(5);
    assert_eq!(expired.len(), 1);
    gateway.state.change(vec![revoked(4, None)], Instant::now()).await.unwrap();
    let applied = gateway.state.change(expired, Instant::now()).await.unwrap();
    assert_eq!(applied.outcomes.as_slice(), [Outcome::Outdated]);
    assert!(gateway.state.live().standing(&[alice], 9, 9).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_share_a_commit_see_each_other() {
    use crate::facts::posture::{FactName, FactValue};

    let folder = tempfile::tempdir().unwrap();
    let store = crate::store::embedded::Embedded::open(&folder.path().join("store.redb")).unwrap();
    let (gateway, _audit, writer) = gateway_with(folder.path(), Some(Box::new(store)));
    let partial = |name, observed_at_ms| match lost("laptop-7") {
        Change::Report(report) => {
            let facts = vec![ReportedFact { name, value: FactValue::Bool(false), observed_at_ms, max_age_s: None }];
            Change::Report(Report { partial: true, observed_at_ms, facts, ..report })
        }
        other => other,
    };
    let orders = [(FactName::Compliant, 5), (FactName::Firewall, 6), (FactName::Compliant, 4)]
        .map(|(name, at_ms)| gateway.state.change(vec![partial(name, at_ms)], Instant::now()));
    // All wait before the writer begins, so that they are one group.
    let waiting = futures_util::future::join_all(orders);
    let begin = async { start(&gateway, writer) };
    let (applied, ()) = futures_util::future::join(waiting, begin).await;
    let outcomes: Vec<_> = applied.into_iter().map(|applied| applied.unwrap().outcomes[0]).collect();
    assert_eq!(outcomes, [Outcome::Applied, Outcome::Applied, Outcome::Outdated]);
    let names: Vec<_> =
        gateway.state.live().posture_of("laptop-7").unwrap().facts().iter().map(|fact| fact.name).collect();
    assert_eq!(names, [FactName::Firewall, FactName::Compliant]);
}
