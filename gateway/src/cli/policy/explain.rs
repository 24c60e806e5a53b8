//! `gaccong policy explain`: how policy answers a question, why, and what would have to change.

use std::process::ExitCode;

use clap::Args;

use super::inputs::InputArgs;
use crate::cli::run::print;
use crate::cli::{EXIT_INVALID, Format};

/// Explains a decision.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    inputs: InputArgs,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Exit code 0 where the answer is a permit, 1 where it is a refusal.
pub fn run(args: &ExplainArgs) -> ExitCode {
    match args.inputs.read().and_then(|inputs| inputs.load()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(diagnostics) => {
            print(&diagnostics);
            ExitCode::from(EXIT_INVALID)
        }
    }
}
