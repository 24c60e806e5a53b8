//! Logs and answers in the forms that osquery's guides show.

use proptest::prelude::*;
use serde_json::json;

use crate::facts::posture::{FactName, FactValue};
use crate::osquery::protocol::{DistributedWriteRequest, EnrollRequest, NodeRequest};
use crate::osquery::{Observation, Results};

use super::*;

const NOW_MS: i64 = 1_462_300_000_000;

fn read(data: Value) -> Results {
    serde_json::from_value::<LogRequest>(json!({"node_key": "k", "log_type": "result", "data": data}))
        .unwrap()
        .results(NOW_MS)
}

fn seen(name: FactName, value: FactValue, observed_at_ms: i64) -> Observation {
    Observation { name, value, observed_at_ms }
}

fn encrypted(value: bool, observed_at_ms: i64) -> Results {
    Results { facts: vec![seen(FactName::DiskEncrypted, FactValue::Bool(value), observed_at_ms)], ignored: 0 }
}

#[test]
fn snapshots() {
    let results = read(json!([{
        "action": "snapshot", "snapshot": [{"disk_encrypted": "1"}], "name": "gaccong_linux_disk",
        "hostIdentifier": "hostname.local", "calendarTime": "Mon May  2 22:27:32 2016 UTC", "unixTime": "1462228052",
        "epoch": "314159265", "counter": "1"
    }]));
    assert_eq!(results, encrypted(true, 1_462_228_052_000));
    let as_event = read(json!([{
        "action": "snapshot", "columns": {"disk_encrypted": 1}, "name": "gaccong_linux_disk", "unixTime": 1_462_228_052
    }]));
    assert_eq!(as_event, encrypted(true, 1_462_228_052_000));
}

#[test]
fn differences_one_by_one() {
    let line = |action: &str, value: &str| {
        json!({"action": action, "columns": {"disk_encrypted": value}, "name": "gaccong_linux_disk",
               "hostname": "hostname.local", "unixTime": "1412123850", "epoch": "314159265", "counter": "1"})
    };
    assert_eq!(read(json!([line("added", "0"), line("removed", "1")])), encrypted(false, 1_412_123_850_000));
    assert_eq!(read(json!([line("removed", "1"), line("added", "0")])), encrypted(false, 1_412_123_850_000));
    assert_eq!(read(json!([line("removed", "1")])), Results::default());
}

#[test]
fn differences_in_batches() {
    let batch = |added: Value| {
        json!([{"diffResults": {"added": added, "removed": [{"disk_encrypted": "1"}]}, "name": "gaccong_linux_disk",
                "unixTime": "1412123850"}])
    };
    assert_eq!(read(batch(json!([{"disk_encrypted": "0"}]))), encrypted(false, 1_412_123_850_000));
    assert_eq!(read(batch(json!(""))), Results::default());
    assert_eq!(read(batch(json!(null))), Results::default());
}

#[test]
fn the_latest_of_several_counts() {
    let line = |value: &str, time: i64| json!({"action": "snapshot", "snapshot": [{"disk_encrypted": value}], "name": "gaccong_macos_disk", "unixTime": time});
    assert_eq!(read(json!([line("1", 200), line("0", 100)])), encrypted(true, 200_000));
    assert_eq!(read(json!([line("1", 100), line("0", 200)])), encrypted(false, 200_000));
    assert_eq!(read(json!([line("1", 200), line("0", 200)])), encrypted(false, 200_000), "the later line");
}

#[test]
fn what_the_clock_of_a_device_says_is_not_later_than_now() {
    let line = |time: Value| json!([{"action": "snapshot", "snapshot": [{"disk_encrypted": "1"}], "name": "gaccong_linux_disk", "unixTime": time}]);
    assert_eq!(read(line(json!(4_000_000_000_i64))), encrypted(true, NOW_MS));
    assert_eq!(read(line(json!(i64::MAX))), encrypted(true, NOW_MS));
    assert_eq!(read(line(json!(-1))), encrypted(true, 0));
    assert_eq!(read(line(json!("soon"))).ignored, 1);
}

#[test]
fn what_is_not_understood_is_counted_and_does_no_harm() {
    let good = json!({"action": "snapshot", "snapshot": [{"disk_encrypted": "1"}], "name": "gaccong_linux_disk", "unixTime": 1});
    let results = read(json!([
        good,
        "a line",
        {"name": "gaccong_linux_disk"},
        {"name": "gaccong_linux_disk", "unixTime": 1},
        {"action": "added", "columns": {"name": "osqueryd"}, "name": "processes", "unixTime": 1},
        {"action": "snapshot", "snapshot": {"disk_encrypted": "1"}, "name": "gaccong_linux_disk", "unixTime": 1},
        {"action": "snapshot", "snapshot": ["row"], "name": "gaccong_linux_disk", "unixTime": 1},
        {"action": "snapshot", "snapshot": [{"disk_encrypted": "maybe"}], "name": "gaccong_linux_disk", "unixTime": 1},
    ]));
    assert_eq!(results, Results { ignored: 7, ..encrypted(true, 1_000) });
}

#[test]
fn a_query_reports_only_its_own_facts() {
    let results = read(json!([{"action": "snapshot", "name": "gaccong_linux_disk", "unixTime": 1,
        "snapshot": [{"disk_encrypted": "1", "compliant": "1", "edr_running": "1"}]}]));
    assert_eq!(results, encrypted(true, 1_000));
}

#[test]
fn lines_and_rows_are_bounded() {
    let row = json!({"disk_encrypted": "1"});
    let line = json!({"action": "snapshot", "snapshot": vec![row; 20], "name": "gaccong_linux_disk", "unixTime": 1});
    assert_eq!(read(json!([line])), Results { ignored: 4, ..encrypted(true, 1_000) });
    assert_eq!(read(json!(vec![0; 5_000])).ignored, 5_000);
}

#[test]
fn status_lines_say_nothing() {
    let status = json!({"node_key": "k", "log_type": "status", "data": [{"severity": "1", "filename": "init.cpp", "message": "x"}]});
    assert_eq!(serde_json::from_value::<LogRequest>(status).unwrap().results(NOW_MS), Results::default());
}

#[test]
fn answers_to_distributed_queries() {
    let write: DistributedWriteRequest = serde_json::from_value(json!({
        "node_key": "k",
        "queries": {
            "gaccong_linux_disk": [{"disk_encrypted": "1"}],
            "gaccong_windows_disk": [{"disk_encrypted": "0"}],
            "gaccong_edr": "",
            "id1": [{"column1": "value1"}],
        },
        "statuses": {"gaccong_linux_disk": 0, "gaccong_windows_disk": 1, "gaccong_edr": "0"},
    }))
    .unwrap();
    assert_eq!(write.results(NOW_MS), Results { ignored: 1, ..encrypted(true, NOW_MS) });
}

#[test]
fn requests_of_the_guide_are_read() {
    let enrol: EnrollRequest = serde_json::from_value(json!({
        "enroll_secret": "s", "host_identifier": "h", "platform_type": "9",
        "host_details": {"os_version": {}, "osquery_info": {}, "system_info": {}, "platform_info": {}},
    }))
    .unwrap();
    assert_eq!((enrol.enroll_secret.as_deref(), enrol.host_identifier.as_deref()), (Some("s"), Some("h")));
    assert_eq!(serde_json::from_value::<NodeRequest>(json!({})).unwrap().node_key, "");
}

/// JSON of any shape, with the names that matter in it.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("name".to_owned()),
        Just("unixTime".to_owned()),
        Just("action".to_owned()),
        Just("columns".to_owned()),
        Just("snapshot".to_owned()),
        Just("diffResults".to_owned()),
        Just("added".to_owned()),
        Just("disk_encrypted".to_owned()),
        Just("patch_age_days".to_owned()),
        ".{0,4}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(json!("gaccong_linux_disk")),
        Just(json!("snapshot")),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(key.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_comes_facts_are_of_the_pack_and_never_from_the_future(data in prop::collection::vec(any_json(), 0..6)) {
        let request: LogRequest = serde_json::from_value(json!({"log_type": "result", "data": data})).unwrap();
        for fact in request.results(NOW_MS).facts {
            prop_assert!((0..=NOW_MS).contains(&fact.observed_at_ms));
            prop_assert!(super::super::pack::facts().any(|name| name == fact.name));
        }
    }
}
