//! The writer against real directories and against a disk that fails as told.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Mutex;

use super::sink::{Rotation, Segments};
use super::*;
use crate::audit::event::{ConnectionEvent, Event};
use crate::audit::fixtures;
use crate::audit::ocsf::write_line;
use crate::audit::{read, segment};

const LONG: Duration = Duration::from_secs(30);

fn event() -> Event {
    Event::Request(Box::new(fixtures::request()))
}

fn line_len() -> usize {
    let mut line = Vec::new();
    write_line(&event(), &mut line).expect("a line");
    line.len()
}

fn config(directory: &Path) -> config::Audit {
    config::Audit {
        sink: config::AuditSink::Directory(directory.to_owned()),
        segment_bytes: 1 << 20,
        segment_age: LONG,
        keep_segments: 0,
        queue_records: 10_000,
        query_strings: false,
    }
}

fn start(config: &config::Audit) -> AuditLog {
    AuditLog::start_with(sink::open(config).expect("a sink"), config.queue_records, 60).expect("a log")
}

fn count(directory: &Path) -> usize {
    read::records(directory).len()
}

#[test]
fn shutdown_writes_everything_that_waits() {
    let directory = tempfile::tempdir().expect("directory");
    let log = start(&config(directory.path()));
    for _ in 0..5000 {
        log.queue().reserve().expect("a place").send(event());
    }
    for _ in 0..100 {
        log.lane().record(fixtures::attempt());
    }
    let counters = Arc::clone(log.counters());
    assert!(log.shutdown(LONG));
    // Sixty attempts are within the budget, forty are one sum (two, if the writer looked in between).
    let records = read::records(directory.path());
    let attempts: u64 = records.iter().filter_map(|record| record["count"].as_u64()).sum();
    assert_eq!(attempts, 100);
    assert_eq!(records.iter().filter(|record| record["class_uid"] == 4002).count(), 5000);
    assert_eq!((counters.written(), counters.failed()), (records.len() as u64, 0));
}

#[test]
fn shutdown_waits_for_places_that_are_reserved() {
    let directory = tempfile::tempdir().expect("directory");
    let log = start(&config(directory.path()));
    let queue = log.queue().clone();
    let slot = queue.reserve().expect("a place");
    let shutdown = thread::spawn(move || log.shutdown(LONG));
    while queue.reserve().is_some() {
        thread::yield_now();
    }
    slot.send(event());
    assert!(shutdown.join().expect("no panic"));
    assert_eq!(count(directory.path()), 1);
}

#[test]
fn segments_are_closed_at_their_size_and_the_oldest_deleted() {
    let directory = tempfile::tempdir().expect("directory");
    let rotation = |keep| Rotation { directory: directory.path().to_owned(), max_bytes: 100, max_age: LONG, keep };
    let mut segments = Segments::open(rotation(3)).expect("a segment");
    for _ in 0..6 {
        segments.rotate_if_due(60, Instant::now()).expect("rotate");
        segments.write(&[b'x'; 60]).expect("write");
    }
    let names = segment::list(directory.path()).expect("list");
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|name| std::fs::metadata(name).expect("metadata").len() == 60));
}

#[test]
fn a_segment_is_closed_at_its_age_but_not_while_it_is_empty() {
    let directory = tempfile::tempdir().expect("directory");
    let rotation = Rotation {
        directory: directory.path().to_owned(),
        max_bytes: 1 << 20,
        max_age: Duration::from_secs(60),
        keep: 0,
    };
    let mut segments = Segments::open(rotation).expect("a segment");
    let later = Instant::now() + Duration::from_secs(61);
    segments.rotate_if_due(0, later).expect("rotate");
    assert_eq!(segment::list(directory.path()).expect("list").len(), 1);
    segments.write(b"{}\n").expect("write");
    segments.rotate_if_due(0, later).expect("rotate");
    assert_eq!(segment::list(directory.path()).expect("list").len(), 2);
}

#[test]
fn segments_belong_to_their_owner_and_group_only() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().expect("directory");
    let directory = parent.path().join("audit");
    assert!(start(&config(&directory)).shutdown(LONG));
    let mode = |path: &Path| std::fs::metadata(path).expect("metadata").permissions().mode();
    assert_eq!(mode(&directory) & 0o027, 0);
    assert_eq!(mode(&segment::list(&directory).expect("list")[0]) & 0o137, 0);
}

#[test]
fn rotation_under_load_tears_and_loses_nothing() {
    let directory = tempfile::tempdir().expect("directory");
    let log = start(&config::Audit { segment_bytes: 100_000, ..config(directory.path()) });
    for _ in 0..1000 {
        log.queue().reserve().expect("a place").send(event());
    }
    assert!(log.shutdown(LONG));
    assert_eq!(count(directory.path()), 1000);
    assert!(segment::list(directory.path()).expect("list").len() > 10);
}

/// A disk that takes as many bytes as told, or fails.
#[derive(Debug, Default)]
struct Disk {
    content: Vec<u8>,
    /// What becomes of the coming writes: bytes that go in, or an error. Empty: everything goes in.
    script: VecDeque<Result<usize, io::ErrorKind>>,
    /// What becomes of all writes once the script is over.
    broken: bool,
    largest_write: usize,
}

struct ScriptedSink(Arc<Mutex<Disk>>);

impl Sink for ScriptedSink {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.0.lock().expect("lock");
        disk.largest_write = disk.largest_write.max(bytes.len());
        let taken = match disk.script.pop_front() {
            Some(Ok(most)) => most.min(bytes.len()),
            Some(Err(kind)) => return Err(kind.into()),
            None if disk.broken => return Err(io::ErrorKind::StorageFull.into()),
            None => bytes.len(),
        };
        disk.content.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn rotate_if_due(&mut self, _coming: usize, _now: Instant) -> io::Result<()> {
        Ok(())
    }

    fn retract(&mut self, bytes: usize) -> io::Result<()> {
        let mut disk = self.0.lock().expect("lock");
        let length = disk.content.len() - bytes;
        disk.content.truncate(length);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn start_on(disk: Disk, queue_records: usize) -> (AuditLog, Arc<Mutex<Disk>>) {
    let disk = Arc::new(Mutex::new(disk));
    let log = AuditLog::start_with(Box::new(ScriptedSink(Arc::clone(&disk))), queue_records, 60).expect("a log");
    (log, disk)
}

fn whole_lines(disk: &Mutex<Disk>) -> usize {
    let content = disk.lock().expect("lock").content.clone();
    assert!(content.is_empty() || content.ends_with(b"\n"), "torn");
    content
        .split_inclusive(|byte| *byte == b'\n')
        .inspect(|line| assert!(serde_json::from_slice::<serde_json::Value>(line).is_ok(), "not a whole line"))
        .count()
}

#[test]
fn short_writes_and_passing_errors_lose_and_tear_nothing() {
    let script =
        [Ok(1), Ok(700), Err(io::ErrorKind::StorageFull), Ok(3), Err(io::ErrorKind::Interrupted), Ok(0), Ok(5)];
    let (log, disk) = start_on(Disk { script: script.into(), ..Disk::default() }, 1000);
    for _ in 0..100 {
        log.queue().reserve().expect("a place").send(event());
    }
    let counters = Arc::clone(log.counters());
    assert!(log.shutdown(LONG));
    assert_eq!(whole_lines(&disk), 100);
    assert_eq!((counters.written(), counters.failed(), counters.write_errors()), (100, 0, 2));
    assert!(disk.lock().expect("lock").largest_write <= 64 * 1024);
}

#[test]
fn a_full_disk_fills_the_queue_until_nothing_more_is_admitted() {
    let (log, disk) = start_on(Disk { broken: true, ..Disk::default() }, 10);
    // The writer may hold one turn of records beyond the queue's own; then the queue stays full.
    let mut sent = 0;
    loop {
        match log.queue().reserve() {
            Some(slot) => slot.send(event()),
            None => break,
        }
        sent += 1;
        assert!(sent < 10_000, "the queue never fills");
    }
    disk.lock().expect("lock").broken = false;
    assert!(log.shutdown(LONG));
    assert_eq!(whole_lines(&disk), sent);
}

#[test]
fn at_the_end_of_its_time_the_writer_leaves_whole_lines_and_counts_the_rest() {
    let taken = line_len() + line_len() / 2;
    let (log, disk) = start_on(Disk { script: [Ok(taken)].into(), broken: true, ..Disk::default() }, 10);
    let slots: Vec<_> = (0..3).map(|_| log.queue().reserve().expect("a place")).collect();
    // Held back so that all three are in the one batch that the shutdown writes.
    let shutdown = {
        let queue = log.queue().clone();
        let counters = Arc::clone(log.counters());
        let thread = thread::spawn(move || log.shutdown(Duration::from_millis(300)));
        while queue.reserve().is_some() {
            thread::yield_now();
        }
        slots.into_iter().for_each(|slot| slot.send(event()));
        assert!(!thread.join().expect("no panic"));
        counters
    };
    assert_eq!(whole_lines(&disk), 1);
    assert_eq!((shutdown.written(), shutdown.failed()), (1, 2));
}

#[test]
fn the_next_start_mends_a_torn_segment() {
    let directory = tempfile::tempdir().expect("directory");
    let torn = directory.path().join("gaccong-20260101T000000Z-1-0001.jsonl");
    std::fs::write(&torn, "{}\n{\"half\":").expect("write");
    assert!(start(&config(directory.path())).shutdown(LONG));
    assert_eq!(std::fs::read(torn).expect("read"), b"{}\n");
}

#[test]
fn a_record_is_written_at_once_when_the_log_is_idle() {
    let (log, disk) = start_on(Disk::default(), 10);
    log.queue().reserve().expect("a place").send(event());
    while log.counters().written() == 0 {
        thread::yield_now();
    }
    assert_eq!(whole_lines(&disk), 1);
    log.lane().record(ConnectionEvent { count: 1, ..fixtures::attempt() });
    while log.counters().written() == 1 {
        thread::yield_now();
    }
    assert!(log.shutdown(LONG));
}
