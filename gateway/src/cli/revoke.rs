//! `gaccong revoke`: who and what is refused, at once and in every live stream.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::{Map, Value, json};

use super::remote::{self, About, RemoteArgs};
use super::{Format, duration};
use crate::state::SubjectKind;

/// Whom to revoke.
#[derive(Debug, Subcommand)]
pub enum RevokeCommand {
    /// A person, by the name that policies know.
    User(RevokeArgs),
    /// A service or a job, by the name that policies know.
    Workload(RevokeArgs),
    /// A device, by the name in its certificate.
    Device(RevokeArgs),
    /// A login session.
    Session(RevokeArgs),
    /// A certificate: its SHA-256 fingerprint, or `ISSUER|SERIAL`.
    Certificate(RevokeArgs),
    /// Who and what is revoked.
    List(ListArgs),
    /// Ends a revocation.
    Lift(SubjectArgs),
    /// Makes a subject prove again who it is: what it has open ends, what it opens anew goes on.
    Reauthenticate(SubjectArgs),
}

/// Revokes.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    /// Who or what. Ids of sessions may begin with a hyphen.
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    id: String,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// For how long, such as `90s`, `15m`, `8h`, `7d`. Without it, until it is lifted.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    duration: Option<Duration>,
}

/// Lists.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A subject.
#[derive(Debug, Args)]
pub struct SubjectArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    /// Of what kind.
    #[arg(value_name = "KIND", value_enum)]
    kind: Kind,
    /// Who or what. Ids of sessions may begin with a hyphen.
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    id: String,
}

/// The kinds of subjects on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "documented at SubjectKind")]
pub enum Kind {
    User,
    Workload,
    Device,
    Session,
    Certificate,
}

/// Does it.
pub fn run(command: &RevokeCommand) -> ExitCode {
    match command {
        RevokeCommand::User(args) => revoke(SubjectKind::User, args),
        RevokeCommand::Workload(args) => revoke(SubjectKind::Workload, args),
        RevokeCommand::Device(args) => revoke(SubjectKind::Device, args),
        RevokeCommand::Session(args) => revoke(SubjectKind::Session, args),
        RevokeCommand::Certificate(args) => revoke(SubjectKind::Certificate, args),
        RevokeCommand::List(args) => remote::list(&args.remote, "/v1/revocations", "revocations", args.format),
        RevokeCommand::Lift(args) => about(args, Method::DELETE, "revocations"),
        RevokeCommand::Reauthenticate(args) => about(args, Method::POST, "reauthentications"),
    }
}

fn revoke(kind: SubjectKind, args: &RevokeArgs) -> ExitCode {
    let mut body = Map::new();
    body.extend(args.reason.as_ref().map(|reason| ("reason".to_owned(), json!(reason))));
    body.extend(args.duration.map(|duration| ("for_s".to_owned(), json!(duration.as_secs()))));
    let about = About { what: "revocations", kind: kind.as_str(), id: &args.id };
    remote::change(&args.remote, Method::POST, &about, Some(&Value::Object(body)))
}

fn about(args: &SubjectArgs, method: Method, what: &'static str) -> ExitCode {
    let about = About { what, kind: SubjectKind::from(args.kind).as_str(), id: &args.id };
    remote::change(&args.remote, method, &about, None)
}

impl From<Kind> for SubjectKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::User,
            Kind::Workload => Self::Workload,
            Kind::Device => Self::Device,
            Kind::Session => Self::Session,
            Kind::Certificate => Self::Certificate,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn an_id_may_begin_with_a_hyphen() {
        let id = |arguments: &[&str]| match Cli::try_parse_from([&["gaccong", "revoke"], arguments].concat()) {
            Ok(Cli { command: Command::Revoke(RevokeCommand::Session(args)) }) => {
                (args.id, args.reason.unwrap_or_default())
            }
            Ok(Cli { command: Command::Revoke(RevokeCommand::Lift(args)) }) => (args.id, String::new()),
            other => panic!("{arguments:?}: {other:?}"),
        };
        for wanted in ["-YkTr1bK3_xQ", "--kTr1bK3_xQ", "-hkTr1bK3_xQ", "-"] {
            assert_eq!(id(&["session", wanted]).0, wanted);
            assert_eq!(id(&["session", "--reason", "stolen", wanted]), (wanted.to_owned(), "stolen".to_owned()));
            assert_eq!(id(&["session", wanted, "--reason", "stolen"]), (wanted.to_owned(), "stolen".to_owned()));
            assert_eq!(id(&["lift", "session", wanted]).0, wanted);
        }
        assert!(Cli::try_parse_from(["gaccong", "revoke", "session", "--reason", "stolen"]).is_err());
    }
}
