//! The text of policies and schema extensions, with the limits that must hold before Cedar may read it.
//!
//! Cedar parses, validates and evaluates by recursion, so hostile or generated text could overflow the stack, which
//! ends the process. A scan that knows only strings, comments and brackets bounds the recursion beforehand.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place};

/// The most bytes of one source.
const MAX_SOURCE_BYTES: usize = 1 << 20;
/// The most bytes of all sources together.
const MAX_TOTAL_BYTES: usize = 16 << 20;
/// The deepest nesting of brackets.
const MAX_NESTING: usize = 64;
/// The most signs in one statement that can nest an expression without brackets, as in `a.b.c` or `a + b + c`.
const MAX_OPERATORS: usize = 4096;

/// A file of policies or of schema.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path relative to the policy directory; stands in diagnostics and in the ids of policies without `@id`.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// Everything that a policy set is loaded from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Policies, in Cedar's syntax.
    pub policies: Vec<Source>,
    /// Additions to the schema of this crate, in Cedar's schema syntax.
    pub schema_extensions: Vec<Source>,
    /// Links of templates, in Cedar's JSON: `[{"templateId": …, "newId": …, "values": {"?principal": {"type": …, "id": …}}}]`.
    pub links: Vec<Source>,
}

/// A source with its lines found.
pub(crate) struct Text<'a> {
    pub(crate) name: Arc<str>,
    pub(crate) text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Text<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        let newlines = source.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(newlines.map(|(at, _)| at.saturating_add(1))).collect();
        Self { name: source.name.as_str().into(), text: &source.text, line_starts }
    }

    /// The place of a byte offset.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..offset.min(self.text.len())).unwrap_or_default();
        Place { source: Arc::clone(&self.name), line, column: before.chars().count().saturating_add(1) }
    }

    /// The byte ranges of the policies in the text, each with its `;`.
    pub(crate) fn policies(&self) -> Result<Vec<Range<usize>>, Diagnostic> {
        self.scan(b"([{", b")]}")
    }

    /// Checks that Cedar may read the text as a schema.
    pub(crate) fn check_schema(&self) -> Result<(), Diagnostic> {
        self.scan(b"([{<", b")]}>").map(drop)
    }

    /// Splits the text at each `;` outside strings and comments, as Cedar's lexer knows them.
    fn scan(&self, open: &[u8], close: &[u8]) -> Result<Vec<Range<usize>>, Diagnostic> {
        self.check_size()?;
        let (mut found, mut start) = (Vec::new(), None);
        let (mut nesting, mut operators) = (0_usize, 0_usize);
        let mut rest = self.text.bytes().enumerate().peekable();
        while let Some((at, byte)) = rest.next() {
            if byte == b'/' && rest.next_if(|(_, next)| *next == b'/').is_some() {
                rest.by_ref().find(|(_, byte)| matches!(byte, b'\n' | b'\r'));
                continue;
            }
            if byte.is_ascii_whitespace() || byte == b'\x0b' {
                continue;
            }
            let first = *start.get_or_insert(at);
            match byte {
                b'"' => skip_string(&mut rest),
                b';' => {
                    found.push(first..at.saturating_add(1));
                    (start, nesting, operators) = (None, 0, 0);
                }
                _ if open.contains(&byte) => nesting = nesting.saturating_add(1),
                _ if close.contains(&byte) => nesting = nesting.saturating_sub(1),
                _ if deepens(self.text.as_bytes(), at) => operators = operators.saturating_add(1),
                _ => {}
            }
            self.check_depth(at, nesting, operators)?;
        }
        found.extend(start.map(|first| first..self.text.len()));
        Ok(found)
    }

    /// Checks that the text is not too large.
    pub(crate) fn check_size(&self) -> Result<(), Diagnostic> {
        if self.text.len() <= MAX_SOURCE_BYTES {
            return Ok(());
        }
        let message = format!("the file has {} bytes, more than the {MAX_SOURCE_BYTES} allowed", self.text.len());
        Err(Diagnostic::new(Some(self.place(0)), message).remedy("split it into several files"))
    }

    fn check_depth(&self, at: usize, nesting: usize, operators: usize) -> Result<(), Diagnostic> {
        let fault =
            |message| Err(Diagnostic::new(Some(self.place(at)), message).remedy("split it into several policies"));
        if nesting > MAX_NESTING {
            return fault(format!("brackets are nested more than {MAX_NESTING} deep"));
        }
        if operators > MAX_OPERATORS {
            return fault(format!("the statement has more than {MAX_OPERATORS} operators"));
        }
        Ok(())
    }
}

/// Checks that all sources together are not too large.
pub(crate) fn check_total_size(sources: &Sources) -> Result<(), Diagnostic> {
    let all = sources.policies.iter().chain(&sources.schema_extensions).chain(&sources.links);
    let total = all.map(|source| source.text.len()).sum::<usize>();
    if total <= MAX_TOTAL_BYTES {
        return Ok(());
    }
    Err(Diagnostic::new(None, format!("the policies have {total} bytes, more than the {MAX_TOTAL_BYTES} allowed")))
}

/// Moves past the closing quote.
fn skip_string(rest: &mut impl Iterator<Item = (usize, u8)>) {
    while let Some((_, byte)) = rest.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(rest.next()),
            _ => {}
        }
    }
}

/// Whether an operator that can nest an expression without brackets begins at `at`.
fn deepens(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        Some(b'.' | b'+' | b'-' | b'*' | b'!' | b'&' | b'|' | b'/') => true,
        Some(b'e') => text.get(at..).is_some_and(|rest| rest.starts_with(b"else")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { name: "a.cedar".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn splits_at_semicolons_outside_strings_and_comments() {
        let source = source("// a; b\n@id(\"x;\\\";\") permit(a); // c;\r forbid(b);\n junk");
        let text = Text::new(&source);
        let pieces: Vec<_> =
            text.policies().unwrap().into_iter().map(|range| source.text.get(range).unwrap()).collect();
        assert_eq!(pieces, ["@id(\"x;\\\";\") permit(a);", "forbid(b);", "junk"]);
    }

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let source = source("ab\nđường x");
        let text = Text::new(&source);
        assert_eq!(text.place(0).to_string(), "a.cedar:1:1");
        let offset = source.text.find('x').unwrap();
        assert_eq!(text.place(offset).to_string(), "a.cedar:2:7");
    }

    #[test]
    fn refuses_deep_nesting_but_not_in_strings() {
        let deep = source(&format!("{}1{}", "(".repeat(65), ")".repeat(65)));
        assert!(Text::new(&deep).policies().unwrap_err().message.contains("nested"));
        let quoted = source(&format!("\"{}\"", "(".repeat(500)));
        assert!(Text::new(&quoted).policies().is_ok());
        let types = source(&"Set<".repeat(65));
        assert!(Text::new(&types).check_schema().is_err());
    }

    #[test]
    fn refuses_chains_that_nest_without_brackets() {
        for link in ["a.", "1+", "!", "if a then b else "] {
            let chain = source(&link.repeat(MAX_OPERATORS + 1));
            assert!(Text::new(&chain).policies().unwrap_err().message.contains("operators"), "{link}");
        }
    }

    #[test]
    fn refuses_large_sources() {
        let large = source(&" ".repeat(MAX_SOURCE_BYTES + 1));
        assert!(Text::new(&large).policies().is_err());
        let half = source(&" ".repeat(MAX_SOURCE_BYTES));
        let sources = Sources { policies: vec![half; 17], ..Sources::default() };
        assert!(check_total_size(&sources).is_err());
    }
}
