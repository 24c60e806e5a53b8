//! `gaccong policy test`: cases beside the policies, each a question with the answer that is expected.

mod case;
mod coverage;
mod judge;
mod junit;
mod known;
mod moment;
mod parts;
mod report;
mod request;
mod suite;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use gaccong_policy::{PolicyId, PolicySet};

pub(super) use suite::Suite;

use super::inputs::{InputArgs, Inputs};
use crate::cli::run::print;
use crate::cli::{EXIT_FAILED, EXIT_INVALID, EXIT_NO, Format, fail};
use crate::config::diagnostic::Diagnostic;
use report::Report;

/// Asks the policies the questions of every `*.cases.toml` below the policy directory.
#[derive(Debug, Args)]
pub struct TestArgs {
    #[command(flatten)]
    inputs: InputArgs,
    /// Fail where a policy or a condition was not exercised by any case.
    #[arg(long)]
    require_coverage: bool,
    /// Write the results as JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// How to print the results.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Exit code 0 where every answer is as expected, 1 where one is not, 78 where policies or cases are invalid.
pub fn run(args: &TestArgs) -> ExitCode {
    match load(&args.inputs) {
        Ok((set, suite)) => {
            let report = Report::of(&set, &suite, args.require_coverage);
            write(args, &report).unwrap_or_else(|error| fail(EXIT_FAILED, error))
        }
        Err(diagnostics) => {
            print(&diagnostics);
            ExitCode::from(EXIT_INVALID)
        }
    }
}

fn load(inputs: &InputArgs) -> Result<(PolicySet, Suite), Vec<Diagnostic>> {
    let inputs = inputs.read()?;
    let set = inputs.load()?;
    let suite = read_suite(&inputs, Some(&ids(&set)))?;
    if suite.len() == 0 {
        let none = Diagnostic::of_file(&inputs.directory, "no case is written below this folder");
        return Err(vec![none.expecting("a file such as `payroll.cases.toml`, see docs/POLICY.md")]);
    }
    Ok((set, suite))
}

/// The ids of all policies.
pub(super) fn ids(set: &PolicySet) -> Vec<PolicyId> {
    set.all_conditions().into_iter().map(|policy| policy.policy).collect()
}

/// Reads the cases of the policy directory. Where `policies` is `None`, ids of policies are not checked.
///
/// # Errors
/// Everything that is wrong with the cases, with its place.
pub(super) fn read_suite(inputs: &Inputs, policies: Option<&[PolicyId]>) -> Result<Suite, Vec<Diagnostic>> {
    let names = inputs.names();
    let known = known::Known { apps: &inputs.apps, vocabulary: names.vocabulary(), policies };
    suite::read(&inputs.directory, &known)
}

fn write(args: &TestArgs, report: &Report<'_>) -> io::Result<ExitCode> {
    if let Some(file) = &args.junit {
        fs::write(file, junit::document(report))?;
    }
    let mut out = io::stdout().lock();
    match args.format {
        Format::Text => report.print(&mut out)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, report)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NO) })
}
