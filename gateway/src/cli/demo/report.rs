//! What the demo prints: the tour to copy, or the table of a walk.

use std::fmt;
use std::io::{self, Write};

use super::folder::P12_PASSWORD;
use super::{Answer, Prepared, Step, StepResult};
use crate::cli::Format;

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { status, reason: Some(reason) } => write!(f, "{status} {reason}"),
            Self::Http { status, reason: None } => write!(f, "{status}"),
            Self::HandshakeRefused => f.write_str("TLS refused"),
            Self::Failed => f.write_str("no answer"),
        }
    }
}

/// Prints the tour: each `curl` line with what it will answer and why.
pub fn print_tour(out: &mut impl Write, prepared: &Prepared, steps: &[Step]) -> io::Result<()> {
    let dir = prepared.dir.display();
    writeln!(
        out,
        "Gác Cổng guards https://payroll.localhost:{0} and https://wiki.localhost:{0}",
        prepared.ports.gateway
    )?;
    writeln!(out, "Metrics and health are on http://{}/metrics", prepared.ports.management_address())?;
    writeln!(out, "Everything is in `{dir}`: change gaccong.toml, policies/ or posture.json and ask again.")?;
    for note in &prepared.notes {
        writeln!(out, "  {note}")?;
    }
    writeln!(out, "\nCopy these lines into another terminal, in this same folder:")?;
    for (number, step) in (1..).zip(steps) {
        writeln!(out, "\n{number:>2}. {} -> {}", step.title, step.expected)?;
        writeln!(out, "    {}", step.why)?;
        writeln!(out, "    {}", step.request.curl())?;
    }
    print_more(out, prepared)
}

fn print_more(out: &mut impl Write, prepared: &Prepared) -> io::Result<()> {
    let (dir, port) = (prepared.dir.display(), prepared.ports.gateway);
    writeln!(out, "\nTake alice's access away while step 4 is running, and see her stream end:")?;
    writeln!(out, "    gaccong pki revoke --dir {dir}/pki/laptops {dir}/certs/alice.pem")?;
    let control = prepared.ports.control;
    writeln!(out, "\nReport the facts of this machine as the kiosk's, and see what is known of it:")?;
    let ask = format!("--control https://localhost:{control} --ca {dir}/pki/servers/ca.pem");
    let (kiosk, soc) = ("certs/kiosk", "certs/soc");
    writeln!(out, "    gaccong device report {ask} --cert {dir}/{kiosk}.pem --key {dir}/{kiosk}.key")?;
    writeln!(out, "    gaccong device show kiosk-lobby {ask} --cert {dir}/{soc}.pem --key {dir}/{soc}.key")?;
    writeln!(out, "\nIn a browser: import {dir}/certs/alice.p12 (password `{P12_PASSWORD}`) as your certificate and")?;
    writeln!(out, "{dir}/pki/servers/ca.pem as an authority for web sites, then open https://wiki.localhost:{port}/")?;
    writeln!(out, "Remove both afterwards. Every request is recorded in {dir}/audit. Ctrl-C ends the demo.")
}

/// Prints what a walk found and says whether every promise was kept.
pub fn print_results(out: &mut impl Write, results: &[StepResult], format: Format) -> io::Result<bool> {
    let all_matched = results.iter().all(StepResult::matched);
    match format {
        Format::Json => {
            let document = serde_json::json!({ "all_matched": all_matched, "steps": results });
            writeln!(out, "{document:#}")?;
        }
        Format::Text => print_table(out, results)?,
    }
    Ok(all_matched)
}

fn print_table(out: &mut impl Write, results: &[StepResult]) -> io::Result<()> {
    let longest =
        |text: fn(&StepResult) -> String| results.iter().map(|row| text(row).chars().count()).max().unwrap_or(0);
    let request = longest(|row| row.title.to_owned()).max("request".len());
    let expected = longest(|row| row.expected.to_string()).max("expected".len());
    writeln!(out, "    {:request$}  {:expected$}  got", "request", "expected")?;
    for row in results {
        let mark = if row.matched() { "ok " } else { "BAD" };
        write!(out, "{mark} {:request$}  {:expected$}  {}", row.title, row.expected.to_string(), row.got)?;
        match &row.detail {
            Some(detail) => writeln!(out, " ({detail})")?,
            None => writeln!(out)?,
        }
    }
    let kept = results.iter().filter(|row| row.matched()).count();
    writeln!(out, "{kept} of {} as expected", results.len())
}
