//! The solver of the commands that prove: where it is, how long it may take, and how far it has come.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gaccong_policy::{Cause, Decision, Mode, PolicyId, PolicySet};
use gaccong_policy_prove::{NoSolver, Settings, Witness, find_solver};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// How proofs are sought.
#[derive(Debug, Args)]
pub(super) struct SolverArgs {
    /// The solver: cvc5. Default: the `cvc5` of the search path. (Debian: `apt-get install cvc5`.)
    #[arg(long, value_name = "PATH")]
    solver: Option<PathBuf>,
    /// How many seconds one question to the solver may take. A solver that takes longer is killed, and the question counts as
    /// not decided.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout_s: u32,
    /// How many solvers run at once.
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
}

impl SolverArgs {
    /// Finds the solver.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn settings(&self) -> Result<Settings, NoSolver> {
        let solver = find_solver(self.solver.as_deref(), std::env::var_os("PATH").as_deref())?;
        Ok(Settings { solver, timeout: Duration::from_secs(self.timeout_s.into()), jobs: self.jobs.into() })
    }
}

/// A progress bar on standard error, if that is a terminal.
pub(super) fn progress_bar(what: &'static str) -> ProgressBar {
    // Hidden where standard error is no terminal.
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_message(what);
    match ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} {elapsed}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// Moves the bar.
pub(super) fn advance(bar: &ProgressBar, done: usize, of: usize) {
    bar.set_length(of as u64);
    bar.set_position(done as u64);
}

/// What a policy set answers to a question, in short.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// `permit` or `deny`.
    pub(super) decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    /// The policies that made the decision.
    pub(super) policies: Vec<PolicyId>,
}

impl Answer {
    pub(super) fn of(set: &PolicySet, question: &Witness) -> Self {
        match set.decide(&question.lend(), Mode::Enforce) {
            Decision::Permit(permit) => Self { decision: "permit", cause: None, policies: permit.policies().to_vec() },
            Decision::Deny(denial) => {
                Self { decision: "deny", cause: Some(denial.cause), policies: denial.policies.to_vec() }
            }
        }
    }

    /// For people: `permitted by …`, `refused by …`, `refused: no permit applies`.
    pub(super) fn in_words(&self, quote: impl Fn(&str) -> String) -> String {
        let policies = self.policies.iter().map(|id| quote(id)).collect::<Vec<_>>().join(", ");
        match (self.decision, self.cause) {
            ("permit", _) => format!("permitted by {policies}"),
            (_, Some(Cause::NoPermit)) => "refused: no permit applies".to_owned(),
            (_, Some(Cause::Error)) => "refused: an error".to_owned(),
            _ => format!("refused by {policies}"),
        }
    }
}

/// Writes one JSON document and a newline.
pub(super) fn write_json(out: &mut impl io::Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}
