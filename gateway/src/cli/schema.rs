//! `gaccong schema`: what can be written in the files that the gateway reads.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Subcommand;

use super::policy::inputs::InputArgs;
use super::run::print;
use super::{EXIT_FAILED, EXIT_INVALID, fail};
use crate::config::diagnostic::Diagnostic;
use crate::control::openapi;
use crate::process::policies;

/// The schemas.
#[derive(Debug, Subcommand)]
pub enum SchemaCommand {
    /// What policies can look at: the Cedar schema in force, with the configuration's actions and the extensions.
    Policy(InputArgs),
    /// The calls of the control API: an OpenAPI document.
    Control,
}

/// Prints a schema. Exit code 78 where an extension of it is invalid.
pub fn run(command: &SchemaCommand) -> ExitCode {
    let text = match command {
        SchemaCommand::Control => openapi::document().to_pretty_json().map_err(|error| error.to_string()),
        SchemaCommand::Policy(inputs) => match policy_schema(inputs) {
            Ok(text) => Ok(text),
            Err(diagnostics) => {
                print(&diagnostics);
                return ExitCode::from(EXIT_INVALID);
            }
        },
    };
    match text.and_then(|text| io::stdout().lock().write_all(text.as_bytes()).map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(EXIT_FAILED, error),
    }
}

fn policy_schema(inputs: &InputArgs) -> Result<String, Vec<Diagnostic>> {
    let inputs = inputs.read()?;
    print(&inputs.warnings);
    let sources = policies::read(&inputs.directory).map_err(|error| vec![*error])?;
    let at_its_file = |found| policies::diagnostic(&inputs.directory, found);
    gaccong_policy::schema_text(&sources, &inputs.names().vocabulary())
        .map_err(|errors| errors.into_iter().map(at_its_file).collect())
}
