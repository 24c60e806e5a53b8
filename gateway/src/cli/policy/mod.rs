//! `gaccong policy`: what can be asked of policies before they are in force, and afterwards.

pub mod diff;
pub mod explain;
pub mod inputs;
pub mod prove;
mod solver;

use std::process::ExitCode;

use clap::Subcommand;

/// The commands about policies. Each has a module of its own; [`inputs`] is what they share.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// How policy answers a question, why, and what would have to change.
    Explain(Box<explain::ExplainArgs>),
    /// Whether properties hold for every request.
    Prove(Box<prove::ProveArgs>),
    /// Whom a change of policies lets in, and whom it keeps out.
    Diff(Box<diff::DiffArgs>),
}

/// Does what the command line asks.
pub fn run(command: &PolicyCommand) -> ExitCode {
    match command {
        PolicyCommand::Explain(args) => explain::run(args),
        PolicyCommand::Prove(args) => prove::run(args),
        PolicyCommand::Diff(args) => diff::run(args),
    }
}
