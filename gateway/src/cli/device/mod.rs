//! `gaccong device`: what is known of devices, over the control API; and the agent that reports of this one.

mod list;
mod report;
mod set;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

use super::remote::RemoteError;
use super::{EXIT_FAILED, fail};

/// What to do with what is known of devices.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Every device of which something is known.
    List(list::ListArgs),
    /// All that is known of a device, and who reported it.
    Show(show::ShowArgs),
    /// Reports facts of a device, as the source that this certificate stands for.
    Set(set::SetArgs),
    /// Forgets what was reported of a device.
    Remove(set::RemoveArgs),
    /// Reports the facts of this Linux machine, with its own certificate.
    Report(report::ReportArgs),
}

/// Does it.
pub fn run(command: &DeviceCommand) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(EXIT_FAILED, error),
    };
    let done = runtime.block_on(async {
        match command {
            DeviceCommand::List(args) => list::run(args).await,
            DeviceCommand::Show(args) => show::run(args).await,
            DeviceCommand::Set(args) => set::run(args).await,
            DeviceCommand::Remove(args) => set::remove(args).await,
            DeviceCommand::Report(args) => report::run(args).await,
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error.exit_code(), error),
    }
}

/// Standard output that cannot be written.
fn unwritable(error: std::io::Error) -> RemoteError {
    RemoteError::Unreachable(format!("cannot print: {error}"))
}
