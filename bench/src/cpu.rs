//! What a process group costs, as the kernel counts it, and the cores it may run on.

use std::fs;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Resource, Rlimit};
use rustix::thread::CpuSet;

/// The processes of one group: a proxy with its workers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessGroup(pub(crate) Pid);

impl ProcessGroup {
    /// CPU time that all of its processes have used, user and system, in seconds. The kernel gives it in ticks of 10 ms.
    pub(crate) fn cpu_seconds(self) -> Result<f64> {
        let ticks: u64 = self.processes()?.iter().map(|process| process.cpu_ticks).sum();
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Memory of all of its processes in KiB: resident, what several share counted once (PSS). Sockets in the kernel
    /// are not in it.
    pub(crate) fn memory_kib(self) -> Result<f64> {
        let mut total = 0.0;
        for process in self.processes()? {
            let path = format!("/proc/{}/smaps_rollup", process.id);
            let text = fs::read_to_string(&path).with_context(|| format!("reading `{path}`"))?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).context("no `Pss:` line")?;
            total += line.trim().trim_end_matches(" kB").parse::<f64>()?;
        }
        Ok(total)
    }

    /// Fails unless every thread of every process is confined to `core`.
    pub(crate) fn ensure_pinned(self, core: usize) -> Result<()> {
        for process in self.processes()? {
            for thread in fs::read_dir(format!("/proc/{}/task", process.id))? {
                let status = fs::read_to_string(thread?.path().join("status"))?;
                let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
                let cores = cores.context("no `Cpus_allowed_list:` line")?.trim();
                ensure!(
                    cores == core.to_string(),
                    "process {} may run on cores `{cores}`, not only {core}",
                    process.id
                );
            }
        }
        Ok(())
    }

    fn processes(self) -> Result<Vec<Process>> {
        let group = self.0.as_raw_nonzero().get();
        let mut processes = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // A process that ends between the listing and the reading is not ours to count.
            let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
            processes.extend(Process::parse(id, &stat).filter(|process| process.group == group));
        }
        ensure!(!processes.is_empty(), "the process group {group} has ended");
        Ok(processes)
    }
}

struct Process {
    id: u32,
    group: i32,
    cpu_ticks: u64,
}

impl Process {
    /// Reads `/proc/PID/stat` (proc_pid_stat(5)): the name in parentheses may hold anything, so counting begins behind it.
    fn parse(id: u32, stat: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self { id, group: fields.get(2)?.parse().ok()?, cpu_ticks: number(11)? + number(12)? })
    }
}

/// Confines the calling thread, and every thread and process that it starts later, to `core`.
pub(crate) fn pin_self(core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    rustix::thread::sched_setaffinity(None, &cores).with_context(|| format!("pinning to core {core}"))
}

/// Raises the number of files that this process, and those it starts, may open. Fails where it stays below `needed`.
pub(crate) fn raise_open_files(needed: u64) -> Result<()> {
    let Rlimit { maximum, .. } = rustix::process::getrlimit(Resource::Nofile);
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    ensure!(maximum.is_none_or(|maximum| maximum >= needed), "`ulimit -Hn` must be at least {needed}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_behind_a_hostile_process_name() {
        let stat = "7 (a) R 1 ) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 9 9 20 0 1 0 1 1 1";
        let process = Process::parse(7, stat).unwrap();
        assert_eq!((process.group, process.cpu_ticks), (42, 300));
    }

    #[test]
    fn own_group_costs_something() {
        let group = ProcessGroup(rustix::process::getpgrp());
        assert!(group.memory_kib().unwrap() > 100.0);
        assert!(group.cpu_seconds().unwrap() >= 0.0);
    }
}
