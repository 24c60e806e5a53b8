//! Segments: the files of the audit log, named so that they sort by age and never collide between processes.
//!
//! A writer holds a lock on its segment. A segment that can be locked has no writer any more, and what follows its last
//! newline is the torn tail of a killed process: readers pass over it, [`repair`] cuts it off.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::ocsf::LINE_LIMIT;

/// The name of a segment: `gaccong-<UTC>-<pid>-<number>.jsonl`, ordered by age.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    opened: String,
    pid: u32,
    number: u32,
}

impl SegmentName {
    /// The name of a segment that this process opens at `now`, its `number`th.
    pub(super) fn new(now: jiff::Timestamp, number: u32) -> Self {
        Self { opened: now.strftime("%Y%m%dT%H%M%SZ").to_string(), pid: std::process::id(), number }
    }

    /// Reads a file's name; `None` for the name of anything but a segment.
    pub(super) fn parse(file_name: &str) -> Option<Self> {
        let stem = file_name.strip_prefix("gaccong-")?.strip_suffix(".jsonl")?;
        let mut parts = stem.split('-');
        let (opened, pid, number) = (parts.next()?, parts.next()?, parts.next()?);
        let name = Self { opened: opened.to_owned(), pid: pid.parse().ok()?, number: number.parse().ok()? };
        let is_time = opened.len() == 16 && opened.bytes().all(|byte| byte.is_ascii_digit() || b"TZ".contains(&byte));
        (is_time && name.to_string() == file_name).then_some(name)
    }
}

impl std::fmt::Display for SegmentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "gaccong-{}-{}-{:04}.jsonl", self.opened, self.pid, self.number)
    }
}

/// The segments of a directory, oldest first. Other files are none of ours.
pub(super) fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            names.extend(entry.file_name().to_str().and_then(SegmentName::parse));
        }
    }
    names.sort_unstable();
    Ok(names.into_iter().map(|name| directory.join(name.to_string())).collect())
}

/// Creates a segment that did not exist, for appending, and locks it.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create_new(true).mode(0o640).open(path)?;
    // Nobody but a `repair` that starts at this very moment can hold it, and not for long.
    file.lock()?;
    Ok(file)
}

/// Deletes the oldest segments beyond the newest `keep`, except those that still have a writer.
pub(super) fn delete_beyond(directory: &Path, keep: usize) -> io::Result<()> {
    let segments = list(directory)?;
    for path in segments.iter().take(segments.len().saturating_sub(keep)) {
        if open_without_writer(path)?.is_some() {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Cuts the torn tail off each segment that has one and whose writer is gone. Returns how many had one.
pub(super) fn repair(directory: &Path) -> io::Result<usize> {
    let mut repaired = 0;
    for path in list(directory)? {
        if let Some(file) = open_without_writer(&path)? {
            repaired += usize::from(cut_torn_tail(&file, &path)?);
        }
    }
    Ok(repaired)
}

/// Opens and locks a segment whose writer is gone; `None` where there is a writer.
fn open_without_writer(path: &Path) -> io::Result<Option<File>> {
    let no_follow = OFlags::NOFOLLOW.bits().cast_signed();
    let file = OpenOptions::new().read(true).write(true).custom_flags(no_follow).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn cut_torn_tail(mut file: &File, path: &Path) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let tail_start = length.saturating_sub(LINE_LIMIT as u64);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(1)))?;
    file.take(1).read_to_end(&mut tail)?;
    if tail.last().is_none_or(|byte| *byte == b'\n') {
        return Ok(false);
    }
    tail.clear();
    file.seek(SeekFrom::Start(tail_start))?;
    file.take(LINE_LIMIT as u64).read_to_end(&mut tail)?;
    let whole = match memchr::memrchr(b'\n', &tail) {
        Some(newline) => tail_start + newline as u64 + 1,
        None if tail_start == 0 => 0,
        None => return Err(io::Error::other(format!("`{}` ends in more than a torn line", path.display()))),
    };
    file.set_len(whole)?;
    tracing::warn!(segment = %path.display(), bytes = length - whole, "cut the torn tail off an audit segment");
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "gaccong-20260131T235959Z-4242-0007.jsonl";

    fn segment(directory: &Path, name: &str, content: &[u8]) -> PathBuf {
        let path = directory.join(name);
        std::fs::write(&path, content).expect("write");
        path
    }

    #[test]
    fn names_are_read_back_and_sort_by_age() {
        let name = SegmentName::parse(NAME).expect("a name");
        assert_eq!(name.to_string(), NAME);
        let later = SegmentName::parse("gaccong-20260131T235959Z-4242-10000.jsonl").expect("a name");
        assert!(name < later);
    }

    #[test]
    fn other_files_are_not_segments() {
        for name in ["gaccong-x-1-0001.jsonl", "gaccong-20260131T235959Z-1-1.jsonl", "notes.jsonl", "gaccong-.jsonl"] {
            assert_eq!(SegmentName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_torn_tail_is_cut_off() {
        let directory = tempfile::tempdir().expect("directory");
        let torn = segment(directory.path(), NAME, b"{\"a\":1}\n{\"b\":");
        let other = segment(directory.path(), "other.jsonl", b"torn");
        assert_eq!(repair(directory.path()).expect("repair"), 1);
        assert_eq!(std::fs::read(torn).expect("read"), b"{\"a\":1}\n");
        assert_eq!(std::fs::read(other).expect("read"), b"torn");
        assert_eq!(repair(directory.path()).expect("repair"), 0);
    }

    #[test]
    fn a_segment_that_is_only_a_torn_line_becomes_empty() {
        let directory = tempfile::tempdir().expect("directory");
        let torn = segment(directory.path(), NAME, b"{\"b\":");
        repair(directory.path()).expect("repair");
        assert_eq!(std::fs::read(torn).expect("read"), b"");
    }

    #[test]
    fn the_segment_of_a_living_writer_is_left_alone() {
        use std::io::Write;
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join(NAME);
        let mut writer = create(&path).expect("create");
        writer.write_all(b"half a li").expect("write");
        assert_eq!(repair(directory.path()).expect("repair"), 0);
        assert_eq!(std::fs::read(path).expect("read"), b"half a li");
    }
}
