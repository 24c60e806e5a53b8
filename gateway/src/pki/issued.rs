//! A certificate with its key, just issued, and the files it is kept in.

use std::fmt;
use std::path::{Path, PathBuf};

use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain,
};

use super::{IndexEntry, PkiError, files};

/// What [`super::Authority::issue`] makes. The key exists nowhere else.
pub struct Issued {
    /// The certificate, PEM. A root signs it, so it is its own chain.
    pub certificate_pem: String,
    /// The private key, PKCS #8 PEM.
    pub key_pem: String,
    /// What the index says of it.
    pub entry: IndexEntry,
    pub(super) certificate_der: Vec<u8>,
    pub(super) key_der: Vec<u8>,
    pub(super) authority_der: Vec<u8>,
    pub(super) label: String,
}

/// The files that [`Issued::write`] made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFiles {
    /// `NAME.pem`
    pub certificate: PathBuf,
    /// `NAME.key`
    pub key: PathBuf,
}

impl Issued {
    /// Writes `NAME.pem` and `NAME.key`, the latter for its owner only. Existing files stay unless `overwrite` is set.
    pub fn write(&self, name: &Path, overwrite: bool) -> Result<WrittenFiles, PkiError> {
        let written =
            WrittenFiles { certificate: files::with_suffix(name, ".pem"), key: files::with_suffix(name, ".key") };
        if !overwrite {
            refuse_existing(&written.certificate)?;
            refuse_existing(&written.key)?;
        }
        if let Some(parent) = name.parent() {
            files::create_dir(parent)?;
        }
        files::write_private(&written.key, self.key_pem.as_bytes())?;
        files::write_public(&written.certificate, self.certificate_pem.as_bytes())?;
        Ok(written)
    }

    /// Writes `NAME.p12` for a browser or keychain: certificate, key and CA under `password`.
    pub fn write_p12(&self, name: &Path, password: &str, overwrite: bool) -> Result<PathBuf, PkiError> {
        let path = files::with_suffix(name, ".p12");
        if !overwrite {
            refuse_existing(&path)?;
        }
        files::write_private(&path, &self.p12(password)?)?;
        Ok(path)
    }

    /// PKCS #12 with PBES2 (AES-256, HMAC-SHA-256) and a SHA-256 MAC: OpenSSL 3, NSS and macOS 11 and later read it.
    pub fn p12(&self, password: &str) -> Result<Vec<u8>, PkiError> {
        let failed =
            |error: p12_keystore::error::Error| PkiError::Crypto { what: "PKCS #12 file", detail: error.to_string() };
        let chain = [
            Certificate::from_der(&self.certificate_der).map_err(failed)?,
            Certificate::from_der(&self.authority_der).map_err(failed)?,
        ];
        let key = PrivateKey::from_der(&self.key_der).map_err(failed)?;
        let mut store = KeyStore::new();
        let entry = KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(self.entry.serial.as_str(), key, chain));
        store.add_entry(&self.label, entry);
        store
            .writer(password)
            .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
            .mac_algorithm(MacAlgorithm::HmacSha256)
            .write()
            .map_err(failed)
    }
}

/// The key is never printed.
impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("entry", &self.entry).finish_non_exhaustive()
    }
}

fn refuse_existing(path: &Path) -> Result<(), PkiError> {
    if path.exists() { Err(PkiError::Exists(path.to_owned())) } else { Ok(()) }
}
