//! What came of the properties, for people and for programs.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use gaccong_policy_prove::{Claim, Model, Proof, Property, Verdict, Witness};
use serde::Serialize;

use crate::cli::policy::solver::Answer;

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    properties: Vec<Finding<'a>>,
    proven: usize,
    refuted: usize,
    undecided: usize,
}

/// What was found of one property.
#[derive(Debug, Serialize)]
struct Finding<'a> {
    id: &'a str,
    title: &'a str,
    /// Absent for a property that is shipped with the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    claim: Claim,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
enum Outcome<'a> {
    Proven { apps: usize, certificates: &'a BTreeSet<Arc<str>> },
    Refuted { question: &'a Witness, answer: Answer },
    Undecided { reason: &'a str },
}

impl<'a> Report<'a> {
    pub(super) fn of(model: &Model<'_>, properties: &'a [Property], verdicts: &'a [Verdict]) -> Self {
        let finding = |(property, verdict): (&'a Property, &'a Verdict)| Finding {
            id: &property.id,
            title: &property.title,
            place: property.place.as_ref().map(ToString::to_string),
            claim: property.claim,
            outcome: match verdict {
                Verdict::Proven(Proof { apps, certificates }) => Outcome::Proven { apps: *apps, certificates },
                Verdict::Refuted(question) => Outcome::Refuted { question, answer: Answer::of(model.set(), question) },
                Verdict::Undecided(reason) => Outcome::Undecided { reason },
            },
        };
        let properties: Vec<_> = properties.iter().zip(verdicts).map(finding).collect();
        let count = |wanted: fn(&Outcome<'_>) -> bool| properties.iter().filter(|it| wanted(&it.outcome)).count();
        Self {
            proven: count(|outcome| matches!(outcome, Outcome::Proven { .. })),
            refuted: count(|outcome| matches!(outcome, Outcome::Refuted { .. })),
            undecided: count(|outcome| matches!(outcome, Outcome::Undecided { .. })),
            properties,
        }
    }

    pub(super) fn is_proven(&self) -> bool {
        self.refuted == 0 && self.undecided == 0
    }

    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        for finding in &self.properties {
            finding.print(out)?;
        }
        writeln!(out, "{} proven, {} refuted, {} not decided", self.proven, self.refuted, self.undecided)
    }
}

impl Finding<'_> {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let word = match self.outcome {
            Outcome::Proven { .. } => "proven",
            Outcome::Refuted { .. } => "refuted",
            Outcome::Undecided { .. } => "not decided",
        };
        let place = self.place.as_deref().unwrap_or("shipped with the product");
        writeln!(out, "{word:<12} {}", self.title)?;
        writeln!(out, "             `{}`, {place}", self.id)?;
        match &self.outcome {
            Outcome::Proven { apps: 0, .. } => writeln!(out, "             it speaks of no app of the configuration"),
            Outcome::Proven { apps, certificates } if certificates.is_empty() => {
                writeln!(out, "             for every request to {}", apps_in_words(*apps))
            }
            Outcome::Proven { apps, certificates } => {
                let forbids = certificates.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
                writeln!(out, "             for every request to {}, by {forbids}", apps_in_words(*apps))
            }
            Outcome::Undecided { reason } => writeln!(out, "             {reason}"),
            Outcome::Refuted { question, answer } => {
                writeln!(out, "             this request is {}:", answer.in_words(|id| format!("`{id}`")))?;
                let question = serde_json::to_string_pretty(question)?;
                question.lines().try_for_each(|line| writeln!(out, "             {line}"))
            }
        }
    }
}

fn apps_in_words(apps: usize) -> String {
    if apps == 1 { "1 app".to_owned() } else { format!("{apps} apps") }
}
