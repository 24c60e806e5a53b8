//! `gaccong policy`: what can be asked of policies before they are in force, and afterwards.

pub mod check;
pub mod diff;
pub mod explain;
pub mod fmt;
pub mod inputs;
pub mod lint;
pub mod prove;
pub mod replay;
pub mod sign;
mod solver;
pub mod test;

use std::process::ExitCode;

use clap::Subcommand;

/// The commands about policies. Each has a module of its own; [`inputs`] is what they share.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Everything that is wrong with policies, schema extensions and cases, at once.
    Check(check::CheckArgs),
    /// Lays policies out in the one way there is.
    Fmt(fmt::FmtArgs),
    /// Policies that are valid, and probably do not mean what they say.
    Lint(lint::LintArgs),
    /// Whether policy answers the cases beside it as expected, and what they leave out.
    Test(test::TestArgs),
    /// How policy answers a question, why, and what would have to change.
    Explain(Box<explain::ExplainArgs>),
    /// What other policies would have answered to the requests that are on record.
    Replay(Box<replay::ReplayArgs>),
    /// Signs a policy directory: the author makes the bundle, others approve it.
    Sign(sign::SignArgs),
    /// Whether properties hold for every request.
    Prove(Box<prove::ProveArgs>),
    /// Whom a change of policies lets in, and whom it keeps out.
    Diff(Box<diff::DiffArgs>),
}

/// Does what the command line asks.
pub fn run(command: &PolicyCommand) -> ExitCode {
    match command {
        PolicyCommand::Check(args) => check::run(args),
        PolicyCommand::Fmt(args) => fmt::run(args),
        PolicyCommand::Lint(args) => lint::run(args),
        PolicyCommand::Test(args) => test::run(args),
        PolicyCommand::Explain(args) => explain::run(args),
        PolicyCommand::Replay(args) => replay::run(args),
        PolicyCommand::Sign(args) => sign::run(args),
        PolicyCommand::Prove(args) => prove::run(args),
        PolicyCommand::Diff(args) => diff::run(args),
    }
}
