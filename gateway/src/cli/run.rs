//! `gaccong run`: the gateway.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::{EXIT_FAILED, EXIT_INVALID, fail};
use crate::config::diagnostic::Diagnostic;
use crate::process::server::{self, RunError, Start};

/// Runs the gateway.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
    /// Take the sockets over from the gateway that is running with this configuration.
    #[arg(long)]
    pub upgrade: bool,
    /// Start although the store is older than the records know: what was revoked in between is let in again.
    #[arg(long)]
    pub accept_older_store: bool,
}

/// Runs until a signal or a successor ends it.
pub fn run(args: RunArgs) -> ExitCode {
    // That a folder is gone which was watched is no news.
    log_to_stderr("info,notify=warn");
    let RunArgs { config, upgrade, accept_older_store } = args;
    let start = Start { config_file: config, upgrade, accept_older_store };
    match server::run(&start, &CancellationToken::new(), server::announce) {
        Ok(()) => ExitCode::SUCCESS,
        Err(RunError::Invalid(diagnostics)) => {
            print(&diagnostics);
            ExitCode::from(EXIT_INVALID)
        }
        Err(error) => fail(EXIT_FAILED, error),
    }
}

/// Sends the log to standard error. `RUST_LOG` chooses other levels than `default`.
pub fn log_to_stderr(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // A second subscriber in one process (the demo) changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .try_init();
}

/// Prints diagnostics to standard error, each as it stands.
pub fn print(diagnostics: &[Diagnostic]) {
    let mut stderr = io::stderr().lock();
    for diagnostic in diagnostics {
        let _ = writeln!(stderr, "{diagnostic}");
    }
}
