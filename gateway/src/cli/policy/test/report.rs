//! What came of the cases: a table for people, and the same for programs.

use std::io::{self, Write};
use std::path::Path;

use gaccong_policy::PolicySet;
use serde::Serialize;

use super::case::{Answer, Case, Expected};
use super::coverage::Coverage;
use super::judge::{self, Got};
use super::suite::{CaseFile, Suite};

/// The results of all cases.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    /// Whether every answer is as expected and, where that is required, everything was exercised.
    pub(super) passed: bool,
    pub(super) cases: usize,
    pub(super) failures: usize,
    pub(super) files: Vec<FileReport<'a>>,
    pub(super) coverage: Coverage,
    pub(super) coverage_required: bool,
}

/// The results of one file.
#[derive(Debug, Serialize)]
pub(super) struct FileReport<'a> {
    pub(super) file: &'a Path,
    pub(super) cases: Vec<CaseReport<'a>>,
}

/// The result of one case.
#[derive(Debug, Serialize)]
pub(super) struct CaseReport<'a> {
    pub(super) name: &'a str,
    pub(super) line: usize,
    pub(super) expected: &'a Expected,
    pub(super) got: Got,
    /// What is not as expected.
    pub(super) differences: Vec<String>,
    /// Where a permit was expected: what would have to change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) remedies: Vec<String>,
}

impl<'a> Report<'a> {
    /// Asks the policies every question.
    pub(super) fn of(set: &PolicySet, suite: &'a Suite, coverage_required: bool) -> Self {
        let coverage = Coverage::of(set, suite);
        let files: Vec<_> = suite.files.iter().map(|file| FileReport::of(set, file)).collect();
        let failures = files.iter().map(FileReport::failures).sum();
        let passed = failures == 0 && (!coverage_required || coverage.is_complete());
        Self { passed, cases: suite.len(), failures, files, coverage, coverage_required }
    }

    /// Prints the table of each file, what is not covered, and a summary.
    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        for file in &self.files {
            file.print(out)?;
        }
        self.coverage.print(out)?;
        let failed = if self.failures == 0 { String::new() } else { format!(", {} FAILED", self.failures) };
        writeln!(out, "{} cases: {} as expected{failed}", self.cases, self.cases - self.failures)?;
        if self.coverage_required && !self.coverage.is_complete() {
            writeln!(out, "FAILED: complete coverage is required")?;
        }
        Ok(())
    }
}

impl<'a> FileReport<'a> {
    fn of(set: &PolicySet, file: &'a CaseFile) -> Self {
        Self { file: &file.path, cases: file.cases.iter().map(|case| CaseReport::of(set, case)).collect() }
    }

    pub(super) fn failures(&self) -> usize {
        self.cases.iter().filter(|case| !case.passed()).count()
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        if self.cases.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", self.file.display())?;
        let width = self.cases.iter().map(|case| case.name.chars().count()).max().unwrap_or(0).max("case".len());
        writeln!(out, "          {:width$}  expected  got     by", "case")?;
        for case in &self.cases {
            let mark = if case.passed() { "ok" } else { "FAILED" };
            let (expected, got) = (case.expected.decision.as_str(), case.got.decision.as_str());
            let line = format!("  {mark:6}  {:width$}  {expected:8}  {got:6}  {}", case.name, case.got.by());
            writeln!(out, "{}", line.trim_end())?;
            for difference in &case.differences {
                writeln!(out, "          {}:{}: {difference}", self.file.display(), case.line)?;
            }
            case.remedies.iter().try_for_each(|remedy| writeln!(out, "          {remedy}"))?;
        }
        writeln!(out)
    }
}

impl<'a> CaseReport<'a> {
    fn of(set: &PolicySet, case: &'a Case) -> Self {
        let got = judge::ask(set, case);
        let differences = judge::differences(&case.expected, &got);
        let in_vain = case.expected.decision == Answer::Permit && got.decision == Answer::Refuse;
        let remedies = if in_vain { judge::remedies(set, case) } else { Vec::new() };
        Self { name: &case.name, line: case.line, expected: &case.expected, got, differences, remedies }
    }

    /// Whether all is as expected.
    pub(super) fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}
