//! `gaccong check`: everything that is wrong with a configuration, its certificates, facts and policies, at once.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::{EXIT_FAILED, EXIT_INVALID, Format, fail};
use crate::config::diagnostic::Diagnostic;
use crate::process::load::{self, Loaded};

/// Checks a configuration and everything it names.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    valid: bool,
    diagnostics: Vec<Diagnostic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apps: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<usize>,
}

/// Prints what is wrong. Exit code 0 where nothing is, 78 where something is; warnings do not count.
pub fn check(args: &CheckArgs) -> ExitCode {
    let report = match load::load(&args.config, None) {
        Ok(Loaded { snapshot, warnings, .. }) => Report {
            valid: true,
            diagnostics: warnings,
            apps: Some(snapshot.config.apps.len()),
            policies: Some(snapshot.policies.len()),
        },
        Err(diagnostics) => Report { valid: false, diagnostics, apps: None, policies: None },
    };
    let mut stdout = io::stdout().lock();
    let printed = match args.format {
        Format::Json => serde_json::to_writer_pretty(&mut stdout, &report).map_err(io::Error::from),
        Format::Text => print(&report, &args.config, &mut stdout),
    };
    match printed.and_then(|()| stdout.flush()) {
        Err(error) => fail(EXIT_FAILED, error),
        Ok(()) if report.valid => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(EXIT_INVALID),
    }
}

fn print(report: &Report, file: &std::path::Path, out: &mut impl Write) -> io::Result<()> {
    for diagnostic in &report.diagnostics {
        writeln!(out, "{diagnostic}")?;
    }
    match (report.apps, report.policies) {
        (Some(apps), Some(policies)) => writeln!(out, "{}: ok ({apps} apps, {policies} policies)", file.display()),
        _ => {
            let errors = report.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
            writeln!(out, "{}: {errors} errors", file.display())
        }
    }
}
