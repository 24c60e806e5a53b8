//! Running the demo: the sample apps and the gateway in this process, then the tour, printed or walked.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use tokio_util::sync::CancellationToken;

use super::{DemoArgs, Prepared, prepare, print_results, print_tour, tour, walk};
use crate::cli::run::{log_to_stderr, print};
use crate::cli::{EXIT_FAILED, EXIT_INVALID, EXIT_NO, fail};
use crate::process::server::{self, RunError, Start};

/// Prepares the folder, runs everything, and prints the tour or walks it.
pub fn run(args: &DemoArgs) -> ExitCode {
    log_to_stderr(if args.once { "error" } else { "warn" });
    match prepare(args) {
        Ok(prepared) => serve(args, prepared),
        Err(error) => fail(EXIT_FAILED, error),
    }
}

fn serve(args: &DemoArgs, mut prepared: Prepared) -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(EXIT_FAILED, error),
    };
    for app in std::mem::take(&mut prepared.apps) {
        runtime.spawn(app.serve());
    }
    let stop = CancellationToken::new();
    let (ready, is_ready) = mpsc::channel();
    let gateway = thread::spawn({
        let (stop, start) =
            (stop.clone(), Start { config_file: prepared.config.clone(), upgrade: false, accept_older_store: false });
        move || {
            server::run(&start, &stop, |_| {
                // Whoever waited is gone only if the demo is ending.
                let _ = ready.send(());
            })
        }
    });
    // An error means that the gateway has ended before it was ready; what it returns says why.
    let toured = is_ready.recv().ok().map(|()| show(args, &prepared, &runtime, &stop));
    let ended = gateway.join();
    match (ended, toured) {
        (Ok(Ok(())), Some(Ok(true))) => ExitCode::SUCCESS,
        (Ok(Ok(())), Some(Ok(false))) => ExitCode::from(EXIT_NO),
        (Ok(Err(RunError::Invalid(diagnostics))), _) => {
            print(&diagnostics);
            ExitCode::from(EXIT_INVALID)
        }
        (Ok(Err(error)), _) => fail(EXIT_FAILED, error),
        (Ok(Ok(())), Some(Err(error))) => fail(EXIT_FAILED, error),
        (Ok(Ok(())), None) | (Err(_), _) => fail(EXIT_FAILED, "the gateway ended early"),
    }
}

/// Prints the tour and leaves the gateway running until Ctrl-C; or walks it, prints the table and ends the gateway.
fn show(
    args: &DemoArgs,
    prepared: &Prepared,
    runtime: &tokio::runtime::Runtime,
    stop: &CancellationToken,
) -> io::Result<bool> {
    let steps = tour(prepared);
    let mut out = io::stdout().lock();
    if !args.once {
        print_tour(&mut out, prepared, &steps)?;
        out.flush()?;
        return Ok(true);
    }
    let results = runtime.block_on(walk(&steps));
    let matched = print_results(&mut out, &results, args.format);
    stop.cancel();
    matched
}
