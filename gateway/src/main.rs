//! The `gaccong` program. Everything it does is in the library.

use std::process::ExitCode;

use clap::Parser;
use gaccong::cli::{self, Cli};

fn main() -> ExitCode {
    cli::main(Cli::parse())
}
