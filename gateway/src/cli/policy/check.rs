//! `gaccong policy check`: everything that is wrong with policies, schema extensions and cases, at once.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::inputs::{InputArgs, Inputs};
use super::test::{ids, read_suite};
use crate::cli::{EXIT_FAILED, EXIT_INVALID, Format, fail};
use crate::config::diagnostic::Diagnostic;
use crate::process::policies;

/// Checks policies, schema extensions and cases. Certificates, keys and facts are not needed.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    inputs: InputArgs,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    valid: bool,
    diagnostics: Vec<Diagnostic>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
}

/// How much of everything there is, where all of it is valid.
#[derive(Debug, Serialize)]
struct Counts {
    policies: usize,
    apps: usize,
    cases: usize,
    /// How many policies Cedar itself has to evaluate, since the compiler does not know what they are made of.
    interpreted: usize,
    digest: String,
}

/// Exit code 0 where nothing is wrong, 78 where something is; warnings do not count.
pub fn run(args: &CheckArgs) -> ExitCode {
    let (report, directory) = match args.inputs.read() {
        Ok(inputs) => (check(&inputs), inputs.directory),
        Err(diagnostics) => (Report { valid: false, diagnostics, counts: None }, "policies".into()),
    };
    let mut out = io::stdout().lock();
    let printed = match args.format {
        Format::Json => serde_json::to_writer_pretty(&mut out, &report).map_err(io::Error::from),
        Format::Text => print(&report, &directory, &mut out),
    };
    match printed.and_then(|()| out.flush()) {
        Err(error) => fail(EXIT_FAILED, error),
        Ok(()) if report.valid => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(EXIT_INVALID),
    }
}

/// Cases are checked too where the policies are invalid, but not for the policies that they name.
fn check(inputs: &Inputs) -> Report {
    let mut diagnostics = inputs.warnings.clone();
    let loaded = policies::load(&inputs.directory, &inputs.names());
    let ids = loaded.as_ref().ok().map(|(set, _)| ids(set));
    let suite = read_suite(inputs, ids.as_deref());
    match (loaded, suite) {
        (Ok((set, warnings)), Ok(suite)) => {
            diagnostics.extend(warnings);
            let digest = set.digest().to_string();
            let (policies, interpreted) = (set.len(), set.interpreted());
            let counts = Counts { policies, apps: inputs.apps.len(), cases: suite.len(), interpreted, digest };
            Report { valid: true, diagnostics, counts: Some(counts) }
        }
        (loaded, suite) => {
            diagnostics.extend(loaded.map_or_else(|errors| errors, |(_, warnings)| warnings));
            diagnostics.extend(suite.err().unwrap_or_default());
            Report { valid: false, diagnostics, counts: None }
        }
    }
}

fn print(report: &Report, directory: &Path, out: &mut impl Write) -> io::Result<()> {
    for diagnostic in &report.diagnostics {
        writeln!(out, "{diagnostic}")?;
    }
    match &report.counts {
        Some(Counts { policies, apps, cases, interpreted, .. }) => {
            let directory = directory.display();
            write!(out, "{directory}: ok ({policies} policies, {apps} apps, {cases} cases")?;
            if *interpreted > 0 {
                write!(out, "; {interpreted} policies are not compiled")?;
            }
            writeln!(out, ")")
        }
        None => {
            let errors = report.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
            writeln!(out, "{}: {errors} errors", directory.display())
        }
    }
}
