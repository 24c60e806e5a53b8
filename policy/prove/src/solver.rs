//! The solver: found on the search path, run as a process, killed when it takes too long.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cedar_policy_symcc::err::Error;
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet, Env};
use tokio::process::Command;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// The name of the program that is looked for.
const PROGRAM: &str = "cvc5";
/// A solver that fails so often in a row is not tried again.
const MAX_FAILURES: u32 = 3;

/// How proofs are sought.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The solver's program, from [`find_solver`].
    pub solver: PathBuf,
    /// How long one question to the solver may take.
    pub timeout: Duration,
    /// How many solvers run at once.
    pub jobs: usize,
}

/// There is no solver.
#[derive(Debug, thiserror::Error)]
pub enum NoSolver {
    /// None of this name on the search path.
    #[error(
        "no solver: `{PROGRAM}` is not on the search path; install it (Debian: `apt-get install cvc5`) or name it with \
         `--solver PATH`"
    )]
    NotFound,
    /// What was named cannot be run.
    #[error("no solver: `{}` is not a program", .0.display())]
    NotAProgram(PathBuf),
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// No answer in time: the solver was killed.
    TimedOut(Duration),
    /// It gave up.
    Unknown,
    /// It ended, or wrote what cannot be understood.
    Failed(String),
    /// The policies contain what cannot be put to a solver.
    Inexpressible(String),
}

impl std::fmt::Display for Stuck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TimedOut(limit) => write!(f, "the solver had no answer after {} s", limit.as_secs_f64()),
            Self::Unknown => f.write_str("the solver gave up"),
            Self::Failed(error) => write!(f, "the solver failed: {error}"),
            Self::Inexpressible(error) => write!(f, "the policies cannot be put to a solver: {error}"),
        }
    }
}

/// Finds the solver: `given`, or the first of its name in the folders of `search_path`.
///
/// # Errors
/// There is none.
pub fn find_solver(given: Option<&Path>, search_path: Option<&OsStr>) -> Result<PathBuf, NoSolver> {
    if let Some(given) = given {
        return if is_program(given) { Ok(given.to_owned()) } else { Err(NoSolver::NotAProgram(given.to_owned())) };
    }
    let folders = search_path.map(|path| std::env::split_paths(path).collect::<Vec<_>>()).unwrap_or_default();
    folders.into_iter().map(|folder| folder.join(PROGRAM)).find(|path| is_program(path)).ok_or(NoSolver::NotFound)
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// One solver process, started when it is first needed, and again after it was lost.
pub(crate) struct Session {
    settings: Settings,
    runtime: Runtime,
    solver: Option<CedarSymCompiler<LocalSolver>>,
    /// How often it failed since its last answer, and how.
    failures: u32,
    last: Option<Stuck>,
}

impl Session {
    pub(crate) fn new(settings: &Settings) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { settings: settings.clone(), runtime, solver: None, failures: 0, last: None })
    }

    /// Whether `right` permits everything that `left` permits; a request for which it does not, where there is one.
    pub(crate) fn implies(
        &mut self,
        left: &CompiledPolicySet,
        right: &CompiledPolicySet,
    ) -> Result<Option<Env>, Stuck> {
        if let Some(stuck) = self.last.as_ref().filter(|_| self.failures >= MAX_FAILURES) {
            return Err(stuck.clone());
        }
        // Dropped after an error or at the limit, the process is killed.
        let answer = match self.solver.take().map_or_else(|| self.start(), Ok) {
            Ok(mut solver) => {
                let asked = async {
                    let question = solver.check_implies_with_counterexample_opt(left, right);
                    timeout(self.settings.timeout, question).await
                };
                match self.runtime.block_on(asked) {
                    Ok(Ok(answer)) => {
                        self.solver = Some(solver);
                        Ok(answer)
                    }
                    Ok(Err(error)) => Err(stuck(&error)),
                    Err(_) => Err(Stuck::TimedOut(self.settings.timeout)),
                }
            }
            Err(error) => Err(error),
        };
        match &answer {
            Err(error @ (Stuck::TimedOut(_) | Stuck::Failed(_))) => {
                self.failures = self.failures.saturating_add(1);
                self.last = Some(error.clone());
            }
            _ => self.failures = 0,
        }
        answer
    }

    fn start(&self) -> Result<CedarSymCompiler<LocalSolver>, Stuck> {
        let failed = |error: String| Stuck::Failed(format!("`{}`: {error}", self.settings.solver.display()));
        let _in_runtime = self.runtime.enter();
        let mut command = Command::new(&self.settings.solver);
        command.args(["--lang", "smt"]).kill_on_drop(true);
        let solver = LocalSolver::from_command(&mut command).map_err(|error| failed(deepest(&error)))?;
        CedarSymCompiler::new(solver).map_err(|error| failed(deepest(&error)))
    }
}

/// What an error of the translation to a solver's language, or of the solver, means.
pub(crate) fn stuck(error: &Error) -> Stuck {
    match error {
        Error::PolicyNotWellTyped { errs } => {
            let errors = errs.iter().map(ToString::to_string).collect::<Vec<_>>();
            Stuck::Inexpressible(errors.join("; "))
        }
        Error::SolverUnknown => Stuck::Unknown,
        // What cannot be written to it, or read of it: it is gone, or it is no solver.
        Error::SolverError(_) | Error::EncodeError(_) | Error::DecodeModel(_) => Stuck::Failed(deepest(error)),
        _ => Stuck::Inexpressible(deepest(error)),
    }
}

/// An error with what lies below it.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let below = error.to_string();
        if !text.contains(&below) {
            text = format!("{text}: {below}");
        }
        source = error.source();
    }
    text
}
