//! `gaccong policy explain`: how policy answers a question, why, and what would have to change.

mod question;
mod render;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use gaccong_policy::{Explanation, QuestionBuf, Remedy};
use serde::Serialize;

use super::inputs::{InputArgs, Inputs};
use crate::cli::run::print;
use crate::cli::{EXIT_FAILED, EXIT_INVALID, EXIT_NO, EXIT_USAGE, Format, fail};
use crate::config::Mode;

/// Explains a decision.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    question: question::QuestionArgs,
    #[command(flatten)]
    inputs: InputArgs,
    /// Show all permits, not only the nearest.
    #[arg(long)]
    all: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    permitted: bool,
    /// Whether a refusal is enforced on this app, or only recorded.
    mode: Mode,
    #[serde(flatten)]
    explanation: Explanation,
    /// What the person who asks can do about a refusal.
    remedies: Vec<Remedy>,
}

/// Exit code 0 where the answer is a permit, 1 where it is a refusal, enforced or not.
pub fn run(args: &ExplainArgs) -> ExitCode {
    let loaded = args.inputs.read().and_then(|inputs| inputs.load().map(|policies| (inputs, policies)));
    let (inputs, policies) = match loaded {
        Ok(loaded) => loaded,
        Err(diagnostics) => {
            print(&diagnostics);
            return ExitCode::from(EXIT_INVALID);
        }
    };
    let text = match args.question.json(&inputs) {
        Ok(text) => text,
        Err(error) => return fail(error.exit_code(), error),
    };
    let question: QuestionBuf<'_> = match serde_json::from_str(&text) {
        Ok(question) => question,
        Err(error) => return fail(EXIT_USAGE, format!("this is no question: {error}")),
    };
    let explanation = policies.explain(&question.lend());
    let report = Report {
        permitted: explanation.refused.is_none(),
        mode: mode(&inputs, &question.app),
        remedies: explanation.mendable(),
        explanation,
    };
    match show(args, &report) {
        Err(error) => fail(EXIT_FAILED, error),
        Ok(()) if report.permitted => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(EXIT_NO),
    }
}

fn mode(inputs: &Inputs, app: &str) -> Mode {
    inputs.app(app).and_then(|app| app.mode).unwrap_or(inputs.mode)
}

fn show(args: &ExplainArgs, report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, report)?;
            writeln!(out)?;
        }
        Format::Text => render::text(report, args.all, &mut out)?,
    }
    out.flush()
}
