//! What a decision costs: ours beside stock Cedar, Cedar on the slice of an app, and Rego in regorus.
//!
//!     cargo bench -p gaccong-bench --bench decision                  times
//!     cargo bench -p gaccong-bench --bench decision -- --callgrind   and instructions, by valgrind
//!
//! 20 policies for every app and 10 for each, of 1 to 1 000 apps. A decision is everything from facts in hand to the
//! answer with its reasons: what an engine wants to have built from the facts for each request is part of it. Before
//! anything is timed, all engines must give the same answers.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark that fails may say so abruptly")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded anyway")]

mod callgrind;
mod engines;
mod policies;
mod questions;
mod report;
mod timing;

use clap::{Parser, Subcommand};

use engines::Kind;
use policies::POLICIES_PER_APP;
use questions::Questions;
use report::{Cell, Report};

#[derive(Parser)]
struct Arguments {
    /// The numbers of apps to measure with
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 1_000])]
    apps: Vec<usize>,
    /// Count instructions too; takes some minutes
    #[arg(long)]
    callgrind: bool,
    /// What cargo tells every benchmark
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    turn: Option<Turn>,
}

#[derive(Subcommand)]
enum Turn {
    /// Make decisions and nothing else, for valgrind to count or perf to sample
    Decide { engine: Kind, apps: usize, decisions: usize },
}

fn main() {
    let arguments = Arguments::parse();
    if let Some(Turn::Decide { engine, apps, decisions }) = arguments.turn {
        let questions = Questions::new(apps);
        callgrind::decide(engine.build(apps).as_mut(), &questions, decisions);
        return;
    }
    let most = arguments.apps.iter().copied().max().unwrap_or_default();
    let mut report = Report { load_s: timing::load_s(most), rows: Vec::new() };
    for apps in arguments.apps {
        let questions = Questions::new(apps);
        let mut engines = Kind::ALL.map(|kind| kind.build(apps));
        check_that_they_agree(&mut engines, &questions);
        let times_ns = timing::median_ns(&mut engines, &questions);
        let instructions = |kind| arguments.callgrind.then(|| callgrind::instructions(kind, apps));
        let cells = Kind::ALL.into_iter().zip(times_ns).map(|(kind, ns)| Cell { ns, instructions: instructions(kind) });
        report.rows.push((apps * POLICIES_PER_APP, cells.collect()));
    }
    report.print().expect("standard output takes the table");
}

/// The figures of engines that answer differently mean nothing.
fn check_that_they_agree(engines: &mut [Box<dyn engines::Engine>], questions: &Questions) {
    let mut of_each =
        engines.iter_mut().map(|engine| questions.iter().map(|it| engine.answer(&it)).collect::<Vec<_>>());
    let first = of_each.next().expect("there are engines");
    let mut kinds = first.iter().map(|answer| answer.effect).collect::<Vec<_>>();
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), 3, "the questions get every kind of answer");
    of_each.for_each(|answers| assert_eq!(answers, first));
}
