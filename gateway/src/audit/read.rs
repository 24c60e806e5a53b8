//! Reads the audit log back: the whole lines of the segments of a directory, in blocks.
//!
//! A line counts once its newline is there. What follows the last newline of a segment is being written, or was torn
//! when the process was killed, and is passed over.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use uuid::Uuid;

use super::ocsf::LINE_LIMIT;
use super::recorded::{self, Recorded};
use super::segment;

/// How much is read at once: much more than a line, and little enough for a cache.
const BLOCK_BYTES: u64 = 512 * 1024;

/// The segments of `directory`, oldest first.
///
/// # Errors
/// The directory cannot be read.
pub fn segments(directory: &Path) -> io::Result<Vec<PathBuf>> {
    segment::list(directory)
}

/// The lines of `segments`, in their order.
pub fn blocks(segments: Vec<PathBuf>) -> Blocks {
    Blocks { segments: segments.into_iter(), open: None, torn: 0 }
}

/// The segments that were last written at `since_ms` or later, and the others, both oldest first.
///
/// # Errors
/// The directory cannot be read.
pub fn segments_since(directory: &Path, since_ms: i64) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    // The kernel stamps files by a clock that lags a little.
    const LAG: Duration = Duration::from_secs(2);
    let since = Duration::from_millis(u64::try_from(since_ms).unwrap_or_default()).saturating_sub(LAG);
    // Where the time of a file is not known, it is read.
    let is_late = |path: &PathBuf| {
        let written = path.metadata().and_then(|metadata| metadata.modified());
        !written.is_ok_and(|written| written < UNIX_EPOCH + since)
    };
    Ok(segments(directory)?.into_iter().partition(is_late))
}

/// The records of the request, or of the connection attempt, with this id: an opening one before the final one, which
/// ends the search.
///
/// Ids begin with their time, so that the segments of that time are searched first.
///
/// # Errors
/// The directory or a segment cannot be read.
pub fn find(directory: &Path, id: Uuid) -> io::Result<Vec<Recorded>> {
    let time_ms = id.get_timestamp().map_or(0, |time| time.to_unix().0.saturating_mul(1000).cast_signed());
    let (since, before) = segments_since(directory, time_ms)?;
    let id = id.to_string();
    let finder = memchr::memmem::Finder::new(&id);
    let mut found = Vec::new();
    for block in blocks(since.into_iter().chain(before.into_iter().rev()).collect()) {
        let block = block?;
        if finder.find(&block.bytes).is_none() {
            continue;
        }
        // The id may also stand in a line as what another request was correlated with.
        found.extend(block.lines().filter_map(|(_, line)| recorded::of_id(line, &id)));
        if found.iter().any(Recorded::is_final) {
            break;
        }
    }
    Ok(found)
}

/// How many commits the store had at the last change of it that is recorded; `None` where none is.
///
/// # Errors
/// The directory or a segment cannot be read.
pub fn last_store_serial(directory: &Path) -> io::Result<Option<u64>> {
    // Inside of a text the quotes would be escaped: this can only be the key.
    const KEY: &[u8] = b"\"store_serial\":";
    for segment in segments(directory)?.into_iter().rev() {
        let mut last = None;
        for block in blocks(vec![segment]) {
            let bytes = block?.bytes;
            if let Some(at) = memchr::memmem::rfind(&bytes, KEY) {
                let digits = bytes.iter().skip(at + KEY.len()).take_while(|byte| byte.is_ascii_digit());
                last = String::from_utf8(digits.copied().collect()).ok().and_then(|number| number.parse().ok());
            }
        }
        if last.is_some() {
            return Ok(last);
        }
    }
    Ok(None)
}

/// Iterator over blocks of whole lines; see [`blocks`].
#[derive(Debug)]
pub struct Blocks {
    segments: std::vec::IntoIter<PathBuf>,
    open: Option<Open>,
    torn: usize,
}

/// Whole lines that follow each other in a segment.
#[derive(Debug)]
pub struct Block {
    /// The segment.
    pub segment: Arc<Path>,
    /// The number of the first line in its segment, from 1.
    pub first_line: u64,
    /// The lines, each with its newline. One that is longer than [`LINE_LIMIT`] may have been cut: it is still longer.
    pub bytes: Vec<u8>,
}

/// A segment that is being read.
#[derive(Debug)]
struct Open {
    path: Arc<Path>,
    file: File,
    next_line: u64,
    /// The beginning of a line whose end has not been read.
    rest: Vec<u8>,
}

impl Block {
    /// The lines with their numbers, without their newlines.
    pub fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let whole = self.bytes.strip_suffix(b"\n");
        let lines = whole.into_iter().flat_map(|bytes| Split { rest: Some(bytes) });
        (self.first_line..).zip(lines)
    }
}

/// Parts between newlines.
struct Split<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        match memchr::memchr(b'\n', rest).and_then(|end| rest.split_at_checked(end)) {
            Some((line, after)) => {
                self.rest = after.get(1..);
                Some(line)
            }
            None => Some(rest),
        }
    }
}

impl Blocks {
    /// How many of the segments read so far end in what is no whole line.
    pub fn torn(&self) -> usize {
        self.torn
    }
}

impl Iterator for Blocks {
    type Item = io::Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(open) = &mut self.open else {
                let path = self.segments.next()?;
                match File::open(&path) {
                    Ok(file) => self.open = Some(Open { path: path.into(), file, next_line: 1, rest: Vec::new() }),
                    // Deleted since the directory was read, by `keep_segments`.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Some(Err(at(&path, &error))),
                }
                continue;
            };
            match open.next_block() {
                Ok(Some(block)) => return Some(Ok(block)),
                Ok(None) => {
                    self.torn += usize::from(!open.rest.is_empty());
                    self.open = None;
                }
                Err(error) => {
                    let error = at(&open.path, &error);
                    self.open = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Open {
    /// The next whole lines; `None` at the end of the segment.
    fn next_block(&mut self) -> io::Result<Option<Block>> {
        loop {
            let mut bytes = std::mem::take(&mut self.rest);
            let read = (&mut self.file).take(BLOCK_BYTES).read_to_end(&mut bytes)?;
            let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |newline| newline + 1);
            self.rest = bytes.split_off(whole);
            // Of a line that is longer than any record, what shows that it is.
            self.rest.truncate(LINE_LIMIT + 1);
            if !bytes.is_empty() {
                let first_line = self.next_line;
                self.next_line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
                return Ok(Some(Block { segment: Arc::clone(&self.path), first_line, bytes }));
            }
            if read == 0 {
                return Ok(None);
            }
        }
    }
}

/// The error, with the file that it is about.
fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot read `{}`: {error}", path.display()))
}

/// Every record of `directory`, as JSON.
#[cfg(test)]
pub(crate) fn records(directory: &Path) -> Vec<serde_json::Value> {
    let blocks = blocks(segments(directory).expect("a directory"));
    let parse = |block: io::Result<Block>| {
        let block = block.expect("a block");
        block.lines().map(|(_, line)| serde_json::from_slice(line).expect("a record")).collect::<Vec<_>>()
    };
    blocks.flat_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::event::{Event, Phase};
    use crate::audit::{fixtures, ocsf};

    const NAME: &str = "gaccong-20260101T000001Z-9-0001.jsonl";

    fn with(segments: &[(&str, &[u8])]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("directory");
        for (name, content) in segments {
            std::fs::write(directory.path().join(name), content).expect("write");
        }
        directory
    }

    #[test]
    fn segments_are_read_in_order_and_torn_tails_passed_over() {
        let directory = with(&[
            (NAME, b"{\"n\":3}\n{\"n\":"),
            ("gaccong-20260101T000000Z-10-0001.jsonl", b"{\"n\":1}\n{\"n\":2}\n"),
            ("gaccong-20260101T000002Z-9-0002.jsonl", b"{\"n\":4}\n"),
            ("unrelated.jsonl", b"{\"n\":0}\n"),
        ]);
        let numbers: Vec<_> = records(directory.path()).iter().map(|record| record["n"].as_u64()).collect();
        assert_eq!(numbers, [Some(1), Some(2), Some(3), Some(4)]);
        let mut blocks = blocks(segments(directory.path()).expect("list"));
        assert_eq!(blocks.by_ref().count(), 3);
        assert_eq!(blocks.torn(), 1);
    }

    #[test]
    fn lines_across_blocks_are_whole_and_numbered() {
        let text: String = (1..=200_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        assert!(text.len() as u64 > 4 * BLOCK_BYTES);
        let directory = with(&[(NAME, text.as_bytes())]);
        let mut expected = 0;
        for block in blocks(segments(directory.path()).expect("list")) {
            for (number, line) in block.expect("a block").lines() {
                expected += 1;
                assert_eq!((number, line), (expected, format!("{{\"n\":{expected}}}").as_bytes()));
            }
        }
        assert_eq!(expected, 200_000);
    }

    #[test]
    fn a_line_longer_than_any_record_takes_no_more_memory_and_hides_no_other() {
        let mut content = vec![b'x'; 5 * BLOCK_BYTES as usize];
        content.extend_from_slice(b"\n{}\n");
        let directory = with(&[(NAME, &content)]);
        let mut lines = Vec::new();
        for block in blocks(segments(directory.path()).expect("list")) {
            let block = block.expect("a block");
            assert!(block.bytes.len() <= BLOCK_BYTES as usize + LINE_LIMIT + 1);
            lines.extend(block.lines().map(|(_, line)| line.len()));
        }
        assert!(lines.first().is_some_and(|length| *length > LINE_LIMIT));
        assert_eq!(lines.get(1..), Some(&[2][..]));
    }

    #[test]
    fn records_are_found_by_their_own_id_and_no_other() {
        let line = |id: Uuid, correlation: Option<Uuid>, phase: Phase| {
            let mut event = fixtures::request();
            (event.id, event.phase) = (id, phase);
            event.correlation = correlation.map(|id| id.to_string().into());
            let mut line = Vec::new();
            ocsf::write_line(&Event::Request(Box::new(event)), &mut line).expect("a line");
            line
        };
        let (sought, other) = (Uuid::now_v7(), Uuid::now_v7());
        let first = [line(other, Some(sought), Phase::Final), line(sought, None, Phase::Opening)].concat();
        let second = [b"no record\n".to_vec(), line(sought, None, Phase::Final)].concat();
        let directory = with(&[(NAME, &first), ("gaccong-20260101T000002Z-9-0002.jsonl", &second)]);
        let found = find(directory.path(), sought).expect("readable");
        assert_eq!(found.iter().map(Recorded::is_final).collect::<Vec<_>>(), [false, true]);
        assert!(find(directory.path(), Uuid::now_v7()).expect("readable").is_empty());

        // A copy may have lost the times of its files, and an id need not have one.
        for segment in segments(directory.path()).expect("list") {
            File::options().append(true).open(segment).and_then(|file| file.set_modified(UNIX_EPOCH)).expect("a time");
        }
        assert_eq!(find(directory.path(), sought).expect("readable").len(), 1, "the final record ends the search");
        let (_, before) = segments_since(directory.path(), 1_767_225_600_000).expect("list");
        assert_eq!(before.len(), 2);
    }
}
