//! `gaccong policy replay`: asks other policies what the recorded decisions were asked, and shows which would flip.
//!
//! The question of a record is complete, its time included, so that rules bound to time are judged as of then. What
//! policy knows of apps, and whether denials are enforced, is taken from the present configuration.

mod judge;
mod pipeline;
mod render;
mod report;
mod tally;

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::{SpanRelativeTo, Timestamp};

use super::inputs::InputArgs;
use crate::audit::read;
use crate::cli::run::print;
use crate::cli::{EXIT_FAILED, EXIT_INVALID, EXIT_USAGE, fail};
use judge::Judge;
use report::Report;

/// Replays recorded decisions.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The directory of the audit log. Default: the one that the configuration names.
    #[arg(long, value_name = "DIR")]
    records: Option<PathBuf>,
    /// The policies to be asked.
    #[arg(long, value_name = "DIR", visible_alias = "policies")]
    policy: PathBuf,
    /// The configuration, which knows the apps. Default: `gaccong.toml`, where the current directory has one.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only requests since then: a time (`2026-01-31T08:00:00Z`), or how long ago (`24h`, `7d`).
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<Timestamp>,
    /// Only requests before then.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Timestamp>,
    /// How many persons, apps and reasons are shown.
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people, on a terminal.
    #[default]
    Text,
    /// For programs: one JSON document.
    Json,
    /// For a comment on a merge request.
    Markdown,
}

/// A point in time: written out, or as the time since then.
fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let ago =
        text.parse::<jiff::Span>().ok().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let time = ago.filter(|ago| !ago.is_negative()).and_then(|ago| Timestamp::now().checked_sub(ago).ok());
    time.ok_or_else(|| "expected a time such as `2026-01-31T08:00:00Z`, or a duration such as `24h` or `7d`".to_owned())
}

/// Replays. Exit code 0 whatever flips: it is for the reader to judge.
pub fn run(args: &ReplayArgs) -> ExitCode {
    let input = InputArgs { config: args.config.clone(), policies: Some(args.policy.clone()) };
    let (inputs, policies) = match input.read().and_then(|inputs| inputs.load().map(|policies| (inputs, policies))) {
        Ok(loaded) => loaded,
        Err(diagnostics) => {
            print(&diagnostics);
            return ExitCode::from(EXIT_INVALID);
        }
    };
    if inputs.apps.is_empty() {
        return fail(
            EXIT_USAGE,
            "no app is known, so that nothing can be asked: give the configuration (`--config FILE`)",
        );
    }
    let Some(records) = args.records.as_ref().or(inputs.records.as_ref()) else {
        return fail(EXIT_USAGE, "the configuration names no directory of records: give one (`--records DIR`)");
    };
    let period = args.since.unwrap_or(Timestamp::MIN)..args.until.unwrap_or(Timestamp::MAX);
    let since_ms = period.start.as_millisecond();
    let judge = Judge::new(&policies, &inputs.apps, inputs.mode, since_ms..period.end.as_millisecond());
    let tally = match read::segments_since(records, since_ms) {
        Ok((segments, _)) => pipeline::replay(segments, &judge),
        Err(error) => return fail(EXIT_FAILED, format!("cannot read the records in `{}`: {error}", records.display())),
    };
    match tally {
        Ok(tally) => show(&Report::new(tally, &policies, args), args.format),
        Err(error) => fail(EXIT_FAILED, error),
    }
}

fn show(report: &Report, format: Format) -> ExitCode {
    let mut out = io::stdout().lock();
    let printed = match format {
        Format::Json => serde_json::to_writer_pretty(&mut out, report).map_err(io::Error::from),
        Format::Text => render::text(report, &mut out),
        Format::Markdown => render::markdown(report, &mut out),
    };
    match printed.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(EXIT_FAILED, error),
    }
}
