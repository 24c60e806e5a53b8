//! The kinds of keys that the authority makes.

use clap::ValueEnum;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};

use super::PkiError;

/// The kind of a key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum KeyKind {
    /// ECDSA on P-256: what browsers, smartcards and TPMs all know.
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// RSA with 3072 bits.
    Rsa3072,
    /// Ed25519; browsers do not take it for client certificates.
    Ed25519,
}

impl KeyKind {
    pub(super) fn generate(self) -> Result<KeyPair, PkiError> {
        match self {
            Self::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            Self::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
            Self::Rsa3072 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072),
            Self::Ed25519 => KeyPair::generate_for(&PKCS_ED25519),
        }
        .map_err(PkiError::crypto("key"))
    }
}
