//! Block devices and what they stand on, as sysfs shows it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Machine, Observed, list};

/// How many devices may stand on each other. Real stacks have five.
const MAX_DEPTH: usize = 16;

/// Whether everything that is written to the device `major:minor` is encrypted by LUKS below the file system.
pub(super) fn is_encrypted(machine: &Machine<'_>, device: &str) -> Observed<bool> {
    let folder = machine.at(&format!("/sys/dev/block/{device}"));
    // The kernel's link leads into `devices/`, where a partition lies in the folder of its disk.
    let folder = fs::canonicalize(&folder).map_err(|_| format!("sysfs does not know the block device `{device}`"))?;
    stands_on_luks(&folder, MAX_DEPTH)
}

/// The number `major:minor` of a device file such as `/dev/mapper/root`.
pub(super) fn number(machine: &Machine<'_>, source: &str) -> Observed<String> {
    let unknown = || format!("`{source}` is no block device that sysfs knows");
    let file = machine.at(source);
    // Names below `/dev/mapper` are links to the kernel's names.
    let target = fs::read_link(&file).unwrap_or(file);
    let name = target.file_name().and_then(|name| name.to_str()).ok_or_else(unknown)?;
    let number = machine.read(&format!("/sys/class/block/{name}/dev")).map_err(|_| unknown())?;
    Ok(number.trim().to_owned())
}

fn stands_on_luks(device: &Path, depth: usize) -> Observed<bool> {
    if uuid(device).is_some_and(|uuid| uuid.starts_with("CRYPT-LUKS")) {
        return Ok(true);
    }
    let below = below(device);
    let depth = depth.checked_sub(1).ok_or("block devices stand on each other without end")?;
    for device in &below {
        if !stands_on_luks(device, depth)? {
            return Ok(false);
        }
    }
    Ok(!below.is_empty())
}

/// The device mapper's name for what a device is: `CRYPT-LUKS2-…`, `LVM-…`.
fn uuid(device: &Path) -> Option<String> {
    fs::read_to_string(device.join("dm/uuid")).ok()
}

/// The devices that a device is made of; of a partition, its disk.
fn below(device: &Path) -> Vec<PathBuf> {
    let slaves = device.join("slaves");
    let parts: Vec<_> = list(&slaves).iter().filter_map(|name| fs::canonicalize(slaves.join(name)).ok()).collect();
    match device.parent() {
        Some(disk) if parts.is_empty() && device.join("partition").exists() => vec![disk.to_owned()],
        _ => parts,
    }
}
