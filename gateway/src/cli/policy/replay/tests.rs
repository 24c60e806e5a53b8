//! Records made by the writer of the log, judged by policies.

use std::collections::HashSet;
use std::sync::Arc;

use gaccong_policy::{AppScope, Mode, PolicySet, Source, Sources, Vocabulary};

use super::judge::{Change, Judge, Judged, Skip};
use super::tally::Tally;
use super::{instant, pipeline};
use crate::audit::event::{DecisionFacts, Event, Outcome, Phase, RequestEvent, Verdict};
use crate::audit::fixtures::{self, TIME_MS};
use crate::audit::{ocsf, read};
use crate::reason::Reason;
use crate::request::decide::Asked;

const ALWAYS: std::ops::Range<i64> = i64::MIN..i64::MAX;

fn policies(text: &str) -> PolicySet {
    let policies = vec![Source { name: "new.cedar".to_owned(), text: text.to_owned() }];
    let apps = [AppScope { name: "payroll", groups: &[], owner: None, sensitivity: "internal" }];
    let vocabulary = Vocabulary { apps: &apps, ..Vocabulary::default() };
    PolicySet::load(&Sources { policies, ..Sources::default() }, &vocabulary).expect("policies").set
}

fn line(change: impl FnOnce(&mut RequestEvent)) -> Vec<u8> {
    let mut event = fixtures::request();
    change(&mut event);
    let mut line = Vec::new();
    ocsf::write_line(&Event::Request(Box::new(event)), &mut line).expect("a line");
    line
}

fn refused(event: &mut RequestEvent) {
    event.decision.verdict = Verdict::Deny;
    event.decision.reason = Some(Reason::PolicyForbid);
    event.decision.policies = [Arc::from("office-hours")].into_iter().collect();
}

/// The change that `text` makes to a recorded decision, and its reason.
fn change(text: &str, mode: Mode, record: &[u8]) -> Option<(Change, String)> {
    let (policies, apps) = (policies(text), [fixtures::asked().app]);
    match Judge::new(&policies, &apps, mode, ALWAYS).judge(record) {
        Judged::Compared(comparison) => comparison.change,
        other => panic!("{other:?}"),
    }
}

const PERMIT: &str = "@id(\"all\") permit (principal, action, resource);";
const FORBID: &str = "@id(\"none\") forbid (principal, action, resource);";

#[test]
fn changes_are_told_with_the_reason_that_is_new_or_gone() {
    let (permitted, refused) = (line(|_| {}), line(refused));
    let reason = |code: &str| code.to_owned();
    assert_eq!(change(PERMIT, Mode::Enforce, &permitted), None);
    assert_eq!(change(FORBID, Mode::Enforce, &refused), None);
    assert_eq!(change(FORBID, Mode::Enforce, &permitted), Some((Change::Refused, reason("policy.forbid: none"))));
    assert_eq!(change("", Mode::Enforce, &permitted), Some((Change::Refused, reason("policy.no_permit"))));
    assert_eq!(
        change(PERMIT, Mode::Enforce, &refused),
        Some((Change::Permitted, reason("policy.forbid: office-hours")))
    );
    assert_eq!(change(FORBID, Mode::Observe, &permitted), Some((Change::Observed, reason("policy.forbid: none"))));
    let observed = line(|event| {
        refused_by_nobody(event);
        event.decision.verdict = Verdict::ObservedDeny;
    });
    assert_eq!(change(PERMIT, Mode::Enforce, &observed), Some((Change::Cleared, reason("policy.no_permit"))));
    assert_eq!(change(FORBID, Mode::Observe, &observed), None);
}

fn refused_by_nobody(event: &mut RequestEvent) {
    refused(event);
    event.decision.reason = Some(Reason::PolicyNoPermit);
    event.decision.policies = Default::default();
}

#[test]
fn rules_bound_to_time_are_judged_as_of_the_record() {
    let until =
        |time: &str| format!("permit (principal, action, resource) when {{ context.now < datetime(\"{time}\") }};");
    let record = line(|_| {});
    assert_eq!(change(&until("2026-01-02"), Mode::Enforce, &record), None, "the record is of 2026-01-01");
    assert!(change(&until("2025-12-31"), Mode::Enforce, &record).is_some());
}

#[test]
fn what_cannot_be_compared_says_why() {
    let (policies, apps) = (policies(PERMIT), [fixtures::asked().app]);
    let judge = Judge::new(&policies, &apps, Mode::Enforce, TIME_MS..TIME_MS + 1);
    let skip = |line: &[u8]| match judge.judge(line) {
        Judged::Skipped(skip) => skip,
        other => panic!("{other:?}"),
    };
    let opening = line(|event| (event.phase, event.outcome) = (Phase::Opening, Outcome::Running));
    assert!(matches!(skip(&opening), Skip::Opening));
    let stale = line(|event| {
        let reason = Some(Reason::PostureStale);
        event.decision =
            DecisionFacts { verdict: Verdict::Deny, reason, policy_digest: None, ..event.decision.clone() };
    });
    assert!(matches!(skip(&stale), Skip::BeforePolicy));
    let emergency = line(|event| {
        let asked = Asked { grant: Some(fixtures::grant().into()), ..fixtures::asked() };
        event.asked = Some(asked.into());
    });
    assert!(matches!(skip(&emergency), Skip::BreakGlass));
    let text = String::from_utf8(line(|_| {})).expect("text");
    let cut = text.replace("\"question_complete\":true", "\"question_complete\":false");
    assert!(matches!(skip(cut.as_bytes()), Skip::QuestionCut));
    let gone = text.replace("\"app\":\"payroll\"", "\"app\":\"payrolls\"");
    assert!(matches!(skip(gone.as_bytes()), Skip::AppGone(app) if &*app == "payrolls"));
    let newer = text.replace("{\"version\":1,\"phase\"", "{\"version\":2,\"phase\"");
    assert!(matches!(skip(newer.as_bytes()), Skip::Version(2)));
    assert!(matches!(skip(b"{\"torn"), Skip::Malformed(_)));
    let later = line(|event| event.time_ms += 1);
    assert!(matches!(judge.judge(&later), Judged::OutOfPeriod));
}

#[test]
fn every_line_of_a_log_is_counted_once() {
    let directory = tempfile::tempdir().expect("directory");
    let mut segment = Vec::new();
    for n in 0..3000_u32 {
        match n % 3 {
            0 => segment.extend(line(|_| {})),
            1 => segment.extend(line(refused)),
            _ => segment.extend_from_slice(b"no record\n"),
        }
    }
    segment.extend_from_slice(b"torn");
    std::fs::write(directory.path().join("gaccong-20260101T000001Z-9-0001.jsonl"), &segment).expect("write");

    let (policies, apps) = (policies(FORBID), [fixtures::asked().app]);
    let judge = Judge::new(&policies, &apps, Mode::Enforce, ALWAYS);
    let segments = read::segments(directory.path()).expect("list");
    let tally: Tally = pipeline::replay(segments, &judge).expect("a tally");
    assert_eq!((tally.read, tally.compared, tally.skipped.malformed, tally.torn), (3000, 2000, 1000, 1));
    assert_eq!((tally.same, tally.changes[0].count), ([0, 0, 1000], 1000));
    assert_eq!(tally.persons.rows["alice@example.org"].counts, [1000, 0, 0, 0]);
    assert!(tally.skipped.first_malformed.is_some_and(|(_, line, _)| line == 3));
    let examples: HashSet<_> = tally.changes[0].latest.iter().collect();
    assert_eq!(examples.len(), 1, "all records of this log have one id");
}

#[test]
fn times_are_written_out_or_ago() {
    assert_eq!(instant("2026-01-01T00:00:00Z").expect("a time").as_millisecond(), TIME_MS);
    let (day, week) = (instant("24h").expect("a time"), instant("7d").expect("a time"));
    assert!(week < day && day < jiff::Timestamp::now());
    for wrong in ["", "yesterday", "24", "-24h", "9999999y"] {
        assert!(instant(wrong).is_err(), "{wrong}");
    }
}
