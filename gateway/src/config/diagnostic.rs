//! What is wrong with a file, where, and how to mend it: for people on a terminal and, serialized, for programs.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// One error or warning about one place of one file.
///
/// ```text
/// gaccong.toml:14:15: unknown upstream scheme `htp`
///   upstreams = ["htp://10.0.0.7:8080"]
///                 ^^^ expected `http`, `https`, `h2c` or `unix`
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The file, as the user named it or relative to what the user named.
    pub file: PathBuf,
    /// Line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// Column in characters, from 1; 0 where the line or file as a whole is meant.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The line of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_line: Option<String>,
    /// Which part of that line is meant: how many characters stand before it, and its length in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub underline: Option<(usize, usize)>,
    /// What would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, and probably does not do what was meant.
    Warning,
}

impl Diagnostic {
    /// An error at a place, without the line itself.
    pub fn at(file: impl AsRef<Path>, line: usize, column: usize, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: file.as_ref().to_owned(),
            line,
            column,
            message: message.into(),
            source_line: None,
            underline: None,
            expected: None,
        }
    }

    /// An error of a file as a whole.
    pub fn of_file(file: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Self::at(file, 0, 0, message)
    }

    /// An error at the bytes `start..end` of a file's text. An underline ends with its line.
    pub fn in_text(
        file: impl AsRef<Path>,
        text: &str,
        span: std::ops::Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let from_line = text.get(line_start..).unwrap_or_default();
        let source_line = from_line.lines().next().unwrap_or_default();
        let indent = before.get(line_start..).unwrap_or_default().chars().count();
        let marked = text.get(span).and_then(|marked| marked.lines().next()).unwrap_or_default();
        Self {
            source_line: Some(source_line.to_owned()),
            underline: Some((indent, marked.trim_end().chars().count().max(1))),
            ..Self::at(file, before.matches('\n').count() + 1, indent + 1, message)
        }
    }

    /// The same with what would be right.
    pub fn expecting(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    /// The same as a warning.
    pub fn as_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Place and message, without the text of the file.
    pub fn brief(&self) -> String {
        Self { source_line: None, underline: None, expected: None, ..self.clone() }.to_string()
    }

    fn write_source(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source_line, self.underline) {
            (Some(line), Some((start, length))) => {
                let carets = "^".repeat(length);
                write!(f, "\n  {}\n  {:start$}{carets}", printable(line), "")?;
                self.expected.as_ref().map_or(Ok(()), |expected| write!(f, " expected {}", printable(expected)))
            }
            _ => self.expected.as_ref().map_or(Ok(()), |expected| write!(f, "\n  expected {}", printable(expected))),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match (self.line, self.column) {
            (0, _) => {}
            (line, 0) => write!(f, ":{line}")?,
            (line, column) => write!(f, ":{line}:{column}")?,
        }
        let severity = if self.is_error() { "" } else { "warning: " };
        write!(f, ": {severity}{}", printable(&self.message))?;
        self.write_source(f)
    }
}

/// Text for a terminal: each control character becomes one blank, so that no file can speak to the terminal and the
/// underline still stands where it should.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The one of `known` that `unknown` was probably meant to be.
pub fn did_you_mean<'k>(unknown: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&unknown.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1.max(name.len() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// ``; did you mean `x`?`` or nothing: the end of a message about an unknown name.
pub(crate) fn suggestion<'k>(unknown: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    did_you_mean(unknown, known).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// `` `a`, `b` or `c` ``
pub(crate) fn one_of<'k>(names: impl IntoIterator<Item = &'k str>) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.pop() {
        Some(last) if !names.is_empty() => format!("{} or {last}", names.join(", ")),
        last => last.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_at_the_fault() {
        let text = "[[app]]\nupstreams = [\"htp://10.0.0.7:8080\"]\n";
        let start = text.find("htp").unwrap();
        let found = Diagnostic::in_text("gaccong.toml", text, start..start + 3, "unknown upstream scheme `htp`")
            .expecting(one_of(["http", "https", "h2c", "unix"]));
        assert_eq!(
            found.to_string(),
            "gaccong.toml:2:15: unknown upstream scheme `htp`\n  \
               upstreams = [\"htp://10.0.0.7:8080\"]\n  \
            \x20             ^^^ expected `http`, `https`, `h2c` or `unix`"
        );
    }

    #[test]
    fn counts_characters_and_not_bytes() {
        let text = "owner = \"Lê Thị Hồng\" # ghi chú";
        let start = text.find("ghi").unwrap();
        let found = Diagnostic::in_text("a.toml", text, start..text.len(), "x");
        assert_eq!((found.line, found.column, found.underline), (1, 25, Some((24, 7))));
    }

    #[test]
    fn survives_spans_outside_of_the_text() {
        let found = Diagnostic::in_text("a.toml", "é", 1..9, "x");
        assert_eq!((found.line, found.column), (1, 2));
    }

    #[test]
    fn does_not_let_a_file_speak_to_the_terminal() {
        let found = Diagnostic::at("a.json", 1, 1, "unknown fact `\u{1b}[2J`");
        assert_eq!(found.to_string(), "a.json:1:1: unknown fact ` [2J`");
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(did_you_mean("upstream", ["upstreams", "hosts"]), Some("upstreams"));
        assert_eq!(did_you_mean("colour", ["upstreams", "hosts"]), None);
    }

    #[test]
    fn serializes_flat() {
        let json = serde_json::to_value(Diagnostic::of_file("a.toml", "no `[listen]`").as_warning()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"severity": "warning", "file": "a.toml", "line": 0, "column": 0, "message": "no `[listen]`"})
        );
    }
}
