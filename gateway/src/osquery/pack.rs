//! The questions that osquery is asked. Each has one row as its answer, whose columns are named after facts; a column that
//! is NULL says that the fact cannot be known. So the newest row alone tells how things are, whatever was seen before.
//!
//! Tables and columns are those of osquery's `specs/`.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::facts::posture::FactName;

/// A question.
#[derive(Debug)]
pub struct Query {
    /// Its name in the schedule, by which its results are known again.
    pub name: &'static str,
    /// Where it is asked, as osquery spells it; `None` is everywhere.
    platform: Option<&'static str>,
    sql: &'static str,
    /// The facts that its columns are named after.
    pub facts: &'static [FactName],
}

/// Stands in a query for the names of the processes of which one must run.
const EDR_PROCESSES: &str = "{edr_processes}";

const QUERIES: &[Query] = &[
    Query {
        name: "gaccong_os",
        platform: None,
        sql: "SELECT CASE platform WHEN 'windows' THEN 'windows' WHEN 'darwin' THEN 'macos' ELSE 'linux' END AS platform, \
              CASE WHEN platform IN ('windows', 'darwin') THEN version \
              ELSE platform || ' ' || substr(version, 1, instr(version || ' ', ' ') - 1) END AS os_version \
              FROM os_version",
        facts: &[FactName::Platform, FactName::OsVersion],
    },
    Query {
        name: "gaccong_secure_boot",
        platform: None,
        sql: "SELECT secure_boot FROM secureboot",
        facts: &[FactName::SecureBoot],
    },
    Query {
        name: "gaccong_edr",
        platform: None,
        sql: "SELECT COUNT(*) > 0 AS edr_running FROM processes WHERE lower(name) IN ({edr_processes})",
        facts: &[FactName::EdrRunning],
    },
    Query {
        name: "gaccong_windows_disk",
        platform: Some("windows"),
        sql: "SELECT COALESCE(MAX(protection_status = 1), 0) AS disk_encrypted FROM bitlocker_info WHERE drive_letter = 'C:'",
        facts: &[FactName::DiskEncrypted],
    },
    Query {
        name: "gaccong_windows_firewall",
        platform: Some("windows"),
        sql: "SELECT CASE firewall WHEN 'Good' THEN 1 WHEN 'Poor' THEN 0 WHEN 'Snoozed' THEN 0 END AS firewall \
              FROM windows_security_center",
        facts: &[FactName::Firewall],
    },
    // Where no machine-wide limit is set, people may have chosen one of their own: that is not known.
    Query {
        name: "gaccong_windows_screen_lock",
        platform: Some("windows"),
        sql: "SELECT CAST(data AS INTEGER) BETWEEN 1 AND 900 AS screen_lock FROM registry WHERE path = \
              'HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System\\InactivityTimeoutSecs'",
        facts: &[FactName::ScreenLock],
    },
    // Signatures of Defender (KB2267602) and the removal tool (KB890830) come all the time and patch nothing.
    Query {
        name: "gaccong_windows_patches",
        platform: Some("windows"),
        sql: "SELECT (CAST(strftime('%s', 'now') AS INTEGER) - MAX(date)) / 86400 AS patch_age_days \
              FROM windows_update_history WHERE operation = 'Installation' AND result_code = 'Succeeded' \
              AND title NOT LIKE '%KB2267602%' AND title NOT LIKE '%KB890830%'",
        facts: &[FactName::PatchAgeDays],
    },
    // The disk of every newer Mac is encrypted; only FileVault makes a password part of its key.
    Query {
        name: "gaccong_macos_disk",
        platform: Some("darwin"),
        sql: "SELECT COUNT(*) > 0 AS disk_encrypted FROM disk_encryption \
              WHERE user_uuid <> '' AND filevault_status = 'on'",
        facts: &[FactName::DiskEncrypted],
    },
    Query {
        name: "gaccong_macos_firewall",
        platform: Some("darwin"),
        sql: "SELECT global_state >= 1 AS firewall FROM alf",
        facts: &[FactName::Firewall],
    },
    Query {
        name: "gaccong_macos_screen_lock",
        platform: Some("darwin"),
        sql: "SELECT enabled = 1 AND grace_period BETWEEN 0 AND 300 AS screen_lock FROM screenlock",
        facts: &[FactName::ScreenLock],
    },
    Query {
        name: "gaccong_macos_patches",
        platform: Some("darwin"),
        sql: "SELECT (CAST(strftime('%s', 'now') AS INTEGER) - MAX(time)) / 86400 AS patch_age_days \
              FROM package_install_history WHERE source = 'softwareupdated' AND name LIKE 'macOS%'",
        facts: &[FactName::PatchAgeDays],
    },
    // `disk_encryption` walks from a device to the LUKS below it. A root on no block device has no row: not known.
    Query {
        name: "gaccong_linux_disk",
        platform: Some("linux"),
        sql: "SELECT MAX(d.encrypted) AS disk_encrypted FROM mounts m JOIN disk_encryption d ON d.name = m.device_alias \
              WHERE m.path = '/' AND (SELECT platform FROM os_version) <> 'darwin'",
        facts: &[FactName::DiskEncrypted],
    },
    // `iptables` shows only rules of the older kernel interface: that it shows none proves nothing.
    Query {
        name: "gaccong_linux_firewall",
        platform: Some("linux"),
        sql: "SELECT CASE WHEN EXISTS (SELECT 1 FROM iptables WHERE chain = 'INPUT' AND policy = 'DROP') \
              OR EXISTS (SELECT 1 FROM systemd_units WHERE id IN ('firewalld.service', 'nftables.service') \
              AND active_state = 'active') THEN 1 END AS firewall",
        facts: &[FactName::Firewall],
    },
    // The package managers' databases tell only when they last changed.
    Query {
        name: "gaccong_linux_patches",
        platform: Some("linux"),
        sql: "SELECT (CAST(strftime('%s', 'now') AS INTEGER) - MAX(mtime)) / 86400 AS patch_age_days FROM file \
              WHERE path IN ('/var/lib/dpkg/status', '/var/lib/rpm/rpmdb.sqlite', \
              '/usr/lib/sysimage/rpm/rpmdb.sqlite', '/var/log/pacman.log')",
        facts: &[FactName::PatchAgeDays],
    },
];

/// The query of that name.
pub(super) fn query(name: &str) -> Option<&'static Query> {
    QUERIES.iter().find(|query| query.name == name)
}

/// The facts that osquery can report.
pub fn facts() -> impl Iterator<Item = FactName> {
    QUERIES.iter().flat_map(|query| query.facts).copied()
}

/// An entry of the schedule (osquery's guide "Configuration"). A snapshot tells the whole state every time, so that facts
/// stay fresh while nothing changes.
#[derive(Serialize)]
struct Scheduled {
    query: String,
    interval: u64,
    snapshot: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'static str>,
}

/// The schedule: every question, each `interval_s`.
pub fn schedule(edr_processes: &[String], interval_s: u64) -> Value {
    let entry = |query: &Query, sql: String| {
        let scheduled = Scheduled { query: sql, interval: interval_s, snapshot: true, platform: query.platform };
        (query.name.to_owned(), json!(scheduled))
    };
    asked(edr_processes).map(|(query, sql)| entry(query, sql)).collect::<Map<_, _>>().into()
}

/// The same questions, to be answered at once. Those of other platforms fail there, since their tables are missing.
pub fn distributed(edr_processes: &[String]) -> Value {
    asked(edr_processes).map(|(query, sql)| (query.name.to_owned(), json!(sql))).collect::<Map<_, _>>().into()
}

/// The questions and their SQL. About EDR nothing can be asked where no process is named.
fn asked(edr_processes: &[String]) -> impl Iterator<Item = (&'static Query, String)> {
    let names: Vec<_> = edr_processes.iter().map(|name| literal(&name.to_lowercase())).collect();
    let names = names.join(", ");
    let asked = move |query: &'static Query| {
        let possible = !names.is_empty() || !query.sql.contains(EDR_PROCESSES);
        possible.then(|| (query, query.sql.replace(EDR_PROCESSES, &names)))
    };
    QUERIES.iter().filter_map(asked)
}

/// A text as SQL writes it.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_has_the_form_that_osquery_reads() {
        let schedule = schedule(&["MsSense.exe".to_owned(), "it's".to_owned()], 300);
        let disk = &schedule["gaccong_windows_disk"];
        assert_eq!(
            (&disk["interval"], &disk["snapshot"], &disk["platform"]),
            (&json!(300), &json!(true), &json!("windows"))
        );
        assert!(disk["query"].as_str().unwrap().contains("FROM bitlocker_info"));
        let edr = schedule["gaccong_edr"]["query"].as_str().unwrap();
        assert!(edr.ends_with("IN ('mssense.exe', 'it''s')"), "{edr}");
        assert!(schedule["gaccong_edr"].get("platform").is_none());
    }

    #[test]
    fn nothing_is_asked_about_processes_that_nobody_named() {
        assert!(schedule(&[], 300).get("gaccong_edr").is_none());
        assert!(distributed(&[]).get("gaccong_edr").is_none());
        assert_eq!(distributed(&["x".to_owned()]).as_object().unwrap().len(), QUERIES.len());
    }

    #[test]
    fn every_query_has_a_name_of_its_own_and_a_column_for_each_of_its_facts() {
        for (index, query) in QUERIES.iter().enumerate() {
            assert!(QUERIES[..index].iter().all(|other| other.name != query.name), "{}", query.name);
            assert!(query.facts.iter().all(|fact| query.sql.contains(fact.as_str())), "{}", query.name);
        }
    }

    #[test]
    fn brackets_and_quotes_are_closed() {
        for (query, sql) in asked(&["x".to_owned()]) {
            assert_eq!(sql.matches('(').count(), sql.matches(')').count(), "{}", query.name);
            assert_eq!(sql.matches('\'').count() % 2, 0, "{}", query.name);
        }
    }
}
