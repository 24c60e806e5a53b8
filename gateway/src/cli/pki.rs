//! `gaccong pki`: the small certificate authority of [`crate::pki`] on the command line.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use super::{EXIT_FAILED, EXIT_USAGE, Format, fail};
use crate::pki::{
    self, Authority, AuthorityRequest, IndexEntry, KeyKind, LeafRequest, Name, PkiError, Purpose, Revocation,
    RevocationReason, Validity, serial_of,
};

/// The commands of the authority.
#[derive(Debug, Subcommand)]
pub enum PkiCommand {
    /// Make a root CA in a folder, with an empty revocation list.
    Init(InitArgs),
    /// Issue a certificate with a new key.
    Issue(Box<IssueArgs>),
    /// Revoke a certificate and write the revocation list again.
    Revoke(RevokeArgs),
    /// Write the revocation list again, with a new end of validity.
    Crl(CrlArgs),
}

/// `gaccong pki init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Folder of the CA.
    #[arg(long)]
    dir: PathBuf,
    /// Common name of the CA.
    #[arg(long)]
    name: String,
    /// How long the CA is valid.
    #[arg(long, default_value_t = 365)]
    days: u32,
    /// Kind of its key.
    #[arg(long, value_enum, default_value_t)]
    key: KeyKind,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// `gaccong pki issue`
#[derive(Debug, Args)]
pub struct IssueArgs {
    /// Folder of the CA.
    #[arg(long)]
    dir: PathBuf,
    /// Where to write, without ending: `OUT.pem`, `OUT.key`, `OUT.p12`.
    #[arg(long)]
    out: PathBuf,
    /// For client authentication (the default).
    #[arg(long, conflicts_with = "server")]
    client: bool,
    /// For server authentication.
    #[arg(long)]
    server: bool,
    #[command(flatten)]
    names: NameArgs,
    /// How long the certificate is valid from now.
    #[arg(long, default_value_t = 90, conflicts_with = "not_after")]
    days: u32,
    /// Start of validity (RFC 3339: `2026-01-31T08:00:00Z`).
    #[arg(long, value_name = "TIME")]
    not_before: Option<Timestamp>,
    /// End of validity (RFC 3339).
    #[arg(long, value_name = "TIME")]
    not_after: Option<Timestamp>,
    /// Kind of the key.
    #[arg(long, value_enum, default_value_t)]
    key: KeyKind,
    /// Also write a PKCS #12 file under this password, to import in a browser.
    #[arg(long, value_name = "PASSWORD")]
    p12: Option<String>,
    /// Overwrite existing files.
    #[arg(long)]
    force: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Whom a certificate names.
#[derive(Debug, Args)]
pub struct NameArgs {
    /// Common name of the subject; without it, the first of the other names.
    #[arg(long)]
    cn: Option<String>,
    /// Host name; may be repeated, as all that follow.
    #[arg(long)]
    dns: Vec<String>,
    /// Email address.
    #[arg(long)]
    email: Vec<String>,
    /// URI, for example a SPIFFE ID.
    #[arg(long)]
    uri: Vec<String>,
    /// User principal name, as on smartcards.
    #[arg(long)]
    upn: Vec<String>,
    /// IP address.
    #[arg(long)]
    ip: Vec<IpAddr>,
}

/// `gaccong pki revoke`
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// Folder of the CA.
    #[arg(long)]
    dir: PathBuf,
    /// Serial number (hexadecimal) or certificate file.
    #[arg(value_name = "SERIAL|FILE")]
    certificate: String,
    /// Why.
    #[arg(long, value_enum, default_value_t, ignore_case = true)]
    reason: RevocationReason,
    /// In how many days the revocation list ends.
    #[arg(long, default_value_t = 7)]
    days: u32,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// `gaccong pki crl`
#[derive(Debug, Args)]
pub struct CrlArgs {
    /// Folder of the CA.
    #[arg(long)]
    dir: PathBuf,
    /// In how many days the revocation list ends (its nextUpdate).
    #[arg(long, default_value_t = 7)]
    days: u32,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What a command made or changed.
#[derive(Debug, Serialize)]
struct Made {
    files: Vec<PathBuf>,
    #[serde(flatten)]
    certificate: Option<IndexEntry>,
}

/// Runs a command of the authority.
pub fn run(command: &PkiCommand) -> ExitCode {
    let (made, format) = match command {
        PkiCommand::Init(args) => (init(args), args.format),
        PkiCommand::Issue(args) => (issue(args), args.format),
        PkiCommand::Revoke(args) => (revoke(args), args.format),
        PkiCommand::Crl(args) => (crl(args), args.format),
    };
    match made {
        Ok(made) => match print(&mut io::stdout().lock(), &made, format) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(EXIT_FAILED, format_args!("cannot print the result: {error}")),
        },
        Err(error) => fail(if error.is_usage() { EXIT_USAGE } else { EXIT_FAILED }, error),
    }
}

fn init(args: &InitArgs) -> Result<Made, PkiError> {
    let request = AuthorityRequest { name: args.name.clone(), validity: Validity::days(args.days), key: args.key };
    let authority = Authority::create(&args.dir, &request)?;
    Ok(Made { files: vec![authority.certificate_path(), authority.crl_path()], certificate: None })
}

fn issue(args: &IssueArgs) -> Result<Made, PkiError> {
    let issued = Authority::open(&args.dir)?.issue(&LeafRequest {
        purpose: if args.server { Purpose::Server } else { Purpose::Client },
        names: args.names.names(),
        validity: args.validity(),
        key: args.key,
    })?;
    let written = issued.write(&args.out, args.force)?;
    let mut files = vec![written.certificate, written.key];
    if let Some(password) = &args.p12 {
        files.push(issued.write_p12(&args.out, password, args.force)?);
    }
    Ok(Made { files, certificate: Some(issued.entry) })
}

fn revoke(args: &RevokeArgs) -> Result<Made, PkiError> {
    let authority = Authority::open(&args.dir)?;
    let file = Path::new(&args.certificate);
    let serial = if file.exists() { serial_of(file)? } else { args.certificate.clone() };
    let entry = authority.revoke(&Revocation { serial, reason: args.reason, at: pki::now() })?;
    let crl = authority.write_crl(Validity::days(args.days))?;
    Ok(Made { files: vec![crl], certificate: Some(entry) })
}

fn crl(args: &CrlArgs) -> Result<Made, PkiError> {
    let crl = Authority::open(&args.dir)?.write_crl(Validity::days(args.days))?;
    Ok(Made { files: vec![crl], certificate: None })
}

impl NameArgs {
    fn names(&self) -> Vec<Name> {
        let texts = |values: &[String], kind: fn(String) -> Name| values.iter().cloned().map(kind).collect::<Vec<_>>();
        let mut names: Vec<Name> = self.cn.iter().cloned().map(Name::CommonName).collect();
        names.extend(texts(&self.dns, Name::Dns));
        names.extend(texts(&self.email, Name::Email));
        names.extend(texts(&self.uri, Name::Uri));
        names.extend(texts(&self.upn, Name::Upn));
        names.extend(self.ip.iter().copied().map(Name::Ip));
        names
    }
}

impl IssueArgs {
    fn validity(&self) -> Validity {
        let from_now = Validity::days(self.days);
        Validity {
            not_before: self.not_before.unwrap_or(from_now.not_before),
            not_after: self.not_after.unwrap_or(from_now.not_after),
        }
    }
}

fn print(out: &mut impl Write, made: &Made, format: Format) -> io::Result<()> {
    if format == Format::Json {
        serde_json::to_writer_pretty(&mut *out, made)?;
        return writeln!(out);
    }
    for file in &made.files {
        writeln!(out, "wrote {}", file.display())?;
    }
    let Some(certificate) = &made.certificate else { return Ok(()) };
    writeln!(out, "serial {}", certificate.serial)?;
    writeln!(out, "names {}", certificate.names.join(", "))?;
    writeln!(out, "valid until {}", certificate.not_after)?;
    if let Some(revoked_at) = certificate.revoked_at {
        writeln!(out, "revoked at {revoked_at}")?;
    }
    Ok(())
}
