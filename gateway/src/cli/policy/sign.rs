//! `gaccong policy sign`: makes a bundle of a policy directory, or approves one.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::run::print;
use crate::cli::signing::{private_key, signer_name, write};
use crate::cli::{EXIT_FAILED, EXIT_NO, Format, fail};
use crate::config::diagnostic::Diagnostic;
use crate::process::policies::files::{self, File, Wanted};
use crate::process::policies::manifest::{MANIFEST, Manifest, SIGNATURES, sha256};

/// Signs a policy directory: the author makes the bundle, others approve it.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// The policy directory.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Your private key: Ed25519 in PEM, as `openssl genpkey -algorithm ed25519` makes it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Your name among the `signers` of the configuration.
    #[arg(long = "as", value_name = "NAME", value_parser = signer_name)]
    name: String,
    /// Make a new bundle of the directory as it is. What was signed before is void.
    #[arg(long)]
    author: bool,
    /// The number of the new bundle. Default: one more than that of the last.
    #[arg(long, value_name = "NUMBER", requires = "author")]
    sequence: Option<u64>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was signed.
#[derive(Debug, Serialize)]
struct Signed {
    sequence: u64,
    manifest_sha256: String,
    author: String,
    files: usize,
    signature: PathBuf,
}

/// Why nothing was signed.
enum Unsigned {
    /// The bundle is not what it says.
    No(Vec<Diagnostic>),
    /// A file could not be read or written.
    Failed(String),
}

impl From<Box<Diagnostic>> for Unsigned {
    fn from(error: Box<Diagnostic>) -> Self {
        Self::No(vec![*error])
    }
}

/// Signs. Exit code 1 where the directory is not what its manifest says, 3 where a file could not be read or written.
pub fn run(args: &SignArgs) -> ExitCode {
    let signed = match sign(args) {
        Ok(signed) => signed,
        Err(Unsigned::No(diagnostics)) => {
            print(&diagnostics);
            return ExitCode::from(EXIT_NO);
        }
        Err(Unsigned::Failed(error)) => return fail(EXIT_FAILED, error),
    };
    let mut out = io::stdout().lock();
    let printed = match args.format {
        Format::Json => serde_json::to_writer_pretty(&mut out, &signed).map_err(io::Error::from),
        Format::Text => tell(&signed, &args.name, &mut out),
    };
    match printed.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(EXIT_FAILED, error),
    }
}

fn tell(signed: &Signed, name: &str, out: &mut impl Write) -> io::Result<()> {
    let Signed { sequence, manifest_sha256, author, files, signature } = signed;
    writeln!(out, "bundle {sequence} of {files} files by {author}, manifest SHA-256 {manifest_sha256}")?;
    writeln!(out, "signed by {name}: {}", signature.display())
}

fn sign(args: &SignArgs) -> Result<Signed, Unsigned> {
    let key = private_key(&args.key).map_err(Unsigned::Failed)?;
    let directory = &args.directory;
    let files = files::read(directory, Wanted::All).map_err(|error| Unsigned::Failed(error.to_string()))?;
    let path = directory.join(MANIFEST);
    let last = files.iter().find(|file| file.name == MANIFEST);
    let last =
        last.map(|file| Ok::<_, Unsigned>((Manifest::parse(&path, &file.bytes)?, file.bytes.clone()))).transpose()?;
    let (manifest, bytes) = match (args.author, last) {
        (true, last) => make(args, &files, last.map(|(manifest, _)| manifest))?,
        (false, Some((manifest, bytes))) => {
            check(args, &manifest, &files)?;
            (manifest, bytes)
        }
        (false, None) => {
            let message = "there is no bundle to approve; its author makes it with `--author`";
            return Err(Box::new(Diagnostic::of_file(&path, message)).into());
        }
    };
    let signature = directory.join(SIGNATURES).join(format!("{}.sig", args.name));
    write(&signature, key.sign(&bytes).as_ref()).map_err(Unsigned::Failed)?;
    let Manifest { sequence, author, files, .. } = manifest;
    Ok(Signed { sequence, manifest_sha256: sha256(&bytes), author, files: files.len(), signature })
}

/// A new manifest, in place of the last, whose signatures go.
fn make(args: &SignArgs, files: &[File], last: Option<Manifest>) -> Result<(Manifest, Vec<u8>), Unsigned> {
    let sequence = args.sequence.unwrap_or_else(|| last.map_or(1, |last| last.sequence.saturating_add(1)));
    let manifest = Manifest::of(files, sequence, Timestamp::now(), &args.name);
    let mut bytes = serde_json::to_vec_pretty(&manifest).map_err(|error| Unsigned::Failed(error.to_string()))?;
    bytes.push(b'\n');
    for old in files.iter().filter(|file| file.name.starts_with(SIGNATURES) && file.name.ends_with(".sig")) {
        let path = args.directory.join(&old.name);
        fs::remove_file(&path).map_err(|error| Unsigned::Failed(format!("{}: {error}", path.display())))?;
    }
    write(&args.directory.join(MANIFEST), &bytes).map_err(Unsigned::Failed)?;
    Ok((manifest, bytes))
}

/// Who approves must approve what is there, and must not be the author.
fn check(args: &SignArgs, manifest: &Manifest, files: &[File]) -> Result<(), Unsigned> {
    if manifest.author == args.name {
        let message = format!("`{}` is the author of this bundle; someone else must approve it", args.name);
        return Err(Box::new(Diagnostic::of_file(args.directory.join(MANIFEST), message)).into());
    }
    match manifest.differences(&args.directory, files) {
        found if found.is_empty() => Ok(()),
        found => Err(Unsigned::No(found)),
    }
}
