//! `gaccong policy lint`: policies that are valid, and probably do not mean what they say.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::inputs::InputArgs;
use crate::cli::run::print;
use crate::cli::{EXIT_FAILED, EXIT_INVALID, EXIT_NO, Format, fail};
use crate::config::diagnostic::Diagnostic;
use crate::process::policies;

/// The codes of findings.
const CODES: [&str; 6] = ["vacuous", "duplicate", "unreachable", "shadowed", "no-posture", "idle-step-up"];

/// Looks for policies that can never apply, that say what others already say, or that are laxer than they should be.
#[derive(Debug, Args)]
pub struct LintArgs {
    #[command(flatten)]
    inputs: InputArgs,
    /// Findings of this code are accepted. May be given again.
    #[arg(long, value_name = "CODE", value_parser = CODES)]
    allow: Vec<String>,
    /// How to print the findings.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Something doubtful.
#[derive(Debug, Serialize)]
struct Finding {
    code: &'static str,
    #[serde(flatten)]
    diagnostic: Diagnostic,
}

/// Exit code 0 where nothing is found, 1 where something is, 78 where the policies are invalid.
pub fn run(args: &LintArgs) -> ExitCode {
    match find(args) {
        Ok(findings) => report(args.format, &findings).unwrap_or_else(|error| fail(EXIT_FAILED, error)),
        Err(diagnostics) => {
            print(&diagnostics);
            ExitCode::from(EXIT_INVALID)
        }
    }
}

fn find(args: &LintArgs) -> Result<Vec<Finding>, Vec<Diagnostic>> {
    let inputs = args.inputs.read()?;
    print(&inputs.warnings);
    let sources = policies::read(&inputs.directory).map_err(|error| vec![*error])?;
    let at_its_file = |found| policies::diagnostic(&inputs.directory, found);
    let found = gaccong_policy::lint(&sources, &inputs.names().vocabulary());
    let found = found.map_err(|errors| errors.into_iter().map(at_its_file).collect::<Vec<_>>())?;
    let finding = |found: gaccong_policy::Diagnostic| Finding {
        code: found.code.unwrap_or("doubtful"),
        diagnostic: at_its_file(found).as_warning(),
    };
    let is_accepted = |finding: &Finding| args.allow.iter().any(|code| code == finding.code);
    Ok(found.into_iter().map(finding).filter(|finding| !is_accepted(finding)).collect())
}

fn report(format: Format, findings: &[Finding]) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &serde_json::json!({ "findings": findings }))?;
            writeln!(out)?;
        }
        Format::Text => {
            findings.iter().try_for_each(|Finding { code, diagnostic }| writeln!(out, "{diagnostic} [{code}]"))?;
            writeln!(out, "{} findings", findings.len())?;
        }
    }
    out.flush()?;
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NO) })
}
