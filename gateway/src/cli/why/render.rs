//! An account as text.

use std::io::{self, Write};

use super::account::{Account, Kind, Outcome, Personal};
use super::words::{self, Labels};
use crate::pages::Language;
use crate::text::printable;

/// The longest value that is shown, in bytes: as long as a path may be.
const VALUE_BYTES: usize = 8 * 1024;
/// The width of the first column, in characters.
const WIDTH: usize = 26;

/// Prints for people.
pub(super) fn text(account: &Account, language: Language, out: &mut impl Write) -> io::Result<()> {
    let labels = words::labels(language);
    let kind = match account.kind {
        Kind::Request => labels.request,
        Kind::ConnectionAttempt => labels.attempt,
    };
    writeln!(out, "{kind} {}", account.request_id)?;
    for (label, value) in lines(account, labels, language) {
        // Formatting pads by characters, which is right for both languages in their composed form.
        writeln!(out, "  {label:WIDTH$} {}", printable(&value, VALUE_BYTES))?;
    }
    if account.policies_unchanged == Some(false) {
        writeln!(out, "{}", labels.changed_since)?;
    }
    if account.personal.is_none() {
        writeln!(out, "{}", labels.hidden)?;
    }
    Ok(())
}

fn lines(account: &Account, labels: &Labels, language: Language) -> Vec<(&'static str, String)> {
    let mut lines = vec![(labels.when, account.time.clone())];
    if account.count > 1 {
        lines.push((labels.attempts, account.count.to_string()));
    }
    match (&account.app, &account.host) {
        (Some(app), Some(host)) => lines.push((labels.app, format!("{app} ({host})"))),
        (Some(name), None) | (None, Some(name)) => lines.push((labels.app, name.clone())),
        (None, None) => {}
    }
    lines.push((labels.result, labels.result_of(account.result).to_owned()));
    refusal(account, labels, &mut lines);
    lines.extend(account.device.iter().map(|fact| (labels.device, format!("{}: {}", fact.name, fact.value))));
    if account.result != Outcome::Refused {
        end(account, labels, language, &mut lines);
    }
    if let Some(personal) = &account.personal {
        self::personal(personal, labels, &mut lines);
    }
    lines
}

/// Why it was refused, what to do, whom to ask, and by which policies.
fn refusal(account: &Account, labels: &Labels, lines: &mut Vec<(&'static str, String)>) {
    if let Some(said) = &account.refusal {
        lines.push((labels.why, format!("{}. {}", said.title, said.why)));
        lines.extend(said.what_to_do.iter().map(|advice| (labels.what_to_do, advice.clone())));
        // Who owns an app answers for who may use it, not for certificates and devices.
        lines.push(match account.owner.as_ref().filter(|_| said.reason.starts_with("policy.")) {
            Some(owner) => (labels.whom_to_ask, format!("{owner} ({})", labels.owner)),
            None => (labels.whom_to_ask, labels.helpdesk.to_owned()),
        });
        lines.push((labels.reason, said.reason.clone()));
        if said.reason == "policy.no_permit" {
            lines.push((labels.decided_by, labels.no_policy.to_owned()));
        }
    }
    if !account.policies.is_empty() {
        lines.push((labels.decided_by, account.policies.join(", ")));
    }
    for policy in &account.conditions {
        let conditions = policy.conditions.iter().map(|text| format!("{}: {text}", policy.policy));
        lines.extend(conditions.map(|condition| (labels.decisive, condition)));
    }
}

fn end(account: &Account, labels: &Labels, language: Language, lines: &mut Vec<(&'static str, String)>) {
    let end = &account.end;
    let mut ended = words::outcome(&end.outcome, language).to_owned();
    if let Some(because) = &end.because {
        ended = format!("{ended}. {}. {} ({})", because.title, because.why, because.reason);
    }
    if let Some(duration_ms) = end.duration_ms.filter(|_| end.outcome != "running") {
        ended = format!("{ended} ({duration_ms} ms)");
    }
    lines.push((labels.end, ended));
    lines.extend(end.status.map(|status| (labels.status, status.to_string())));
}

fn personal(personal: &Personal, labels: &Labels, lines: &mut Vec<(&'static str, String)>) {
    let asked_for = personal.method.as_ref().zip(personal.path.as_ref());
    let values = [
        (labels.person, personal.principal.clone()),
        (labels.device_id, personal.device.clone()),
        (labels.device_owner, personal.device_owner.clone()),
        (labels.source, Some(personal.source.clone())),
        (labels.asked_for, asked_for.map(|(method, path)| format!("{method} {path}"))),
    ];
    lines.extend(values.into_iter().filter_map(|(label, value)| Some((label, value?))));
    lines.extend(personal.details.iter().map(|detail| (labels.details, detail.clone())));
}
