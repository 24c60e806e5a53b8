//! Keys that the gateway makes for itself and keeps in its store.

use std::sync::Arc;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// A key, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// 64 random bits, in base64url.
    pub id: Arc<str>,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// The key itself, in base64url.
    pub secret: Secret,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyPurpose {
    /// To seal cookies and what is handed from host to host: 256 bits for AES-GCM.
    Seal,
    /// To sign assertions: P-256, PKCS #8.
    Assertion,
}

/// The system has no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandom;

impl Key {
    /// A new key for sealing.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn seal(now_ms: i64) -> Result<Self, NoRandom> {
        Self::new(KeyPurpose::Seal, &random::<32>()?, now_ms)
    }

    /// A new key of this form.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new(purpose: KeyPurpose, key: &[u8], now_ms: i64) -> Result<Self, NoRandom> {
        let secret = Secret::new(URL_SAFE_NO_PAD.encode(key));
        Ok(Self { id: URL_SAFE_NO_PAD.encode(random::<8>()?).into(), purpose, created_at_ms: now_ms, secret })
    }

    /// The key's bytes; `None` where what was kept is none.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(self.secret.reveal()).ok()
    }
}

/// Random bytes.
///
/// # Errors
/// The system has none.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(bytes)
}

/// A random name that nobody can guess: 128 bits, in base64url.
///
/// # Errors
/// The system has no random numbers.
pub fn random_id() -> Result<String, NoRandom> {
    random::<16>().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}
