//! `gaccong policy`: what can be asked of policies before they are in force, and afterwards.

pub mod explain;
pub mod inputs;

use std::process::ExitCode;

use clap::Subcommand;

/// The commands about policies. Each has a module of its own; [`inputs`] is what they share.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// How policy answers a question, why, and what would have to change.
    Explain(Box<explain::ExplainArgs>),
}

/// Does what the command line asks.
pub fn run(command: &PolicyCommand) -> ExitCode {
    match command {
        PolicyCommand::Explain(args) => explain::run(args),
    }
}
