//! `gaccong store`: what the gateway keeps, while no gateway has it open.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{EXIT_FAILED, EXIT_INVALID, EXIT_NO, Format, fail};
use crate::cli::run::print;
use crate::config;
use crate::store::StoreError;
use crate::store::embedded::Embedded;
use crate::store::export::{self, ImportError, Summary};

/// What to do with the store.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Reads the whole store and every checksum in it.
    Check(CheckArgs),
    /// Brings the store to the version of this gateway, as its start would.
    Migrate(CheckArgs),
    /// Writes everything that the store holds as lines of JSON.
    Export(ExportArgs),
    /// Makes a store of an export.
    Import(ImportArgs),
}

/// Where the store is.
#[derive(Debug, Args)]
pub struct Place {
    /// The configuration that names the store.
    #[arg(short, long, value_name = "FILE", default_value = "gaccong.toml")]
    config: PathBuf,
    /// The file of the store, instead of the one that the configuration names.
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

/// Checks.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    place: Place,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Exports.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    place: Place,
    /// Where to write it, instead of to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Imports.
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    place: Place,
    /// The export; `-` for standard input.
    #[arg(value_name = "FILE")]
    input: PathBuf,
    /// Put it in the place of the store that is there.
    #[arg(long)]
    replace: bool,
}

/// Does it.
pub fn run(command: &StoreCommand) -> ExitCode {
    match command {
        StoreCommand::Check(args) => with_path(&args.place, |path| check(path, args.format)),
        StoreCommand::Migrate(args) => with_path(&args.place, |path| match existing(path) {
            Ok(_) => check(path, args.format),
            Err(error) => fail(EXIT_FAILED, error),
        }),
        StoreCommand::Export(args) => with_path(&args.place, |path| export_to(path, args.output.as_deref())),
        StoreCommand::Import(args) => with_path(&args.place, |path| import_from(path, &args.input, args.replace)),
    }
}

fn with_path(place: &Place, run: impl FnOnce(&Path) -> ExitCode) -> ExitCode {
    if let Some(path) = &place.store {
        return run(path);
    }
    match config::load(&place.config) {
        Ok(loaded) => match loaded.config.store {
            Some(store) => run(&store.path),
            None => fail(EXIT_INVALID, StoreError::Absent),
        },
        Err(invalid) => {
            print(&invalid.diagnostics);
            ExitCode::from(EXIT_INVALID)
        }
    }
}

#[derive(Debug, Serialize)]
struct Report {
    whole: bool,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    summary: Option<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Exit code 0 where the store is whole, 1 where it is damaged, 3 where it cannot be read.
fn check(path: &Path, format: Format) -> ExitCode {
    // An export to nowhere reads and understands every entry.
    let checked = Embedded::check(path).and_then(|store| export::export(&store, &mut io::sink()));
    let (report, code) = match checked {
        Ok(summary) => (Report { whole: true, summary: Some(summary), error: None }, 0),
        Err(error @ (StoreError::Damaged { .. } | StoreError::Newer { .. })) => {
            (Report { whole: false, summary: None, error: Some(error.to_string()) }, EXIT_NO)
        }
        Err(error) => return fail(EXIT_FAILED, error),
    };
    let mut stdout = io::stdout().lock();
    let printed = match (format, &report.summary, &report.error) {
        (Format::Json, ..) => serde_json::to_writer_pretty(&mut stdout, &report).map_err(io::Error::from),
        (Format::Text, Some(it), _) => {
            writeln!(stdout, "{}: whole ({} entries, {} commits)", path.display(), it.entries, it.serial)
        }
        (Format::Text, None, error) => writeln!(stdout, "{}", error.as_deref().unwrap_or_default()),
    };
    match printed {
        Ok(()) => ExitCode::from(code),
        Err(error) => fail(EXIT_FAILED, error),
    }
}

fn export_to(path: &Path, output: Option<&Path>) -> ExitCode {
    let exported = existing(path).and_then(|store| match output {
        Some(file) => create(file).and_then(|file| export::export(&store, &mut BufWriter::new(file))),
        None => export::export(&store, &mut BufWriter::new(io::stdout().lock())),
    });
    exported.map_or_else(|error| fail(EXIT_FAILED, error), |_| ExitCode::SUCCESS)
}

/// A store that is there: an export of what is not would be an empty one.
fn existing(path: &Path) -> Result<Embedded, StoreError> {
    if path.exists() { Embedded::open(path) } else { Err(StoreError::Io(format!("{}: no such file", path.display()))) }
}

/// An export says who is refused, and of whose device what is known: nobody else may read it.
fn create(path: &Path) -> Result<File, StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.map_err(|error| StoreError::Io(format!("{}: {error}", path.display())))
}

fn import_from(path: &Path, input: &Path, replace: bool) -> ExitCode {
    let imported = if input == Path::new("-") {
        export::import(&mut io::stdin().lock(), path, replace)
    } else {
        match File::open(input) {
            Ok(file) => export::import(&mut BufReader::new(file), path, replace),
            Err(error) => return fail(EXIT_FAILED, format_args!("{}: {error}", input.display())),
        }
    };
    match imported {
        Ok(Summary { entries, serial }) => {
            let mut stdout = io::stdout().lock();
            let _ = writeln!(stdout, "{}: {entries} entries, {serial} commits", path.display());
            ExitCode::SUCCESS
        }
        Err(error @ ImportError::Malformed { .. }) => fail(EXIT_NO, error),
        Err(error) => fail(EXIT_FAILED, error),
    }
}
