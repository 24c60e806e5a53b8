//! One configuration file: its text, how to show it, what its relative paths are relative to; and places in it, to
//! which problems are attached.

use std::cell::RefCell;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_span::Span;

use super::diagnostic::Diagnostic;

/// No honest configuration is larger.
const MAX_BYTES: u64 = 4 << 20;

/// A file that was read.
pub(crate) struct Source {
    /// The file as messages show it.
    pub(crate) shown: PathBuf,
    /// The folder it is in, absolute: what its relative paths start from.
    pub(super) folder: PathBuf,
    /// Its text.
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn read(shown: &Path) -> io::Result<Self> {
        let absolute = std::path::absolute(shown)?;
        let text = read_bounded(&absolute, MAX_BYTES)?;
        let folder = absolute.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Self { shown: shown.to_owned(), folder, text })
    }
}

/// Reads a text file of at most `max_bytes`.
pub(crate) fn read_bounded(path: &Path, max_bytes: u64) -> io::Result<String> {
    String::from_utf8(read_bytes_bounded(path, max_bytes)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Reads a file of at most `max_bytes`.
pub(crate) fn read_bytes_bounded(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    regular_file(path)?;
    let mut bytes = Vec::new();
    File::open(path)?.take(max_bytes + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > max_bytes {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {max_bytes} bytes"))),
        false => Ok(bytes),
    }
}

/// Makes sure that `path` is a file, before it is opened: to open a FIFO would wait for its writer.
fn regular_file(path: &Path) -> io::Result<Metadata> {
    let metadata = fs::metadata(path)?;
    match metadata.is_file() {
        true => Ok(metadata),
        false => Err(io::Error::other("not a regular file")),
    }
}

/// Makes sure that `path` is a file that can be opened.
pub(super) fn readable_file(path: &Path) -> io::Result<Metadata> {
    let metadata = regular_file(path)?;
    File::open(path).map(|_| metadata)
}

/// The error of a file that cannot be read.
pub(crate) fn unreadable(shown: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::of_file(shown, format!("cannot be read: {}", words(error)))
}

/// An I/O error in plain words.
pub(crate) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::InvalidData => "not UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}

/// What was found while loading, in all files.
#[derive(Default)]
pub(crate) struct Findings {
    problems: RefCell<Vec<Diagnostic>>,
    watched: RefCell<Vec<PathBuf>>,
}

impl Findings {
    pub(super) fn push(&self, problem: Diagnostic) {
        self.problems.borrow_mut().push(problem);
    }

    pub(super) fn have_errors(&self) -> bool {
        self.problems.borrow().iter().any(Diagnostic::is_error)
    }

    /// Adds a file or folder whose change is a reason to load again.
    pub(super) fn watch(&self, path: PathBuf) {
        self.watched.borrow_mut().push(path);
    }

    /// Problems in the order in which they were found, and what to watch.
    pub(crate) fn into_parts(self) -> (Vec<Diagnostic>, Vec<PathBuf>) {
        (self.problems.into_inner(), self.watched.into_inner())
    }
}

/// A place in a file.
#[derive(Clone, Copy)]
pub(crate) struct Spot<'a> {
    pub(super) source: &'a Source,
    pub(super) findings: &'a Findings,
    pub(super) span: Span,
}

impl<'a> Spot<'a> {
    pub(super) fn at(self, span: Span) -> Self {
        Self { span, ..self }
    }

    /// Records an error and returns `None`, so that a reader can end with it.
    pub(crate) fn refuse<T>(self, message: impl Into<String>, expected: impl Into<String>) -> Option<T> {
        self.findings.push(self.diagnostic(message.into(), expected.into()));
        None
    }

    pub(crate) fn error(self, message: impl Into<String>, expected: impl Into<String>) {
        let _: Option<()> = self.refuse(message, expected);
    }

    pub(crate) fn warn(self, message: impl Into<String>, expected: impl Into<String>) {
        self.findings.push(self.diagnostic(message.into(), expected.into()).as_warning());
    }

    /// `gaccong.toml:14`, for messages that point at a second place.
    pub(crate) fn shown(self) -> String {
        let place = Diagnostic::in_text(&self.source.shown, &self.source.text, self.span.into(), "");
        format!("{}:{}", place.file.display(), place.line)
    }

    /// The line, from 1.
    pub(crate) fn line(self) -> usize {
        Diagnostic::in_text(&self.source.shown, &self.source.text, self.span.into(), "").line
    }

    /// `path` as this file means it.
    pub(super) fn resolve(self, path: &str) -> PathBuf {
        self.source.folder.join(path).components().collect()
    }

    /// The bytes `part` of the text that stands here; all of it where the text is written with escapes.
    pub(super) fn part(self, text: &str, part: Range<usize>) -> Self {
        let written = self.source.text.get(self.span.start..self.span.end).unwrap_or_default();
        match written.find(text) {
            Some(offset) if !text.is_empty() => {
                let start = self.span.start + offset;
                self.at(Span::new(start + part.start, start + part.end))
            }
            _ => self,
        }
    }

    fn diagnostic(self, message: String, expected: String) -> Diagnostic {
        let found = Diagnostic::in_text(&self.source.shown, &self.source.text, self.span.into(), message);
        match expected.is_empty() {
            true => found,
            false => found.expecting(expected),
        }
    }
}
