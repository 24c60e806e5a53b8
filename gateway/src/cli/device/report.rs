//! `gaccong device report`: the smallest agent.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use clap::Args;
use http::Method;
use jiff::{Timestamp, Zoned};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::unwritable;
use crate::cli::remote::{Remote, RemoteArgs, RemoteError, plain, segment};
use crate::cli::{Format, duration};
use crate::device::{self, Finding, Machine};

/// The first wait after a report that was not taken; each further one is twice as long, up to the usual time.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Reports the facts of this machine.
#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    /// The device, where it is another than the one that the certificate names.
    #[arg(long, value_name = "ID", default_value = "self")]
    device: String,
    /// Only print what would be reported, and why the rest is not known.
    #[arg(long)]
    print: bool,
    /// Report again and again, such as `1h`, until stopped.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    every: Option<Duration>,
    /// The name of a process of endpoint detection and response, one of which must run for `edr_running` to be true.
    #[arg(long = "edr-process", value_name = "NAME")]
    edr_processes: Vec<String>,
    /// How to print the facts.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(args: &ReportArgs) -> Result<(), RemoteError> {
    if args.print {
        return print(&observe(args), args.format).map_err(unwritable);
    }
    let remote = Remote::new(&args.remote)?;
    let Some(every) = args.every else {
        let findings = observe(args);
        report(&remote, &args.device, &findings).await?;
        return print(&findings, args.format).map_err(unwritable);
    };
    let mut wait = RETRY_AFTER;
    loop {
        let reported = report(&remote, &args.device, &observe(args)).await;
        let pause = match &reported {
            Ok(()) => {
                wait = RETRY_AFTER;
                every
            }
            Err(error) => {
                let asked = if let RemoteError::Refused(problem) = error { problem.retry_after } else { None };
                let pause = asked.unwrap_or(wait).min(every);
                wait = wait.saturating_mul(2);
                pause
            }
        };
        // Nobody reads on when standard error is closed; the reports matter more.
        let _ = match reported {
            Ok(()) => writeln!(io::stderr().lock(), "reported; again in {} s", pause.as_secs()),
            Err(error) => writeln!(io::stderr().lock(), "not reported: {error}; again in {} s", pause.as_secs()),
        };
        sleep(pause).await;
    }
}

fn observe(args: &ReportArgs) -> Vec<Finding> {
    let (root, now) = (Path::new("/"), Zoned::now());
    Machine { root, run: &device::run, now, edr_processes: &args.edr_processes }.observe()
}

async fn report(remote: &Remote, device: &str, findings: &[Finding]) -> Result<(), RemoteError> {
    let body = json!({"observed_at": Timestamp::now().to_string(), "facts": facts(findings)});
    let path = format!("/v1/devices/{}/posture", segment(device));
    remote.call::<IgnoredAny>(Method::PUT, &path, Some(&body)).await.map(drop)
}

fn facts(findings: &[Finding]) -> Map<String, Value> {
    let known = |finding: &Finding| Some((finding.name.as_str().to_owned(), json!(finding.value.as_ref().ok()?)));
    findings.iter().filter_map(known).collect()
}

fn print(findings: &[Finding], format: Format) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match format {
        Format::Json => {
            let why =
                |finding: &Finding| Some((finding.name.as_str().to_owned(), json!(finding.value.as_ref().err()?)));
            let unknown: Map<_, _> = findings.iter().filter_map(why).collect();
            writeln!(out, "{:#}", json!({"facts": facts(findings), "unknown": unknown}))?;
        }
        Format::Text => {
            for finding in findings {
                match &finding.value {
                    Ok(value) => writeln!(out, "{:<15} {}", finding.name.as_str(), plain(&json!(value)))?,
                    Err(why) => writeln!(out, "{:<15} not known: {why}", finding.name.as_str())?,
                }
            }
        }
    }
    out.flush()
}
