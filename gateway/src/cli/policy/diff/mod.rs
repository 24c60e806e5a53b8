//! `gaccong policy diff`: whom a change of policies lets in, and whom it keeps out.

mod report;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use gaccong_policy_prove::{Model, NoSolver, Relation, diff};

use super::inputs::{InputArgs, Inputs};
use super::solver::{SolverArgs, advance, progress_bar};
use crate::cli::run::print;
use crate::cli::{EXIT_FAILED, EXIT_INVALID, EXIT_NO, fail};
use crate::config::diagnostic::Diagnostic;
use crate::process::policies;

/// Compares two policy directories: for each app and action of the configuration, whether the new policies permit the
/// same, less (stricter), more (looser), or both (incomparable).
///
/// Each loosening is shown with a request that is permitted now and was refused before. Without a solver, sampled requests
/// are compared in place of a proof, and the result says so. Exit code: 0, or 1 where `--fail-on` says so.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The policy directory as it was.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The policy directory as it would be.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// The configuration, which knows apps, actions and groups. Default: `gaccong.toml`, where the current directory has
    /// one.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What makes the exit code 1.
    #[arg(long, value_enum, default_value_t)]
    fail_on: FailOn,
    #[command(flatten)]
    solver: SolverArgs,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: DiffFormat,
}

/// What makes the exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum FailOn {
    /// Something is permitted that was refused.
    #[default]
    Looser,
    /// Anything changes.
    Any,
    /// Nothing.
    Never,
}

/// How a comparison is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DiffFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON document.
    Json,
    /// For a comment on a merge request.
    Markdown,
}

/// Exit code 0, or 1 where the change is one that `--fail-on` names.
pub fn run(args: &DiffArgs) -> ExitCode {
    let inputs = InputArgs { config: args.config.clone(), policies: Some(args.new.clone()) };
    match inputs.read().and_then(|inputs| compared(args, &inputs)) {
        Ok(code) => code,
        Err(diagnostics) => {
            print(&diagnostics);
            ExitCode::from(EXIT_INVALID)
        }
    }
}

fn compared(args: &DiffArgs, inputs: &Inputs) -> Result<ExitCode, Vec<Diagnostic>> {
    print(&inputs.warnings);
    let names = inputs.names();
    let model = |directory: &Path| -> Result<Model<'_>, Vec<Diagnostic>> {
        let sources = policies::read(directory).map_err(|error| vec![*error])?;
        let placed = |error| policies::diagnostic(directory, error);
        Model::load(&sources, names.vocabulary()).map_err(|errors| errors.into_iter().map(placed).collect())
    };
    let (old, new) = (model(&args.old)?, model(&args.new)?);
    if inputs.apps.is_empty() {
        return Ok(fail(EXIT_FAILED, "the configuration names no app, so that there is nothing to compare"));
    }
    let (settings, no_solver) = match args.solver.settings() {
        Ok(settings) => (Some(settings), None),
        Err(error @ NoSolver::NotFound) => (None, Some(error)),
        Err(error) => return Ok(fail(EXIT_FAILED, error)),
    };
    let bar = progress_bar("comparing");
    let changes = diff(&old, &new, settings.as_ref(), &|done, of| advance(&bar, done, of));
    bar.finish_and_clear();
    let changes = match changes {
        Ok(changes) => changes,
        Err(error) => return Ok(fail(EXIT_FAILED, error)),
    };
    let report = report::Report::of(&old, &new, &changes, no_solver.map(|error| error.to_string()));
    let mut stdout = io::stdout().lock();
    let printed = match args.format {
        DiffFormat::Text => report.print(&mut stdout),
        DiffFormat::Json => super::solver::write_json(&mut stdout, &report),
        DiffFormat::Markdown => report.print_markdown(&mut stdout),
    };
    Ok(match printed.and_then(|()| stdout.flush()) {
        Err(error) => fail(EXIT_FAILED, error),
        Ok(()) if changes.iter().any(|change| args.fail_on.names(change.relation)) => ExitCode::from(EXIT_NO),
        Ok(()) => ExitCode::SUCCESS,
    })
}

impl FailOn {
    fn names(self, relation: Relation) -> bool {
        match self {
            Self::Looser => matches!(relation, Relation::Looser | Relation::Incomparable),
            Self::Any => relation != Relation::Same,
            Self::Never => false,
        }
    }
}
