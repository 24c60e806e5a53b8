//! `gaccong grant sign`: signs a grant.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::cli::signing::{private_key, signer_name, write};
use crate::cli::{EXIT_FAILED, EXIT_NO, Format, fail};
use crate::config::source::{read_bytes_bounded, words};
use crate::facts::break_glass::Grant;
use crate::facts::break_glass::grant::{MAX_BYTES, id_of, signature_name};

/// Signs a grant, after it was shown.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// The file of the grant.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Your private key: Ed25519 in PEM, as `openssl genpkey -algorithm ed25519` makes it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Your name among the `signers` of `[break_glass]`.
    #[arg(long = "as", value_name = "NAME", value_parser = signer_name)]
    name: String,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was signed.
#[derive(Debug, Serialize)]
struct Signed {
    grant: Grant,
    signature: PathBuf,
}

/// Signs. Exit code 1 where the file is no grant that could be in force, 3 where a file could not be read or written.
pub(super) fn run(args: &SignArgs) -> ExitCode {
    let bytes = match read_bytes_bounded(&args.file, MAX_BYTES as u64) {
        Ok(bytes) => bytes,
        Err(error) => return fail(EXIT_FAILED, format!("{}: {}", args.file.display(), words(&error))),
    };
    let grant = match good(&args.file, &bytes) {
        Ok(grant) => grant,
        Err(error) => return fail(EXIT_NO, format!("{}: {error}", args.file.display())),
    };
    let signature = args.file.with_file_name(signature_name(&grant.id, &args.name));
    let written = private_key(&args.key).and_then(|key| write(&signature, key.sign(&bytes).as_ref()));
    if let Err(error) = written {
        return fail(EXIT_FAILED, error);
    }
    let mut out = io::stdout().lock();
    let printed = match args.format {
        Format::Json => serde_json::to_writer_pretty(&mut out, &Signed { grant, signature }).map_err(io::Error::from),
        Format::Text => tell(&grant, &args.name, &signature, &mut out),
    };
    match printed.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(EXIT_FAILED, error),
    }
}

/// What is signed must be a grant, under the name that the gateway looks for.
fn good(file: &Path, bytes: &[u8]) -> Result<Grant, String> {
    let grant = Grant::parse(bytes)?;
    match id_of(file) == Some(&*grant.id) {
        true => Ok(grant),
        false => Err(format!("its id is `{}`, which its file must be called by", grant.id)),
    }
}

fn tell(grant: &Grant, name: &str, signature: &Path, out: &mut impl Write) -> io::Result<()> {
    let Grant { id, holder, apps, reason, not_before, not_after, .. } = grant;
    writeln!(out, "grant {id} for {holder} to {} from {not_before} to {not_after}: {reason}", apps.join(", "))?;
    writeln!(out, "signed by {name}: {}", signature.display())
}
