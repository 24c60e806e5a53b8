//! `gaccong grant new`: writes a grant.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::cli::signing::write;
use crate::cli::{EXIT_FAILED, EXIT_USAGE, Format, fail};
use crate::facts::break_glass::grant::{self, file_name};
use crate::facts::break_glass::{Grant, Holder};

/// Writes a grant, which nobody has signed yet.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("for").required(true)))]
pub struct NewArgs {
    /// The directory of the grants.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The name of the grant: letters, digits, `-` and `_`.
    #[arg(long)]
    id: String,
    /// The person it is for, by the name that policies know.
    #[arg(long, group = "for", value_name = "NAME")]
    user: Option<String>,
    /// The service it is for, by the name that policies know.
    #[arg(long, group = "for", value_name = "NAME")]
    workload: Option<String>,
    /// The certificate it is for: its SHA-256, in lower-case hexadecimal.
    #[arg(long, group = "for", value_name = "SHA256")]
    certificate: Option<String>,
    /// An app that it opens; may be repeated.
    #[arg(long, required = true, value_name = "NAME")]
    app: Vec<String>,
    /// Why it is given; the records say so.
    #[arg(long)]
    reason: String,
    /// When it begins (RFC 3339). Default: now.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// How long it lasts, at most 240.
    #[arg(long, default_value_t = 240, value_name = "MINUTES")]
    minutes: u32,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Writes the grant. Exit code 2 where it would grant more than a grant may, 3 where its file cannot be written.
pub(super) fn run(args: &NewArgs) -> ExitCode {
    let grant = match grant(args) {
        Ok(grant) => grant,
        Err(error) => return fail(EXIT_USAGE, error),
    };
    let path = args.directory.join(file_name(&grant.id));
    if path.exists() {
        return fail(EXIT_USAGE, format!("{}: there is already a grant `{}`", path.display(), grant.id));
    }
    let text = serde_json::to_string_pretty(&grant).map_err(|error| error.to_string());
    match text.and_then(|text| write(&path, (text + "\n").as_bytes())) {
        Ok(()) => {}
        Err(error) => return fail(EXIT_FAILED, error),
    }
    let mut out = io::stdout().lock();
    let printed = match args.format {
        Format::Json => serde_json::to_writer_pretty(&mut out, &grant).map_err(io::Error::from),
        Format::Text => writeln!(
            out,
            "{}: a grant from {} to {}; two signers sign it with `gaccong grant sign`",
            path.display(),
            grant.not_before,
            grant.not_after
        ),
    };
    match printed.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(EXIT_FAILED, error),
    }
}

fn grant(args: &NewArgs) -> Result<Grant, String> {
    let holder = match (&args.user, &args.workload, &args.certificate) {
        (Some(name), ..) => Holder::User(name.clone()),
        (_, Some(name), _) => Holder::Workload(name.clone()),
        (.., Some(fingerprint)) => Holder::Certificate(fingerprint.clone()),
        (None, None, None) => return Err("say for whom it is".to_owned()),
    };
    // Whole seconds are easier to compare by eye, which those who sign should do.
    let now = Timestamp::from_second(args.from.unwrap_or_else(Timestamp::now).as_second());
    let not_before = now.map_err(|error| error.to_string())?;
    let not_after = not_before.checked_add(SignedDuration::from_mins(args.minutes.into()));
    let grant = Grant {
        format: grant::Format::V1,
        id: args.id.as_str().into(),
        holder,
        apps: args.app.iter().map(|app| Arc::from(app.as_str())).collect(),
        reason: args.reason.clone(),
        not_before,
        not_after: not_after.map_err(|error| error.to_string())?,
    };
    grant.check()?;
    Ok(grant)
}
