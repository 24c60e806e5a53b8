//! Many jobs, a few solvers: threads with large stacks that take one job after another.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{io, thread};

/// The compiler of policies to terms recurses as deeply as the policies are nested.
const STACK_BYTES: usize = 256 << 20;

/// Says how many jobs of how many are done.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Does all jobs; the results stand in the order of the jobs. One whose job failed altogether is `None`.
/// `start` gives each worker what it works with.
pub(crate) fn each<J: Sync, S, R: Send>(
    jobs: &[J],
    workers: usize,
    progress: Progress<'_>,
    start: impl Fn() -> io::Result<S> + Sync,
    work: impl Fn(&J, &mut S) -> R + Sync,
) -> io::Result<Vec<Option<R>>> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results: Mutex<Vec<Option<R>>> = Mutex::new(jobs.iter().map(|_| None).collect());
    let worker = &|| -> io::Result<()> {
        let mut with = start()?;
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(at) else { return Ok(()) };
            let result = work(job, &mut with);
            if let Some(place) = results.lock().unwrap_or_else(PoisonError::into_inner).get_mut(at) {
                *place = Some(result);
            }
            progress(done.fetch_add(1, Ordering::Relaxed).saturating_add(1), jobs.len());
        }
    };
    thread::scope(|scope| {
        let spawn =
            |_| thread::Builder::new().name("prove".to_owned()).stack_size(STACK_BYTES).spawn_scoped(scope, worker);
        let workers = (0..workers.clamp(1, jobs.len().max(1))).map(spawn).collect::<io::Result<Vec<_>>>()?;
        // A worker that panicked leaves its job without a result; the others go on.
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Ok(())))
    })?;
    Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner))
}
