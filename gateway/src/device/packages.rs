//! When software was last brought up to date, as the package managers' own records tell it.

use std::fs;
use std::io::Read;

use flate2::read::GzDecoder;
use jiff::Timestamp;
use jiff::civil::DateTime;

use super::{MAX_FILE_BYTES, Machine, Observed};

const DAY_S: i64 = 86_400;

/// Logs of dpkg(1), newest first, as logrotate leaves them.
const DPKG_LOGS: [&str; 3] = ["/var/log/dpkg.log", "/var/log/dpkg.log.1", "/var/log/dpkg.log.2.gz"];

/// Databases of rpm(8), which say only when they last changed.
const RPM_DATABASES: [&str; 4] = [
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/rpm/Packages.db",
    "/var/lib/rpm/Packages",
];

/// Whole days since an upgrade was last installed.
pub(super) fn patch_age_days(machine: &Machine<'_>) -> Observed<i64> {
    let upgraded = dpkg(machine).or_else(|| pacman(machine)).or_else(|| rpm(machine));
    let upgraded = upgraded.ok_or("no record of dpkg, pacman or rpm tells of an upgrade")?;
    let age_s = machine.now.timestamp().as_second() - upgraded.as_second();
    Ok(age_s.max(0) / DAY_S)
}

/// `2026-11-20 06:12:01 upgrade libssl3:amd64 3.0.15-1 3.0.16-1`, in the machine's time zone.
fn dpkg(machine: &Machine<'_>) -> Option<Timestamp> {
    let upgrade = |line: &str| {
        let (time, rest) = line.split_at_checked("2026-11-20 06:12:01".len())?;
        rest.starts_with(" upgrade ").then(|| time.parse::<DateTime>().ok()).flatten()
    };
    let logs = DPKG_LOGS.iter().filter_map(|path| log(machine, path));
    let last = logs.filter_map(|text| text.lines().filter_map(upgrade).max()).next()?;
    Some(last.to_zoned(machine.now.time_zone().clone()).ok()?.timestamp())
}

/// `[2026-11-20T06:12:01+0100] [ALPM] upgraded openssl (3.4.0-1 -> 3.4.1-1)`
fn pacman(machine: &Machine<'_>) -> Option<Timestamp> {
    let upgrade = |line: &str| {
        let (time, rest) = line.strip_prefix('[')?.split_once(']')?;
        rest.starts_with(" [ALPM] upgraded ").then(|| time.parse::<Timestamp>().ok()).flatten()
    };
    machine.read("/var/log/pacman.log").ok()?.lines().filter_map(upgrade).max()
}

fn rpm(machine: &Machine<'_>) -> Option<Timestamp> {
    let changed = |path: &&str| fs::metadata(machine.at(path)).and_then(|metadata| metadata.modified()).ok();
    RPM_DATABASES.iter().filter_map(|path| Timestamp::try_from(changed(path)?).ok()).max()
}

/// The text of a log, which may be compressed.
fn log(machine: &Machine<'_>, path: &str) -> Option<String> {
    if !path.ends_with(".gz") {
        return machine.read(path).ok();
    }
    let mut text = String::new();
    let file = fs::File::open(machine.at(path)).ok()?;
    GzDecoder::new(file).take(MAX_FILE_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}
