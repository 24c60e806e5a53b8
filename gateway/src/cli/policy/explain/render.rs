//! An explanation as text.

use std::io::{self, Write};

use gaccong_policy::{Cause, Change, Considered, Determining};

use super::Report;
use crate::config::Mode;
use crate::pages::Language;
use crate::request::refuse::remedy_text;
use crate::text::printable;

/// The longest line, in bytes: a condition may be as long as a policy.
const LINE_BYTES: usize = 4 * 1024;
/// How many of the nearest permits are shown.
const NEAREST: usize = 3;

/// Prints for people.
pub(super) fn text(report: &Report, all: bool, out: &mut impl Write) -> io::Result<()> {
    let mut out = Lines { out };
    let explanation = &report.explanation;
    let (answer, what) = match explanation.refused {
        None => ("permitted", "permit"),
        Some(Cause::NoPermit) => ("refused: no permit is satisfied", "permit"),
        Some(Cause::Forbid) => ("refused: forbidden", "forbid"),
        Some(Cause::Error) => ("refused: it cannot be decided", "policy"),
    };
    out.line(0, answer)?;
    for Determining { policy, place } in &explanation.policies {
        out.line(1, &format!("by {what} `{policy}` ({place})"))?;
    }
    for error in &explanation.errors {
        out.line(1, error)?;
    }
    if !report.permitted && report.mode == Mode::Observe {
        out.line(1, "the app is only observed: the request is let through, and recorded as one that would be refused")?;
    }
    if let Some(step_up) = &explanation.step_up {
        out.line(1, &format!("the person is asked to log in {step_up}, which would make it a permit"))?;
    }
    for forbid in &explanation.forbids {
        out.forbid(forbid)?;
    }
    out.permits(&explanation.permits, if all { usize::MAX } else { NEAREST })?;
    if !report.remedies.is_empty() {
        out.line(0, "\nthe person can mend this:")?;
        for remedy in &report.remedies {
            out.line(1, &format!("- {}", remedy_text(*remedy, Language::English)))?;
        }
    }
    Ok(())
}

struct Lines<'a, W> {
    out: &'a mut W,
}

impl<W: Write> Lines<'_, W> {
    /// A line, in one line whatever stands in it.
    fn line(&mut self, depth: usize, text: &str) -> io::Result<()> {
        let blank = if text.starts_with('\n') { "\n" } else { "" };
        let words: Vec<_> = text.split_whitespace().collect();
        writeln!(self.out, "{blank}{:1$}{2}", "", depth * 2, printable(&words.join(" "), LINE_BYTES))
    }

    fn forbid(&mut self, forbid: &Considered) -> io::Result<()> {
        let name = format!("forbid `{}` ({})", forbid.policy, forbid.place);
        if forbid.steps.is_none() {
            return self.line(0, &format!("\n{name} holds for this principal, action and app, whatever else changes"));
        }
        self.line(0, &format!("\n{name} holds; to lift it, one of these conditions must no longer be met:"))?;
        for condition in &forbid.conditions {
            if let Some(change) = &condition.change {
                self.line(1, &condition.text)?;
                self.change(2, change)?;
            }
        }
        Ok(())
    }

    fn permits(&mut self, permits: &[Considered], shown: usize) -> io::Result<()> {
        let (met, lacking): (Vec<_>, Vec<_>) = permits.iter().partition(|permit| permit.applies());
        for permit in &met {
            self.line(0, &format!("\npermit `{}` ({}) would permit otherwise", permit.policy, permit.place))?;
        }
        if !met.is_empty() || lacking.is_empty() {
            return Ok(());
        }
        self.line(0, "\nnearest permits, all conditions of one of which must be met:")?;
        for permit in lacking.iter().take(shown) {
            self.permit(permit)?;
        }
        match lacking.len().saturating_sub(shown) {
            0 => Ok(()),
            more => self.line(1, &format!("and {more} more, which `--all` shows")),
        }
    }

    fn permit(&mut self, permit: &Considered) -> io::Result<()> {
        let facts = match permit.steps {
            Some(1) => "1 fact".to_owned(),
            steps => format!("{} facts", steps.unwrap_or_default()),
        };
        self.line(1, &format!("permit `{}` ({}): {facts} away", permit.policy, permit.place))?;
        for condition in &permit.conditions {
            let met = match condition.met {
                Some(true) => "met",
                Some(false) => "not met",
                None => "not known",
            };
            self.line(2, &format!("{met}: {}", condition.text))?;
            if let Some(change) = &condition.change {
                self.change(3, change)?;
            }
        }
        Ok(())
    }

    fn change(&mut self, depth: usize, change: &Change) -> io::Result<()> {
        match change {
            Change::Fact(fact) => self.line(depth, &format!("- {fact}")),
            Change::All(parts) => parts.iter().try_for_each(|part| self.change(depth, part)),
            Change::Any(parts) => {
                self.line(depth, "- one of:")?;
                parts.iter().try_for_each(|part| self.change(depth + 1, part))
            }
        }
    }
}
