//! One thread reads, the others parse and judge; what they have counted is added up at the end.
//!
//! Blocks wait in a short queue, so that memory stays the same however long the log is.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;

use super::judge::Judge;
use super::tally::Tally;
use crate::audit::read::{self, Block};

/// Blocks that wait for each thread.
const WAITING: usize = 2;

type Queue = Arc<Mutex<mpsc::Receiver<Block>>>;

/// Judges every record of `segments`. Shows how far it is on standard error, where that is a terminal.
///
/// # Errors
/// A segment cannot be read.
pub(super) fn replay(segments: Vec<PathBuf>, judge: &Judge<'_>) -> io::Result<Tally> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let progress = progress(&segments);
    let tally = thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(WAITING * threads);
        let queue: Queue = Arc::new(Mutex::new(receiver));
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let queue = Arc::clone(&queue);
                scope.spawn(move || work(&queue, judge))
            })
            .collect();
        // Only the workers hold it from here on: should all of them fail, sending fails too.
        drop(queue);

        let mut blocks = read::blocks(segments);
        let sent = blocks.try_for_each(|block| {
            let block = block?;
            progress.inc(block.bytes.len() as u64);
            sender.send(block).map_err(|_| failed())
        });
        drop(sender);
        let mut tally = Tally { torn: blocks.torn(), ..Tally::default() };
        for worker in workers {
            tally.merge(worker.join().map_err(|_| failed())?);
        }
        sent.map(|()| tally)
    });
    progress.finish_and_clear();
    tally
}

fn work(queue: &Queue, judge: &Judge<'_>) -> Tally {
    let mut tally = Tally::default();
    let next = || queue.lock().recv();
    while let Ok(block) = next() {
        for (number, line) in block.lines() {
            tally.add(judge.judge(line), &block, number);
        }
    }
    tally
}

fn failed() -> io::Error {
    io::Error::other("a thread that replays records failed")
}

/// Hides itself where standard error is no terminal.
fn progress(segments: &[PathBuf]) -> ProgressBar {
    let bytes = segments.iter().filter_map(|path| Some(path.metadata().ok()?.len())).sum();
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {bytes} of {total_bytes}, {eta} left");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
