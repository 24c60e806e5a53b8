//! A report as text for a terminal, and as Markdown for a comment on a merge request.

use std::io::{self, Write};

use super::report::{Examples, Names, NotCompared, Numbers, Report};
use crate::text::printable;

/// The longest name that is shown, in bytes.
const NAME_BYTES: usize = 160;

/// Prints for people.
pub(super) fn text(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let digest = report.digest.get(..12).unwrap_or(&report.digest);
    writeln!(out, "{} policies of `{}` (digest {digest}…)", report.policies, report.policy)?;
    writeln!(out, "{} recorded decisions asked again:", report.compared)?;
    for (count, what) in unchanged(report) {
        writeln!(out, "  {count:>10}  {what}")?;
    }
    for (change, what) in changed(report) {
        writeln!(out, "  {:>10}  {what}", change.count)?;
        for id in &change.examples {
            writeln!(out, "              such as {id}")?;
        }
    }
    for (title, names) in sections(report) {
        writeln!(out, "\n{title}")?;
        writeln!(out, "  {HEADINGS}  latest request")?;
        for name in &names.top {
            let shown = printable(&name.name, NAME_BYTES);
            writeln!(out, "  {}  {:36}  {shown}", columns(name.numbers), name.example)?;
        }
        if names.others != Numbers::default() {
            writeln!(out, "  {}  {:36}  and {}", columns(names.others), "", others(names))?;
        }
    }
    let lines = not_compared(&report.skipped, report.out_of_period);
    if !lines.is_empty() {
        writeln!(out, "\nnot compared")?;
    }
    for (count, what) in lines {
        writeln!(out, "  {count:>10}  {what}")?;
    }
    Ok(())
}

const HEADINGS: &str = "   refused  permitted   observed    cleared";

fn columns(numbers: Numbers) -> String {
    let Numbers { refused, permitted, observed, cleared } = numbers;
    format!("{refused:>10} {permitted:>10} {observed:>10} {cleared:>10}")
}

/// Prints for a comment.
pub(super) fn markdown(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let (refused, permitted) = (report.changes.refused.count, report.changes.permitted.count);
    writeln!(out, "### Replay: {refused} would be refused, {permitted} would be let through\n")?;
    let policy = cell(&report.policy);
    writeln!(
        out,
        "{} recorded decisions, asked again of {} policies of {policy}.\n",
        report.compared, report.policies
    )?;
    writeln!(out, "| decisions | | such as |\n|--:|---|---|")?;
    for (count, what) in unchanged(report) {
        writeln!(out, "| {count} | {what} | |")?;
    }
    for (change, what) in changed(report) {
        let examples: Vec<String> = change.examples.iter().map(|id| cell(id)).collect();
        writeln!(out, "| {} | {what} | {} |", change.count, examples.join(", "))?;
    }
    for (title, names) in sections(report) {
        writeln!(out, "\n| {title} | refused | permitted | observed | cleared | latest request |")?;
        writeln!(out, "|---|--:|--:|--:|--:|---|")?;
        let row = |Numbers { refused, permitted, observed, cleared }: Numbers| {
            format!("{refused} | {permitted} | {observed} | {cleared}")
        };
        for name in &names.top {
            writeln!(out, "| {} | {} | {} |", cell(&name.name), row(name.numbers), cell(&name.example))?;
        }
        if names.others != Numbers::default() {
            writeln!(out, "| {} | {} | |", others(names), row(names.others))?;
        }
    }
    let lines = not_compared(&report.skipped, report.out_of_period);
    if !lines.is_empty() {
        writeln!(out, "\nNot compared:\n")?;
    }
    for (count, what) in lines {
        writeln!(out, "- {count} {what}")?;
    }
    Ok(())
}

/// Text as code in the cell of a table: nothing in it is markup.
fn cell(text: &str) -> String {
    let shown: String = printable(text, NAME_BYTES).chars().filter(|c| *c != '`').collect();
    format!("`{}`", shown.replace('|', "\\|"))
}

fn unchanged(report: &Report) -> Vec<(u64, &'static str)> {
    let same = &report.same;
    let mut lines = vec![(same.permit, "are let through, as they were"), (same.refuse, "are refused, as they were")];
    if same.observe > 0 {
        lines.push((same.observe, "are let through although enforcement would refuse, as they were"));
    }
    lines
}

fn changed(report: &Report) -> Vec<(&Examples, &'static str)> {
    let changes = &report.changes;
    let mut lines = vec![
        (&changes.refused, "were let through and WOULD BE REFUSED"),
        (&changes.permitted, "were refused and WOULD BE LET THROUGH"),
    ];
    let rarer = [
        (
            &changes.observed,
            "would still be let through, but only because they are observed: enforcement would refuse them",
        ),
        (&changes.cleared, "were let through only because they were observed; enforcement would no longer refuse them"),
    ];
    lines.extend(rarer.into_iter().filter(|(change, _)| change.count > 0));
    lines
}

fn sections(report: &Report) -> impl Iterator<Item = (&'static str, &Names)> {
    let all = [("by person", &report.persons), ("by app", &report.apps), ("by reason", &report.reasons)];
    all.into_iter().filter(|(_, names)| names.count > 0)
}

fn others(names: &Names) -> String {
    match names.count.saturating_sub(names.top.len()) {
        0 => "others, too many to tell apart".to_owned(),
        hidden => format!("{hidden} others"),
    }
}

fn not_compared(skipped: &NotCompared, out_of_period: u64) -> Vec<(u64, String)> {
    let list = |names: &[String]| if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let apps: Vec<String> = skipped.apps_gone.iter().map(|app| format!("`{}`", printable(app, NAME_BYTES))).collect();
    let versions: Vec<String> = skipped.versions.iter().map(u64::to_string).collect();
    let example = skipped.first_malformed.as_ref().map(|example| printable(example, 4 * NAME_BYTES));
    let lines = [
        (out_of_period, "of another time".to_owned()),
        (skipped.refused_before_policy, "not decided by policy: refused before it was asked".to_owned()),
        (skipped.break_glass, "decided by the policies for emergencies".to_owned()),
        (skipped.connection_attempts, "of refused connection attempts: policy was not asked".to_owned()),
        (skipped.about_the_gateway, "about the gateway itself, such as a load of policies".to_owned()),
        (skipped.openings, "that open a request: its final record counts".to_owned()),
        (skipped.question_cut, "whose question was too long to be recorded whole".to_owned()),
        (skipped.app_gone, format!("of apps that the configuration does not have{}", list(&apps))),
        (skipped.other_version, format!("of another version of records than this program reads{}", list(&versions))),
        (skipped.malformed, format!("lines that are no records{}", list(example.as_slice()))),
        (skipped.torn_segments as u64, "segments end in a line that is being written or was torn".to_owned()),
    ];
    lines.into_iter().filter(|(count, _)| *count > 0).collect()
}
