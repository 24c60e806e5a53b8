//! `gaccong demo`: the whole gateway on one machine, with certificates, policies and two sample apps of its own.
//!
//! [`prepare`] makes the folder and the sample apps' sockets, [`tour`] says what to ask and what will be answered,
//! [`walk`] asks exactly that over real TLS. The gateway between them is the one of `gaccong run`.

mod apps;
mod certificates;
mod client;
mod curl;
mod error;
mod folder;
mod ports;
mod prepare;
mod report;
mod tour;
mod walk;

use std::path::PathBuf;

use clap::Args;

use super::Format;

pub use apps::SampleApp;
pub use error::DemoError;
pub use ports::Ports;
pub use prepare::{Prepared, prepare};
pub use report::{print_results, print_tour};
pub use tour::{Answer, ClientFiles, Step, StepRequest, tour};
pub use walk::{StepResult, walk};

/// `gaccong demo`
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Walk the tour over real TLS, print what was answered, and end: 0 if all was as expected, 1 if not.
    #[arg(long)]
    pub once: bool,
    /// Folder of the demo: made if it is not there, used again if the demo made it.
    #[arg(long, default_value = "gaccong-demo")]
    pub dir: PathBuf,
    /// Throw away what is in the folder and make everything anew.
    #[arg(long)]
    pub fresh: bool,
    /// Port of the gateway on 127.0.0.1; 0 takes a free one. Default: 8443, or the one of the last time.
    #[arg(long)]
    pub port: Option<u16>,
    /// Port for metrics and health on 127.0.0.1; 0 takes a free one. Default: 9090, or the one of the last time.
    #[arg(long)]
    pub management_port: Option<u16>,
    /// How `--once` prints its results.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[cfg(test)]
mod tests;
