//! The authority's index: one JSON line for each certificate, with what became of it.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{PkiError, files};

/// A certificate that the authority issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// Serial number, lower-case hexadecimal, without leading zeros.
    pub serial: String,
    /// The names in it, each with its kind: `email:alice@example.org`.
    pub names: Vec<String>,
    /// End of validity.
    pub not_after: Timestamp,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RevocationReason>,
}

/// Why a certificate is revoked (RFC 5280 §5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "camelCase")]
#[value(rename_all = "camelCase")]
pub enum RevocationReason {
    /// No reason is given.
    #[default]
    Unspecified,
    /// Someone else may have the key.
    KeyCompromise,
    /// The subject has another place or name now.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// The subject no longer exists.
    CessationOfOperation,
    /// The subject may no longer do what the certificate was for.
    PrivilegeWithdrawn,
}

impl RevocationReason {
    pub(super) fn code(self) -> rcgen::RevocationReason {
        match self {
            Self::Unspecified => rcgen::RevocationReason::Unspecified,
            Self::KeyCompromise => rcgen::RevocationReason::KeyCompromise,
            Self::AffiliationChanged => rcgen::RevocationReason::AffiliationChanged,
            Self::Superseded => rcgen::RevocationReason::Superseded,
            Self::CessationOfOperation => rcgen::RevocationReason::CessationOfOperation,
            Self::PrivilegeWithdrawn => rcgen::RevocationReason::PrivilegeWithdrawn,
        }
    }
}

/// The index file.
#[derive(Debug)]
pub(super) struct Index {
    path: PathBuf,
}

impl Index {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Every certificate, oldest first.
    pub(super) fn entries(&self) -> Result<Vec<IndexEntry>, PkiError> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        files::read(&self.path)?
            .lines()
            .enumerate()
            .map(|(number, line)| {
                serde_json::from_str(line).map_err(|error| PkiError::Malformed {
                    path: self.path.clone(),
                    detail: format!("line {} is no index entry: {error}", number + 1),
                })
            })
            .collect()
    }

    pub(super) fn add(&self, entry: &IndexEntry) -> Result<(), PkiError> {
        files::append(&self.path, &self.line(entry)?)
    }

    pub(super) fn replace(&self, entries: &[IndexEntry]) -> Result<(), PkiError> {
        let mut content = String::new();
        for entry in entries {
            content.push_str(&self.line(entry)?);
            content.push('\n');
        }
        files::write_public(&self.path, content.as_bytes())
    }

    fn line(&self, entry: &IndexEntry) -> Result<String, PkiError> {
        serde_json::to_string(entry)
            .map_err(|error| PkiError::Malformed { path: self.path.clone(), detail: error.to_string() })
    }
}

/// The serial number of the first certificate in a PEM file, as the index spells it.
pub fn serial_of(path: &Path) -> Result<String, PkiError> {
    let malformed = |detail: &str| PkiError::Malformed { path: path.to_owned(), detail: detail.to_owned() };
    let der = CertificateDer::from_pem_slice(files::read(path)?.as_bytes())
        .map_err(|_| malformed("holds no PEM certificate"))?;
    let (_, certificate) =
        X509Certificate::from_der(&der).map_err(|_| malformed("the certificate cannot be parsed"))?;
    Ok(hex(&certificate.tbs_certificate.serial.to_bytes_be()))
}

/// Lower-case hexadecimal without leading zeros, as the gateway's records spell serial numbers.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.trim_start_matches('0').to_owned()
}
