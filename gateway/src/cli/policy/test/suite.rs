//! The case files of a policy directory: found, and read with everything that is wrong reported at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::case::{self, Case, Settings, Surroundings};
use super::known::Known;
use super::parts::Parts;
use crate::config::diagnostic::Diagnostic;
use crate::config::reader::{self, Table};
use crate::config::source::{Findings, Source, Spot, unreadable};

/// How the name of a case file ends.
const SUFFIX: &str = ".cases.toml";

/// How deep below the policy directory case files are looked for.
const DEPTH: usize = 8;

/// All cases, by file.
#[derive(Debug, Default)]
pub(crate) struct Suite {
    pub(crate) files: Vec<CaseFile>,
}

/// A file of cases.
#[derive(Debug)]
pub(crate) struct CaseFile {
    pub(crate) path: PathBuf,
    pub(crate) cases: Vec<Case>,
}

impl Suite {
    /// How many cases there are.
    pub(crate) fn len(&self) -> usize {
        self.files.iter().map(|file| file.cases.len()).sum()
    }

    /// Every case, in the order of the files.
    pub(crate) fn cases(&self) -> impl Iterator<Item = &Case> {
        self.files.iter().flat_map(|file| &file.cases)
    }
}

/// Reads every `*.cases.toml` below `directory`, in the order of their names.
///
/// # Errors
/// Everything that is wrong with them, with its place.
pub(super) fn read(directory: &Path, known: &Known<'_>) -> Result<Suite, Vec<Diagnostic>> {
    let mut paths = Vec::new();
    find(directory, DEPTH, &mut paths).map_err(|error| vec![unreadable(directory, &error)])?;
    let read = |path: &PathBuf| Source::read(path).map_err(|error| vec![unreadable(path, &error)]);
    let sources = paths.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let findings = Findings::default();
    let suite = read_all(&sources, known, &findings);
    let mut problems = findings.into_parts().0;
    // What is wrong with a default is found again for each case.
    let mut seen = BTreeSet::new();
    problems.retain(|found| seen.insert((found.file.clone(), found.line, found.column, found.message.clone())));
    if problems.is_empty() { Ok(suite) } else { Err(problems) }
}

fn find(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for path in entries.iter().map(fs::DirEntry::path) {
        if path.is_dir() && depth > 0 {
            find(&path, depth - 1, found)?;
        } else if path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(SUFFIX)) {
            found.push(path);
        }
    }
    Ok(())
}

/// Parts first: a case may use those of any file.
fn read_all<'a>(sources: &'a [Source], known: &Known<'_>, findings: &'a Findings) -> Suite {
    let mut parts = Parts::new();
    let mut files = Vec::new();
    for source in sources {
        let Some(mut file) = reader::parse(source, findings) else { continue };
        parts.take(&mut file, known);
        let mut defaults = file.table_or_empty("defaults");
        let settings = Settings::take(&mut defaults);
        defaults.finish();
        let cases = file.tables("case");
        file.finish();
        files.push((source, settings, cases));
    }
    let read = |(source, defaults, cases): (&Source, Settings<'a>, Vec<Table<'a>>)| {
        let around = Surroundings { defaults, parts: &parts, known };
        let cases = cases.into_iter().filter_map(|table| case::read(table, &around)).collect();
        CaseFile { path: source.shown.clone(), cases: unique(cases) }
    };
    Suite { files: files.into_iter().map(read).collect() }
}

/// Two cases of one name could not be told apart in a report.
fn unique(cases: Vec<(Case, Spot<'_>)>) -> Vec<Case> {
    let mut first: BTreeMap<String, Spot<'_>> = BTreeMap::new();
    for (case, spot) in &cases {
        match first.get(&case.name) {
            Some(earlier) => spot.error(format!("there is already a case `{}`, at {}", case.name, earlier.shown()), ""),
            None => {
                first.insert(case.name.clone(), *spot);
            }
        }
    }
    cases.into_iter().map(|(case, _)| case).collect()
}
