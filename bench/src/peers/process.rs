//! A proxy's processes: started on one core, in a group of their own, ended with the value that stands for them.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal};

use crate::cpu::ProcessGroup;

/// How long a proxy may take to end when asked to.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A command line.
pub(crate) type CommandLine = Vec<String>;

/// The processes of one proxy.
pub(crate) struct Process {
    child: Child,
    /// All of them.
    pub(crate) group: ProcessGroup,
    output: PathBuf,
}

impl Process {
    /// Starts `command` in `folder`, confined to `core`; what it prints goes to the file `output` there. The kernel asks
    /// it to end should this process die.
    pub(crate) fn spawn(command: &CommandLine, core: usize, folder: &Path) -> Result<Self> {
        let output = folder.join("output");
        let file = File::create(&output)?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "taskset", "--cpu-list", &core.to_string()])
            .args(command)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(file.try_clone()?)
            .stdout(file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting `{}` with setpriv and taskset", command.join(" ")))?;
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("no process id")?;
        Ok(Self { child, group: ProcessGroup(id), output })
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Adds what it printed last to an error.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let printed = fs::read_to_string(&self.output).unwrap_or_default();
        let lines: Vec<&str> = printed.lines().rev().take(20).collect();
        let last: Vec<&str> = lines.into_iter().rev().collect();
        error.context(format!("the proxy does not serve; `{}` ends in:\n{}", self.output.display(), last.join("\n")))
    }
}

impl Drop for Process {
    /// Asks the group to end, and ends it if it does not.
    fn drop(&mut self) {
        let ProcessGroup(id) = self.group;
        // Errors mean that there is nothing left to end.
        let _ = rustix::process::kill_process_group(id, Signal::TERM);
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(POLL_INTERVAL);
        }
        let _ = rustix::process::kill_process_group(id, Signal::KILL);
        let _ = self.child.wait();
    }
}
