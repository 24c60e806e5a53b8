//! Which processes run, by name.

use super::{Machine, Observed};

/// The kernel keeps this much of a name: TASK_COMM_LEN without its end.
const COMM_BYTES: usize = 15;

/// Whether one of the configured processes of endpoint detection and response runs.
pub(super) fn edr_is_running(machine: &Machine<'_>) -> Observed<bool> {
    match machine.edr_processes {
        [] => Err("no process name of an EDR was given (`--edr-process`)".to_owned()),
        names => is_running(machine, |comm| names.iter().any(|name| cut(name) == comm)),
    }
}

/// Whether a process runs whose name satisfies `wanted`. Processes that end meanwhile do not count.
pub(super) fn is_running(machine: &Machine<'_>, wanted: impl Fn(&str) -> bool) -> Observed<bool> {
    let mut pids = machine.list("/proc");
    pids.retain(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    if pids.is_empty() {
        return Err("`/proc` shows no processes".to_owned());
    }
    Ok(pids.iter().any(|pid| machine.read(&format!("/proc/{pid}/comm")).is_ok_and(|comm| wanted(comm.trim_end()))))
}

fn cut(name: &str) -> &str {
    name.get(..COMM_BYTES).unwrap_or(name)
}
