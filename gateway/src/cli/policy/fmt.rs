//! `gaccong policy fmt`: the one way to lay policies out.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use gaccong_policy::Source;
use serde::Serialize;

use crate::cli::{EXIT_FAILED, EXIT_INVALID, EXIT_NO, Format, fail};
use crate::config::diagnostic::Diagnostic;
use crate::config::source::{read_bounded, unreadable};
use crate::process::policies::diagnostic;

/// No policy file is larger.
const MAX_BYTES: u64 = 1 << 20;

/// How deep below a folder policies are looked for.
const DEPTH: usize = 8;

/// Lays policies out. Comments stay, and so does what the policies mean.
#[derive(Debug, Args)]
pub struct FmtArgs {
    /// Files of policies, and folders in which every `*.cedar` is meant.
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Change nothing; list the files that would change, and fail where there is one.
    #[arg(long)]
    check: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was done, or with `--check` would be.
#[derive(Debug, Default, Serialize)]
struct Report {
    files: usize,
    changed: Vec<PathBuf>,
    diagnostics: Vec<Diagnostic>,
}

/// Exit code 0; 1 where `--check` finds a file to change, 78 where a file does not parse.
pub fn run(args: &FmtArgs) -> ExitCode {
    match lay_out(args) {
        Ok(report) => print(args, &report).unwrap_or_else(|error| fail(EXIT_FAILED, error)),
        Err(failed) => fail(EXIT_FAILED, failed),
    }
}

/// A file that does not parse is left as it is, and the others are laid out all the same.
fn lay_out(args: &FmtArgs) -> Result<Report, Box<Diagnostic>> {
    let mut files = Vec::new();
    for path in &args.paths {
        find(path, DEPTH, &mut files).map_err(|error| Box::new(unreadable(path, &error)))?;
    }
    let mut report = Report { files: files.len(), ..Report::default() };
    for file in files {
        let text = read_bounded(&file, MAX_BYTES).map_err(|error| Box::new(unreadable(&file, &error)))?;
        let source = Source { name: file.to_string_lossy().into_owned(), text };
        match gaccong_policy::format(&source) {
            Ok(laid_out) if laid_out == source.text => {}
            Ok(laid_out) => {
                if !args.check {
                    replace(&file, &laid_out)
                        .map_err(|error| Box::new(Diagnostic::of_file(&file, format!("cannot be written: {error}"))))?;
                }
                report.changed.push(file);
            }
            Err(errors) => report.diagnostics.extend(errors.into_iter().map(|found| diagnostic(Path::new(""), found))),
        }
    }
    Ok(report)
}

/// The file itself, or every policy file below the folder.
fn find(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for path in entries.iter().map(fs::DirEntry::path) {
        let is_policy = path.extension().is_some_and(|extension| extension == "cedar");
        if is_policy || (path.is_dir() && depth > 0) {
            find(&path, depth.saturating_sub(1), found)?;
        }
    }
    Ok(())
}

/// Writes beside the file and renames: whoever reads the file meanwhile reads all of the old or all of the new.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    // A link stays a link.
    let file = fs::canonicalize(file)?;
    let mut unfinished = file.clone().into_os_string();
    unfinished.push(".unfinished");
    fs::write(&unfinished, text)?;
    fs::set_permissions(&unfinished, fs::metadata(&file)?.permissions())?;
    fs::rename(&unfinished, &file)
}

fn print(args: &FmtArgs, report: &Report) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, report)?;
            writeln!(out)?;
        }
        Format::Text => {
            let verb = if args.check { "would change" } else { "changed" };
            report.changed.iter().try_for_each(|file| writeln!(out, "{verb}: {}", file.display()))?;
            report.diagnostics.iter().try_for_each(|diagnostic| writeln!(out, "{diagnostic}"))?;
            writeln!(out, "{} files, {} {verb}", report.files, report.changed.len())?;
        }
    }
    out.flush()?;
    Ok(match (report.diagnostics.as_slice(), report.changed.as_slice()) {
        ([_, ..], _) => ExitCode::from(EXIT_INVALID),
        ([], [_, ..]) if args.check => ExitCode::from(EXIT_NO),
        _ => ExitCode::SUCCESS,
    })
}
