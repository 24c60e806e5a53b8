//! `gaccong grant`: grants for emergencies, made and signed offline.

mod check;
mod new;
mod sign;

use std::process::ExitCode;

use clap::Subcommand;

/// What can be done with grants.
#[derive(Debug, Subcommand)]
pub enum GrantCommand {
    /// Write a grant, for two people to sign.
    New(new::NewArgs),
    /// Sign a grant.
    Sign(sign::SignArgs),
    /// Say of each grant whether it is good, by whom, and until when.
    Check(check::CheckArgs),
}

/// Does what the command line asks.
pub(super) fn run(command: &GrantCommand) -> ExitCode {
    match command {
        GrantCommand::New(args) => new::run(args),
        GrantCommand::Sign(args) => sign::run(args),
        GrantCommand::Check(args) => check::run(args),
    }
}
