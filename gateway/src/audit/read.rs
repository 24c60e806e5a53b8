//! Reads the audit log back: the whole lines of all segments of a directory, oldest segment first.
//!
//! A line counts once its newline is there. What follows the last newline of a segment is being written, or was torn
//! when the process was killed, and is passed over.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::ocsf::LINE_LIMIT;
use super::segment;

/// The records of `directory`, parsed.
pub fn records(directory: &Path) -> io::Result<impl Iterator<Item = io::Result<serde_json::Value>> + use<>> {
    Ok(lines(directory)?.map(|line| Ok(serde_json::from_slice(&line?)?)))
}

/// The lines of `directory`, without their newlines.
pub fn lines(directory: &Path) -> io::Result<Lines> {
    Ok(Lines { segments: segment::list(directory)?.into_iter(), open: None })
}

/// Iterator over lines; see [`lines`].
#[derive(Debug)]
pub struct Lines {
    segments: std::vec::IntoIter<PathBuf>,
    open: Option<BufReader<File>>,
}

impl Iterator for Lines {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match &mut self.open {
                Some(segment) => read_line(segment),
                None => match File::open(self.segments.next()?) {
                    Ok(file) => {
                        self.open = Some(BufReader::new(file));
                        continue;
                    }
                    // Deleted since the directory was read, by `keep_segments`.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => Err(error),
                },
            };
            match line {
                Ok(Some(line)) => return Some(Ok(line)),
                Ok(None) => self.open = None,
                Err(error) => {
                    self.open = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// The next whole line; `None` at the end of the segment or at its torn tail.
fn read_line(segment: &mut BufReader<File>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    segment.take(LINE_LIMIT as u64 + 1).read_until(b'\n', &mut line)?;
    if line.len() > LINE_LIMIT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line of an audit segment is longer than any record"));
    }
    Ok((line.pop() == Some(b'\n')).then_some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_read_in_order_and_torn_tails_passed_over() {
        let directory = tempfile::tempdir().expect("directory");
        for (name, content) in [
            ("gaccong-20260101T000001Z-9-0001.jsonl", "{\"n\":3}\n{\"n\":"),
            ("gaccong-20260101T000000Z-10-0001.jsonl", "{\"n\":1}\n{\"n\":2}\n"),
            ("gaccong-20260101T000002Z-9-0002.jsonl", "{\"n\":4}\n"),
            ("unrelated.jsonl", "{\"n\":0}\n"),
        ] {
            std::fs::write(directory.path().join(name), content).expect("write");
        }
        let numbers: Vec<_> =
            records(directory.path()).expect("list").map(|record| record.expect("record")["n"].as_u64()).collect();
        assert_eq!(numbers, [Some(1), Some(2), Some(3), Some(4)]);
    }

    #[test]
    fn a_line_longer_than_any_record_is_an_error() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("gaccong-20260101T000001Z-9-0001.jsonl");
        std::fs::write(path, vec![b'x'; LINE_LIMIT + 1]).expect("write");
        assert!(lines(directory.path()).expect("list").next().expect("an item").is_err());
    }
}
