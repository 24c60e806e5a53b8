//! Machines made of files.

use std::os::unix::fs::symlink;

use jiff::civil::date;
use jiff::tz::TimeZone;
use tempfile::TempDir;

use super::*;

/// A machine that has nothing yet.
struct Fixture {
    dir: TempDir,
    /// What programs print, by their command line.
    printed: Vec<(String, String)>,
    edr_processes: Vec<String>,
}

impl Fixture {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), printed: Vec::new(), edr_processes: Vec::new() }
    }

    fn file(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn link(&self, path: &str, target: &str) -> &Self {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
        self
    }

    fn prints(&mut self, command: &str, text: &str) -> &mut Self {
        self.printed.push((command.to_owned(), text.to_owned()));
        self
    }

    /// A block device below `sys/devices`, as sysfs shows it.
    fn device(&self, number: &str, folder: &str, uuid: Option<&str>) -> &Self {
        let name = folder.rsplit('/').next().unwrap();
        self.file(&format!("sys/devices/{folder}/dev"), format!("{number}\n"));
        if let Some(uuid) = uuid {
            self.file(&format!("sys/devices/{folder}/dm/uuid"), format!("{uuid}\n"));
        }
        self.link(&format!("sys/dev/block/{number}"), &format!("../../devices/{folder}"));
        self.link(&format!("sys/class/block/{name}"), &format!("../../devices/{folder}"))
    }

    /// `upper` is made of `lower`.
    fn stands_on(&self, upper: &str, lower: &str) -> &Self {
        let name = lower.rsplit('/').next().unwrap();
        let up = "../".repeat(upper.split('/').count() + 1);
        self.link(&format!("sys/devices/{upper}/slaves/{name}"), &format!("{up}{lower}"))
    }

    fn root(&self, device: &str, kind: &str, source: &str, options: &str) -> &Self {
        let mounts =
            format!("22 1 0:21 / /proc rw - proc proc rw\n27 1 {device} / / rw shared:1 - {kind} {source} {options}\n");
        self.file("proc/self/mountinfo", mounts)
    }

    fn find(&self, name: FactName) -> Result<FactValue, String> {
        let run = |program: &str, arguments: &[&str]| {
            let command = format!("{program} {}", arguments.join(" "));
            let found = self.printed.iter().find(|(known, _)| *known == command);
            found.map(|(_, text)| text.clone()).ok_or(format!("cannot run `{program}`: no such file"))
        };
        let now = date(2026, 11, 22).at(12, 0, 0, 0).to_zoned(TimeZone::fixed(jiff::tz::offset(7))).unwrap();
        let machine = Machine { root: self.dir.path(), run: &run, now, edr_processes: &self.edr_processes };
        machine.observe().into_iter().find(|finding| finding.name == name).unwrap().value
    }

    fn is(&self, name: FactName) -> Result<bool, String> {
        self.find(name).map(|value| match value {
            FactValue::Bool(value) => value,
            other => panic!("{other:?}"),
        })
    }

    /// Why a fact is not known.
    fn unknown(&self, name: FactName) -> String {
        self.find(name).unwrap_err()
    }
}

#[test]
fn a_machine_that_shows_nothing_has_only_the_facts_that_follow_from_that() {
    let bare = Fixture::new();
    assert_eq!(bare.find(FactName::Platform), Ok(text("linux")));
    assert_eq!(bare.is(FactName::SecureBoot), Ok(false));
    for name in [
        FactName::OsVersion,
        FactName::DiskEncrypted,
        FactName::Firewall,
        FactName::ScreenLock,
        FactName::EdrRunning,
        FactName::PatchAgeDays,
    ] {
        assert!(!bare.unknown(name).is_empty(), "{name:?}");
    }
}

#[test]
fn distributions() {
    for (release, version) in [
        ("NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n", "debian 12"),
        ("ID=ubuntu\nID_LIKE=debian\nVERSION_ID='24.04'\n", "ubuntu 24.04"),
        ("ID=arch\nBUILD_ID=rolling\n", "arch"),
        ("ID=\"\"\nID=fedora\nVERSION_ID=40\n", "fedora 40"),
    ] {
        let machine = Fixture::new();
        machine.file("usr/lib/os-release", release);
        assert_eq!(machine.find(FactName::OsVersion), Ok(text(version)));
    }
    let machine = Fixture::new();
    machine.file("etc/os-release", "NAME=Nameless\n");
    assert_eq!(machine.unknown(FactName::OsVersion), "os-release has no `ID`");
}

#[test]
fn luks_below_lvm_counts() {
    let machine = Fixture::new();
    machine.root("253:1", "ext4", "/dev/mapper/vg-root", "rw");
    machine.device("253:1", "virtual/block/dm-1", Some("LVM-abc"));
    machine.device("253:0", "virtual/block/dm-0", Some("CRYPT-LUKS2-0a1b-cryptroot"));
    machine
        .device("8:0", "pci/sda", None)
        .device("8:2", "pci/sda/sda2", None)
        .file("sys/devices/pci/sda/sda2/partition", "2");
    machine.stands_on("virtual/block/dm-1", "virtual/block/dm-0").stands_on("virtual/block/dm-0", "pci/sda/sda2");
    assert_eq!(machine.is(FactName::DiskEncrypted), Ok(true));
}

#[test]
fn a_plain_partition_is_not_encrypted_and_verity_is_no_encryption() {
    let plain = Fixture::new();
    plain.root("8:2", "ext4", "/dev/sda2", "rw").device("8:0", "pci/sda", None).device("8:2", "pci/sda/sda2", None);
    plain.file("sys/devices/pci/sda/sda2/partition", "2");
    assert_eq!(plain.is(FactName::DiskEncrypted), Ok(false));

    let verity = Fixture::new();
    verity.root("253:0", "ext4", "/dev/dm-0", "ro").device("253:0", "virtual/block/dm-0", Some("CRYPT-VERITY-1"));
    assert_eq!(verity.is(FactName::DiskEncrypted), Ok(false));
}

#[test]
fn one_open_half_of_a_mirror_opens_the_whole() {
    let machine = Fixture::new();
    machine.root("9:0", "xfs", "/dev/md0", "rw").device("9:0", "virtual/block/md0", None);
    machine.device("253:0", "virtual/block/dm-0", Some("CRYPT-LUKS2-a")).device("8:16", "pci/sdb", None);
    machine.stands_on("virtual/block/md0", "virtual/block/dm-0");
    assert_eq!(machine.is(FactName::DiskEncrypted), Ok(true));
    machine.stands_on("virtual/block/md0", "pci/sdb");
    assert_eq!(machine.is(FactName::DiskEncrypted), Ok(false));
}

#[test]
fn a_partition_of_an_encrypted_array_is_encrypted() {
    let machine = Fixture::new();
    machine.root("259:1", "ext4", "/dev/md0p1", "rw").device("9:0", "virtual/block/md0", None);
    machine.device("259:1", "virtual/block/md0/md0p1", None).file("sys/devices/virtual/block/md0/md0p1/partition", "1");
    machine
        .device("253:0", "virtual/block/dm-0", Some("CRYPT-LUKS1-a"))
        .stands_on("virtual/block/md0", "virtual/block/dm-0");
    assert_eq!(machine.is(FactName::DiskEncrypted), Ok(true));
}

#[test]
fn devices_that_stand_on_each_other_end() {
    let machine = Fixture::new();
    machine.root("253:0", "ext4", "/dev/dm-0", "rw").device("253:0", "virtual/block/dm-0", None);
    machine.stands_on("virtual/block/dm-0", "virtual/block/dm-0");
    assert_eq!(machine.unknown(FactName::DiskEncrypted), "block devices stand on each other without end");
}

#[test]
fn every_device_of_a_btrfs_counts() {
    let machine = Fixture::new();
    machine.root("0:30", "btrfs", "/dev/mapper/luks-a", "rw,subvol=/@").link("dev/mapper/luks-a", "../dm-0");
    assert!(machine.unknown(FactName::DiskEncrypted).contains("`/dev/mapper/luks-a` is no block device"));
    machine.device("253:0", "virtual/block/dm-0", Some("CRYPT-LUKS2-a")).device("8:16", "pci/sdb", None);
    assert!(machine.unknown(FactName::DiskEncrypted).contains("does not tell which devices"));
    machine.link("sys/fs/btrfs/uuid-1/devices/dm-0", "../../../../devices/virtual/block/dm-0");
    assert_eq!(machine.is(FactName::DiskEncrypted), Ok(true));
    machine.link("sys/fs/btrfs/uuid-1/devices/sdb", "../../../../devices/pci/sdb");
    assert_eq!(machine.is(FactName::DiskEncrypted), Ok(false));
}

#[test]
fn an_overlay_is_what_is_under_its_upper_folder() {
    let machine = Fixture::new();
    let mounts = "27 1 0:40 / / rw - overlay overlay rw,lowerdir=/ro,upperdir=/rw/my\\040disk/upper,workdir=/rw/work\n\
                  30 27 253:0 / /rw/my\\040disk rw - ext4 /dev/dm-0 rw\n";
    machine.file("proc/self/mountinfo", mounts).device("253:0", "virtual/block/dm-0", Some("CRYPT-LUKS2-a"));
    assert_eq!(machine.is(FactName::DiskEncrypted), Ok(true));

    let container = Fixture::new();
    container.root("0:40", "overlay", "overlay", "rw,lowerdir=/a,upperdir=/var/lib/containers/1/diff");
    assert!(container.unknown(FactName::DiskEncrypted).contains("cannot be seen from here"));
}

#[test]
fn a_file_system_on_no_device_is_not_known() {
    let machine = Fixture::new();
    machine.root("0:30", "zfs", "rpool/root", "rw");
    assert!(machine.unknown(FactName::DiskEncrypted).contains("`zfs`, which is on no block device"));
    let strange = Fixture::new();
    strange.root("8:1", "ext4", "/dev/sda1", "rw");
    assert_eq!(strange.unknown(FactName::DiskEncrypted), "sysfs does not know the block device `8:1`");
}

#[test]
fn secure_boot() {
    let variable = |name: &str| format!("sys/firmware/efi/efivars/{name}-8be4df61-93ca-11d2-aa0d-00e098032b8c");
    for (secure, setup, expected) in [(1, 0, true), (0, 0, false), (1, 1, false)] {
        let machine = Fixture::new();
        machine.file(&variable("SecureBoot"), [6, 0, 0, 0, secure]).file(&variable("SetupMode"), [6, 0, 0, 0, setup]);
        assert_eq!(machine.is(FactName::SecureBoot), Ok(expected));
    }
    let machine = Fixture::new();
    machine.file("sys/firmware/efi/runtime", "");
    assert!(machine.unknown(FactName::SecureBoot).contains("cannot read"));
    machine.file(&variable("SecureBoot"), [1]);
    assert!(machine.unknown(FactName::SecureBoot).contains("1 bytes instead of 5"));
}

/// A ruleset of one chain that filters what comes in, and its rules.
fn ruleset(policy: &str, rules: &[&str]) -> String {
    let chain = format!(
        r#"{{"chain": {{"family": "inet", "table": "filter", "name": "input", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "{policy}"}}}}"#
    );
    let rule = |expr: &&str| {
        format!(
            r#"{{"rule": {{"family": "inet", "table": "filter", "chain": "input", "handle": 2, "expr": [{expr}]}}}}"#
        )
    };
    let objects: Vec<_> = [r#"{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}"#.to_owned(), chain]
        .into_iter()
        .chain(rules.iter().map(rule))
        .collect();
    format!("{{\"nftables\": [{}]}}", objects.join(","))
}

#[test]
fn a_firewall_refuses_by_default() {
    let accept_ssh = r#"{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, {"accept": null}"#;
    let block_one = r#"{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "192.0.2.1"}}, {"drop": null}"#;
    let reject =
        r#"{"counter": {"packets": 0, "bytes": 0}}, {"reject": {"type": "icmpx", "expr": "admin-prohibited"}}"#;
    for (policy, rules, expected) in [
        ("drop", vec![], true),
        ("drop", vec![accept_ssh], true),
        ("accept", vec![], false),
        ("accept", vec![block_one], false),
        ("accept", vec![accept_ssh, reject], true),
        ("accept", vec![reject, accept_ssh], false),
    ] {
        let mut machine = Fixture::new();
        machine.prints("nft --json list ruleset", &ruleset(policy, &rules));
        assert_eq!(machine.is(FactName::Firewall), Ok(expected), "{policy} {rules:?}");
    }
}

#[test]
fn rules_of_the_older_interface_count() {
    let mut machine = Fixture::new();
    machine.prints("nft --json list ruleset", r#"{"nftables": []}"#);
    assert_eq!(machine.is(FactName::Firewall), Ok(false));
    machine.file("proc/net/ip_tables_names", "nat\nfilter\n");
    assert!(machine.unknown(FactName::Firewall).contains("`iptables-legacy`"));
    machine.prints("iptables-legacy -S INPUT", "-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n");
    assert_eq!(machine.is(FactName::Firewall), Ok(true));
    machine.printed.pop();
    machine.prints("iptables-legacy -S INPUT", "-P INPUT ACCEPT\n-A INPUT -s 192.0.2.1/32 -j DROP\n");
    assert_eq!(machine.is(FactName::Firewall), Ok(false));
}

#[test]
fn without_the_right_to_read_rules_their_programs_tell_or_nothing_is_known() {
    let ufw = Fixture::new();
    ufw.file("etc/ufw/ufw.conf", "# x\nENABLED=yes\nLOGLEVEL=low\n");
    assert!(ufw.unknown(FactName::Firewall).contains("`nft`"));
    ufw.file("etc/default/ufw", "IPV6=yes\nDEFAULT_INPUT_POLICY=\"DROP\"\n");
    assert_eq!(ufw.is(FactName::Firewall), Ok(true));
    ufw.file("etc/ufw/ufw.conf", "ENABLED=no\n");
    assert!(ufw.is(FactName::Firewall).is_err());

    let firewalld = Fixture::new();
    firewalld.file("proc/1/comm", "systemd\n").file("proc/812/comm", "firewalld\n");
    assert_eq!(firewalld.is(FactName::Firewall), Ok(true));

    let mut broken = Fixture::new();
    broken.prints("nft --json list ruleset", "table inet filter {}");
    assert!(broken.unknown(FactName::Firewall).contains("printed no ruleset"));
}

#[test]
fn a_screen_lock_is_known_where_it_is_fixed() {
    let machine = Fixture::new();
    let key_file =
        "[org/gnome/desktop/screensaver]\nlock-enabled=true\n\n[org/gnome/desktop/session]\nidle-delay=uint32 300\n";
    machine.file("etc/dconf/db/local.d/00-lock", key_file);
    assert!(machine.unknown(FactName::ScreenLock).contains("no dconf profile"), "people may change it");
    let locks = "/org/gnome/desktop/screensaver/lock-enabled\n/org/gnome/desktop/session/idle-delay\n";
    machine.file("etc/dconf/db/local.d/locks/screen", locks);
    assert_eq!(machine.is(FactName::ScreenLock), Ok(true));
    machine.file("etc/dconf/db/local.d/10-never", "[org/gnome/desktop/session]\nidle-delay=uint32 0\n");
    assert_eq!(machine.is(FactName::ScreenLock), Ok(false));
}

#[test]
fn an_edr_runs_or_not() {
    let mut machine = Fixture::new();
    machine.file("proc/1/comm", "systemd\n").file("proc/77/comm", "falcon-sensor-b\n").file("proc/self/comm", "x\n");
    assert!(machine.unknown(FactName::EdrRunning).contains("--edr-process"));
    machine.edr_processes = vec!["mdatp".to_owned()];
    assert_eq!(machine.is(FactName::EdrRunning), Ok(false));
    machine.edr_processes.push("falcon-sensor-bpf".to_owned());
    assert_eq!(machine.is(FactName::EdrRunning), Ok(true), "the kernel keeps 15 bytes of a name");
}

#[test]
fn upgrades() {
    let debian = Fixture::new();
    debian.file("var/log/dpkg.log", "2026-11-22 09:00:00 install tree:amd64 <none> 2.1\n");
    assert!(debian.unknown(FactName::PatchAgeDays).contains("no record"), "an installation is no upgrade");
    debian.file(
        "var/log/dpkg.log.1",
        "2026-11-01 06:12:01 upgrade libssl3:amd64 3.0.15 3.0.16\n2026-11-12 12:00:01 upgrade curl:amd64 8.1 8.2\nbroken\n",
    );
    assert_eq!(debian.find(FactName::PatchAgeDays), Ok(FactValue::Long(9)), "a second less than ten days");

    let arch = Fixture::new();
    arch.file("var/log/pacman.log", "[2026-11-20T06:12:01+0000] [ALPM] upgraded openssl (3.4.0-1 -> 3.4.1-1)\n");
    assert_eq!(arch.find(FactName::PatchAgeDays), Ok(FactValue::Long(1)));
    arch.file("var/log/pacman.log", "[2027-01-01T00:00:00+0000] [ALPM] upgraded openssl (3.4.0-1 -> 3.4.1-1)\n");
    assert_eq!(arch.find(FactName::PatchAgeDays), Ok(FactValue::Long(0)), "clocks differ");
}

#[test]
fn the_database_of_rpm_tells_when_it_changed() {
    let fedora = Fixture::new();
    fedora.file("usr/lib/sysimage/rpm/rpmdb.sqlite", "");
    let changed: jiff::Timestamp = "2026-11-02T05:00:00Z".parse().unwrap();
    let file =
        fs::File::options().write(true).open(fedora.dir.path().join("usr/lib/sysimage/rpm/rpmdb.sqlite")).unwrap();
    file.set_modified(changed.into()).unwrap();
    assert_eq!(fedora.find(FactName::PatchAgeDays), Ok(FactValue::Long(20)));
}

#[test]
fn a_compressed_log_is_read() {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"2026-10-23 10:00:00 upgrade libc6:amd64 2.36-1 2.36-2\n").unwrap();
    let machine = Fixture::new();
    machine.file("var/log/dpkg.log.2.gz", packed.finish().unwrap());
    assert_eq!(machine.find(FactName::PatchAgeDays), Ok(FactValue::Long(30)));
}

#[test]
fn this_very_machine_can_be_looked_at() {
    let machine = Machine { root: Path::new("/"), run: &run, now: Zoned::now(), edr_processes: &[] };
    let findings = machine.observe();
    assert_eq!(findings.len(), 8);
    assert!(findings.iter().any(|finding| finding.name == FactName::OsVersion && finding.value.is_ok()));
}
