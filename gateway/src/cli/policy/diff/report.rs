//! What a change of policies changes, for people, for programs, and for a comment on a merge request.

use std::io::{self, Write};

use gaccong_policy_prove::{Basis, Change, Model, Relation, Witness};
use serde::Serialize;

use crate::cli::policy::solver::Answer;

/// Everything that was compared.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    same: usize,
    stricter: usize,
    looser: usize,
    incomparable: usize,
    /// Why there is no proof of anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_solver: Option<String>,
    changes: Vec<Finding<'a>>,
}

/// What was found of one action of one app.
#[derive(Debug, Serialize)]
struct Finding<'a> {
    app: &'a str,
    action: &'a str,
    relation: Relation,
    basis: Basis,
    #[serde(skip_serializing_if = "Option::is_none")]
    loosened: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tightened: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undecided: Option<&'a str>,
}

/// A request to which the answer changes.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    question: &'a Witness,
    before: Answer,
    after: Answer,
}

impl<'a> Report<'a> {
    pub(super) fn of(old: &Model<'_>, new: &Model<'_>, changes: &'a [Change], no_solver: Option<String>) -> Self {
        let shown = |question: &'a Option<Witness>| {
            question.as_ref().map(|question| Shown {
                question,
                before: Answer::of(old.set(), question),
                after: Answer::of(new.set(), question),
            })
        };
        let finding = |change: &'a Change| Finding {
            app: &change.app,
            action: &change.action,
            relation: change.relation,
            basis: change.basis,
            loosened: shown(&change.loosened),
            tightened: shown(&change.tightened),
            undecided: change.undecided.as_deref(),
        };
        let count = |relation| changes.iter().filter(|change| change.relation == relation).count();
        Self {
            same: count(Relation::Same),
            stricter: count(Relation::Stricter),
            looser: count(Relation::Looser),
            incomparable: count(Relation::Incomparable),
            no_solver,
            changes: changes.iter().map(finding).collect(),
        }
    }

    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        for finding in self.changed() {
            writeln!(
                out,
                "{:<13} {} of {}, {}",
                words(finding.relation),
                finding.action,
                finding.app,
                finding.basis()
            )?;
            for (title, shown) in finding.shown() {
                let answers = shown.answers(|id| format!("`{id}`"));
                writeln!(out, "  {title}: {answers}")?;
                let question = serde_json::to_string_pretty(shown.question)?;
                question.lines().try_for_each(|line| writeln!(out, "    {line}"))?;
            }
        }
        for note in self.notes() {
            writeln!(out, "note: {note}")?;
        }
        writeln!(out, "{}", self.summary())
    }

    pub(super) fn print_markdown(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "### Policies: {}\n\n{}", words(self.relation()), self.summary())?;
        for note in self.notes() {
            writeln!(out, "\n> **Note:** {}", plain(&note))?;
        }
        if self.changed().next().is_some() {
            writeln!(out, "\n| app | action | change | basis |\n|---|---|---|---|")?;
        }
        for finding in self.changed() {
            let (app, action) = (code(finding.app), code(finding.action));
            writeln!(out, "| {app} | {action} | **{}** | {} |", words(finding.relation), finding.basis())?;
        }
        for finding in self.changed() {
            for (title, shown) in finding.shown() {
                let (app, action) = (code(finding.app), code(finding.action));
                writeln!(out, "\n<details><summary>{action} of {app}: {title}</summary>\n\n{}", shown.answers(code))?;
                writeln!(out, "\n```json\n{}\n```\n\n</details>", serde_json::to_string_pretty(shown.question)?)?;
            }
        }
        Ok(())
    }

    fn changed(&self) -> impl Iterator<Item = &Finding<'a>> {
        self.changes.iter().filter(|finding| finding.relation != Relation::Same)
    }

    /// The relation of the whole: the worst there is.
    fn relation(&self) -> Relation {
        match (self.looser, self.stricter, self.incomparable) {
            (0, 0, 0) => Relation::Same,
            (0, _, 0) => Relation::Stricter,
            (_, 0, 0) => Relation::Looser,
            _ => Relation::Incomparable,
        }
    }

    fn summary(&self) -> String {
        let Self { same, stricter, looser, incomparable, .. } = self;
        format!("{looser} looser, {incomparable} incomparable, {stricter} stricter, {same} the same (actions of apps)")
    }

    /// What the reader must know of what this rests on.
    fn notes(&self) -> Vec<String> {
        let sampled = self.changes.iter().filter(|finding| finding.basis == Basis::Samples);
        let reason = |finding: &Finding<'_>| finding.undecided.map(str::to_owned).or_else(|| self.no_solver.clone());
        let mut reasons: Vec<String> = sampled.filter_map(reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        let note = |reason| format!("sampled requests were compared, which proves nothing of others: {reason}");
        reasons.into_iter().map(note).collect()
    }
}

impl<'a> Finding<'a> {
    fn basis(&self) -> &'static str {
        match self.basis {
            Basis::Text | Basis::Proof => "proven",
            Basis::Samples => "by samples, not proven",
        }
    }

    fn shown(&self) -> impl Iterator<Item = (&'static str, &Shown<'a>)> {
        let loosened = self.loosened.iter().map(|shown| ("permitted now, refused before", shown));
        loosened.chain(self.tightened.iter().map(|shown| ("refused now, permitted before", shown)))
    }
}

impl Shown<'_> {
    fn answers(&self, quote: fn(&str) -> String) -> String {
        format!("before {}; now {}", self.before.in_words(quote), self.after.in_words(quote))
    }
}

fn words(relation: Relation) -> &'static str {
    match relation {
        Relation::Same => "the same",
        Relation::Stricter => "stricter",
        Relation::Looser => "looser",
        Relation::Incomparable => "incomparable",
    }
}

/// Text in a code span of Markdown, also inside a table.
fn code(text: &str) -> String {
    format!("`{}`", plain(&text.replace('`', "'")))
}

/// Text on one line that Markdown does not take for markup of a table or of HTML.
fn plain(text: &str) -> String {
    text.replace(['\n', '\r'], " ").replace('|', "\\|").replace('<', "&lt;")
}
