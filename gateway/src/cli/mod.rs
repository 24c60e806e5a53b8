//! The command line: what can be asked of `gaccong`, and with which exit code it answers.

pub mod check;
pub mod demo;
pub mod device;
pub mod duration;
pub mod grant;
pub mod lockdown;
pub mod pki;
pub mod policy;
pub mod remote;
pub mod revoke;
pub mod run;
pub mod schema;
pub mod session;
mod signing;
pub mod store;
pub mod why;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

/// The answer is no.
pub const EXIT_NO: u8 = 1;
/// The command line is wrong.
pub const EXIT_USAGE: u8 = 2;
/// The configuration is invalid (`EX_CONFIG` of sysexits).
pub const EXIT_INVALID: u8 = 78;
/// The command could not do its work.
pub const EXIT_FAILED: u8 = 3;

/// Zero Trust access gateway: mutual TLS, identity, device posture and policy for every request.
#[derive(Debug, Parser)]
#[command(name = "gaccong", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A small certificate authority for tests and demos, not for production.
    #[command(subcommand)]
    Pki(pki::PkiCommand),
    /// The whole gateway on this machine, with certificates, policies and two sample apps of its own.
    Demo(demo::DemoArgs),
    /// The gateway.
    Run(run::RunArgs),
    /// Everything that is wrong with a configuration, its certificates, facts and policies, at once.
    Check(check::CheckArgs),
    /// What became of a request, why, and what to do: for the helpdesk.
    Why(why::WhyArgs),
    /// What is known of devices, and the agent that reports of this one.
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// Policies: what they say, why, and what they would say.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Refuses people, devices and certificates at once, in live streams too.
    #[command(subcommand)]
    Revoke(revoke::RevokeCommand),
    /// Who is logged in.
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// Closes apps, groups, issuers and trust domains until another person opens them.
    #[command(subcommand)]
    Lockdown(lockdown::LockdownCommand),
    /// The alert level, which policies can see.
    #[command(subcommand)]
    Alert(lockdown::AlertCommand),
    /// What the gateway keeps, while no gateway has it open.
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Grants for emergencies: made, signed and checked, with no gateway running.
    #[command(subcommand)]
    Grant(grant::GrantCommand),
    /// What can be written in the files that the gateway reads.
    #[command(subcommand)]
    Schema(schema::SchemaCommand),
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON document.
    Json,
}

/// Does what the command line asks.
pub fn main(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Pki(command) => pki::run(&command),
        Command::Demo(args) => demo::run::run(&args),
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::check(&args),
        Command::Why(args) => why::run(&args),
        Command::Device(command) => device::run(&command),
        Command::Policy(command) => policy::run(&command),
        Command::Revoke(command) => revoke::run(&command),
        Command::Session(command) => session::run(&command),
        Command::Lockdown(command) => lockdown::run(&command),
        Command::Alert(command) => lockdown::alert(&command),
        Command::Store(command) => store::run(&command),
        Command::Grant(command) => grant::run(&command),
        Command::Schema(command) => schema::run(&command),
    }
}

/// Says on standard error why a command ended, and with which code it ends.
fn fail(code: u8, error: impl Display) -> ExitCode {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "error: {error}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
