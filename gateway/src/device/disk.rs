//! Whether the root file system is encrypted. Only LUKS is seen: whether a disk encrypts by itself cannot be verified from
//! here.

use super::mounts::{self, Mount};
use super::{Machine, Observed, block};

/// Whether the disk under `/` is encrypted.
pub(super) fn is_encrypted(machine: &Machine<'_>) -> Observed<bool> {
    let mounts = mounts::read(machine)?;
    let root = mounts::holding(&mounts, "/").ok_or("nothing is mounted at `/`")?;
    match root.kind.as_str() {
        "overlay" => upper_is_encrypted(machine, &mounts, root),
        _ => mount_is_encrypted(machine, root),
    }
}

/// What is written to an overlay goes to its upper folder.
fn upper_is_encrypted(machine: &Machine<'_>, mounts: &[Mount], overlay: &Mount) -> Observed<bool> {
    let upper = overlay.options.split(',').find_map(|option| option.strip_prefix("upperdir="));
    let upper = upper.ok_or("`/` is an overlay without an upper folder")?;
    match mounts::holding(mounts, upper) {
        Some(below) if below.kind != "overlay" => mount_is_encrypted(machine, below),
        _ => {
            Err(format!("`/` is an overlay, and the device under its upper folder `{upper}` cannot be seen from here"))
        }
    }
}

fn mount_is_encrypted(machine: &Machine<'_>, mount: &Mount) -> Observed<bool> {
    if mount.kind == "btrfs" {
        return btrfs_is_encrypted(machine, mount);
    }
    match mount.device.starts_with("0:") {
        false => block::is_encrypted(machine, &mount.device),
        true => Err(format!("`{}` is of the type `{}`, which is on no block device", mount.point, mount.kind)),
    }
}

/// A btrfs has a device number of its own and may span several devices, of which a mount names one.
fn btrfs_is_encrypted(machine: &Machine<'_>, mount: &Mount) -> Observed<bool> {
    let named = block::number(machine, &mount.source)?;
    for device in siblings(machine, &named)? {
        if !block::is_encrypted(machine, &device)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The devices of the btrfs that `device` belongs to.
fn siblings(machine: &Machine<'_>, device: &str) -> Observed<Vec<String>> {
    for system in machine.list("/sys/fs/btrfs") {
        let folder = format!("/sys/fs/btrfs/{system}/devices");
        let number = |name: &String| machine.read(&format!("{folder}/{name}/dev")).map(|text| text.trim().to_owned());
        let devices = machine.list(&folder).iter().map(number).collect::<Observed<Vec<_>>>()?;
        if devices.iter().any(|other| other == device) {
            return Ok(devices);
        }
    }
    Err("sysfs does not tell which devices the btrfs at `/` is on".to_owned())
}
