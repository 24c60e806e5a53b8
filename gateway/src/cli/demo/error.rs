//! Why the demo could not be prepared.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::pki::PkiError;

/// Why the demo could not be prepared.
#[derive(Debug, Error)]
pub enum DemoError {
    /// A port is in use.
    #[error(
        "port {port} on 127.0.0.1 is taken: {source}; choose another with `{flag} PORT`, or `{flag} 0` for a free one"
    )]
    PortTaken {
        /// Which port.
        port: u16,
        /// The flag that chooses another.
        flag: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A folder with something else in it.
    #[error("`{0}` exists and was not made by the demo; choose another folder with `--dir DIR`")]
    ForeignFolder(PathBuf),
    /// A file of the folder that no longer can be used.
    #[error("`{path}`: {detail}; mend it, or make everything anew with `--fresh`")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {action} `{path}`: {source}")]
    Io {
        /// `read`, `write`, …
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The certificates could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
}
