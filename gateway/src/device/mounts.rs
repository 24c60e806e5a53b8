//! What is mounted: `/proc/self/mountinfo`, proc_pid_mountinfo(5).

use super::{Machine, Observed};

/// One mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// `major:minor`; the major number 0 stands for no block device.
    pub(super) device: String,
    /// Where it is mounted.
    pub(super) point: String,
    /// Its type.
    pub(super) kind: String,
    /// What it was mounted from.
    pub(super) source: String,
    /// The options of the file system.
    pub(super) options: String,
}

/// All mounts, oldest first.
pub(super) fn read(machine: &Machine<'_>) -> Observed<Vec<Mount>> {
    Ok(machine.read("/proc/self/mountinfo")?.lines().filter_map(parse).collect())
}

/// The mount that a path is on: the deepest, and of those over each other the latest.
pub(super) fn holding<'m>(mounts: &'m [Mount], path: &str) -> Option<&'m Mount> {
    let below = |mount: &&Mount| std::path::Path::new(path).starts_with(&mount.point);
    mounts.iter().filter(below).max_by_key(|mount| mount.point.len())
}

/// `36 35 98:0 /root /point options optional… - type source options`
fn parse(line: &str) -> Option<Mount> {
    let (mount, system) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(2);
    let (device, point) = (mount.next()?, mount.nth(1)?);
    let mut system = system.split(' ');
    Some(Mount {
        device: device.to_owned(),
        point: unescaped(point),
        kind: system.next()?.to_owned(),
        source: unescaped(system.next()?),
        options: system.next().map(unescaped).unwrap_or_default(),
    })
}

/// Spaces, tabs, line ends and backslashes are written in octal.
fn unescaped(text: &str) -> String {
    let codes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    codes.iter().fold(text.to_owned(), |text, (code, character)| text.replace(code, character))
}
