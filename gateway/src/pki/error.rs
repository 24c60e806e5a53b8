//! What can go wrong in the small certificate authority.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the authority could not do what it was asked.
#[derive(Debug, Error)]
pub enum PkiError {
    /// A file or folder could not be read or written.
    #[error("cannot {action} `{path}`: {source}")]
    Io {
        /// `read`, `write`, `create`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that would be overwritten.
    #[error("`{0}` exists already; pass --force to overwrite it, or choose another name")]
    Exists(PathBuf),
    /// A folder that already is an authority.
    #[error("`{0}` already holds a certificate authority; choose another folder")]
    AuthorityExists(PathBuf),
    /// A folder that is no authority.
    #[error("`{0}` holds no certificate authority; make one with `gaccong pki init --dir {0} --name NAME`")]
    NoAuthority(PathBuf),
    /// A file whose content is not what it should be.
    #[error("`{path}`: {detail}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A name that a certificate cannot carry.
    #[error("{kind} name `{value}` cannot be put into a certificate: {detail}")]
    Name {
        /// `dns`, `email`, `uri`, …
        kind: &'static str,
        /// The name.
        value: String,
        /// Why not.
        detail: &'static str,
    },
    /// A certificate that would name nobody.
    #[error("the certificate would name nobody; give at least one of --cn, --dns, --email, --uri, --upn, --ip")]
    Unnamed,
    /// An end that is not after the beginning.
    #[error("validity would end ({not_after}) before it begins ({not_before})")]
    Validity {
        /// Its beginning.
        not_before: jiff::Timestamp,
        /// Its end.
        not_after: jiff::Timestamp,
    },
    /// What names no certificate of this authority.
    #[error("`{0}` is neither a serial number that this authority issued nor a certificate file of it")]
    UnknownCertificate(String),
    /// The cryptography failed.
    #[error("cannot make the {what}: {detail}")]
    Crypto {
        /// What was to be made.
        what: &'static str,
        /// What the library said.
        detail: String,
    },
}

impl PkiError {
    /// Whether what was asked for is impossible, rather than its execution having failed.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Name { .. } | Self::Unnamed | Self::Validity { .. } | Self::UnknownCertificate(_))
    }

    pub(super) fn crypto(what: &'static str) -> impl FnOnce(rcgen::Error) -> Self {
        move |error| Self::Crypto { what, detail: error.to_string() }
    }
}
