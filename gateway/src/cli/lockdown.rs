//! `gaccong lockdown`: closes what is in danger until another person opens it; and `gaccong alert`.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::json;

use super::Format;
use super::remote::{self, About, RemoteArgs};
use crate::state::ScopeKind;

/// What to close.
#[derive(Debug, Subcommand)]
pub enum LockdownCommand {
    /// One app, to everyone.
    App(LockArgs),
    /// Every app, to the members of a group.
    Group(LockArgs),
    /// Every app, to certificates of an issuer: its distinguished name as records have it.
    Issuer(LockArgs),
    /// Every app, to certificates of a trust domain.
    TrustDomain(LockArgs),
    /// What is closed.
    List(ListArgs),
    /// Opens what another person has closed.
    Lift(LiftArgs),
}

/// Closes.
#[derive(Debug, Args)]
pub struct LockArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    /// Its name.
    #[arg(value_name = "NAME")]
    name: String,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
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

/// Opens.
#[derive(Debug, Args)]
pub struct LiftArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    /// Of what kind.
    #[arg(value_name = "KIND", value_enum)]
    kind: Kind,
    /// Its name.
    #[arg(value_name = "NAME")]
    name: String,
}

/// The kinds of scopes on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "documented at ScopeKind")]
pub enum Kind {
    App,
    Group,
    Issuer,
    TrustDomain,
}

/// What to do with the alert level.
#[derive(Debug, Subcommand)]
pub enum AlertCommand {
    /// The level as it is.
    Show(ListArgs),
    /// Sets it.
    Set(SetAlertArgs),
}

/// Sets the alert level.
#[derive(Debug, Args)]
pub struct SetAlertArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    /// From 0, nothing unusual, to 5.
    #[arg(value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(0..=5))]
    level: u8,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Does it.
pub fn run(command: &LockdownCommand) -> ExitCode {
    match command {
        LockdownCommand::App(args) => lock(ScopeKind::App, args),
        LockdownCommand::Group(args) => lock(ScopeKind::Group, args),
        LockdownCommand::Issuer(args) => lock(ScopeKind::Issuer, args),
        LockdownCommand::TrustDomain(args) => lock(ScopeKind::TrustDomain, args),
        LockdownCommand::List(args) => remote::list(&args.remote, "/v1/lockdowns", "lockdowns", args.format),
        LockdownCommand::Lift(args) => {
            let about = About { what: "lockdowns", kind: ScopeKind::from(args.kind).as_str(), id: &args.name };
            remote::change(&args.remote, Method::DELETE, &about, None)
        }
    }
}

/// Shows or sets the alert level.
pub fn alert(command: &AlertCommand) -> ExitCode {
    match command {
        AlertCommand::Show(args) => remote::show(&args.remote, "/v1/alert", args.format),
        AlertCommand::Set(SetAlertArgs { remote, level, reason }) => {
            let body = json!({"level": level, "reason": reason});
            remote::put(remote, "/v1/alert", &body)
        }
    }
}

fn lock(kind: ScopeKind, args: &LockArgs) -> ExitCode {
    let about = About { what: "lockdowns", kind: kind.as_str(), id: &args.name };
    remote::change(&args.remote, Method::POST, &about, Some(&json!({"reason": args.reason})))
}

impl From<Kind> for ScopeKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::App => Self::App,
            Kind::Group => Self::Group,
            Kind::Issuer => Self::Issuer,
            Kind::TrustDomain => Self::TrustDomain,
        }
    }
}
