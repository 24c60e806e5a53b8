//! Sealing: a small value that leaves the gateway and comes back, which nobody else can read, change or make.
//!
//! AES-256-GCM (NIST SP 800-38D) with random nonces. What the value is for, and the host that it is for, are
//! authenticated with it: a ticket is no cookie, and the cookie of one host none of another. Keys are made anew every
//! week ([`Sealer::KEY_LIFE`]), which keeps the number of values under one key far below 2^32.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::keys::{Key, KeyPurpose};

/// What a sealed value is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A session's cookie.
    Session,
    /// The cookie of a flow, where it began.
    Flow,
    /// What a host asks of the host where people log in.
    Ticket,
    /// What is kept in the browser while the person is at the identity provider.
    Pending,
    /// What ends a login on the host where it began.
    Code,
    /// What a form of the gateway's own bears, so that no other site can send it.
    Form,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Flow => "flow",
            Self::Ticket => "ticket",
            Self::Pending => "pending",
            Self::Code => "code",
            Self::Form => "form",
        }
    }
}

/// Why a value cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsealed {
    /// It is not of the form of sealed values, or larger than any.
    #[error("it is no sealed value")]
    Malformed,
    /// Its key is not known: too old, or not ours.
    #[error("its key is not known, or is too old")]
    UnknownKey,
    /// It was changed, or is for something else.
    #[error("it was changed, or made for something else")]
    Forged,
}

/// The keys that are known, and the one that seals.
#[derive(Default)]
pub struct Sealer {
    keys: HashMap<Arc<str>, RandomizedNonceKey>,
    newest: Option<(i64, Arc<str>)>,
}

impl Sealer {
    /// How long a key seals.
    pub const KEY_LIFE: Duration = Duration::from_secs(7 * 86_400);

    /// Sealing with these keys: with the newest, opening with all.
    pub fn new<'k>(keys: impl IntoIterator<Item = &'k Key>) -> Self {
        let mut sealer = Self::default();
        for key in keys.into_iter().filter(|key| key.purpose == KeyPurpose::Seal) {
            let usable = key.bytes().and_then(|bytes| RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok());
            let Some(usable) = usable else { continue };
            sealer.keys.insert(Arc::clone(&key.id), usable);
            let this = (key.created_at_ms, Arc::clone(&key.id));
            sealer.newest = sealer.newest.take().max(Some(this));
        }
        sealer
    }

    /// When the key that seals was made.
    pub fn newest_at_ms(&self) -> Option<i64> {
        self.newest.as_ref().map(|(at_ms, _)| *at_ms)
    }

    /// Seals a value; `None` without a key.
    pub fn seal(&self, purpose: Purpose, host: &str, value: &impl Serialize) -> Option<String> {
        let (_, id) = self.newest.as_ref()?;
        let key = self.keys.get(id)?;
        let mut text = serde_json::to_vec(value).ok()?;
        let nonce = key.seal_in_place_append_tag(associated(purpose, host), &mut text).ok()?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        Some(format!("{id}.{}", URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// Opens a value that was sealed for this purpose and host.
    ///
    /// # Errors
    /// It was not.
    pub fn open<T: DeserializeOwned>(&self, purpose: Purpose, host: &str, sealed: &str) -> Result<T, Unsealed> {
        let (id, text) = sealed.split_once('.').filter(|_| sealed.len() <= MAX_BYTES).ok_or(Unsealed::Malformed)?;
        let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Unsealed::Malformed)?;
        let key = self.keys.get(id).ok_or(Unsealed::UnknownKey)?;
        let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(Unsealed::Malformed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unsealed::Malformed)?;
        let text = key.open_in_place(nonce, associated(purpose, host), text).map_err(|_| Unsealed::Forged)?;
        serde_json::from_slice(text).map_err(|_| Unsealed::Forged)
    }
}

/// The largest sealed value.
const MAX_BYTES: usize = 8 * 1024;

/// Neither purposes nor hosts have a NUL.
fn associated(purpose: Purpose, host: &str) -> Aad<Vec<u8>> {
    Aad::from([purpose.as_str().as_bytes(), b"\0", host.as_bytes()].concat())
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(ages: &[i64]) -> (Sealer, Vec<Key>) {
        let keys: Vec<_> = ages.iter().map(|at_ms| Key::seal(*at_ms).unwrap()).collect();
        (Sealer::new(&keys), keys)
    }

    fn open(sealer: &Sealer, purpose: Purpose, host: &str, sealed: &str) -> Result<String, Unsealed> {
        sealer.open(purpose, host, sealed)
    }

    #[test]
    fn what_is_sealed_can_be_opened_for_the_same_purpose_and_host_only() {
        let (sealer, _) = sealer(&[1]);
        let sealed = sealer.seal(Purpose::Session, "a.example", &"value").unwrap();
        assert!(!sealed.contains("value"));
        assert_eq!(open(&sealer, Purpose::Session, "a.example", &sealed).unwrap(), "value");
        assert_eq!(open(&sealer, Purpose::Code, "a.example", &sealed), Err(Unsealed::Forged));
        assert_eq!(open(&sealer, Purpose::Session, "b.example", &sealed), Err(Unsealed::Forged));
        assert_eq!(sealer.open::<u8>(Purpose::Session, "a.example", &sealed), Err(Unsealed::Forged));
    }

    #[test]
    fn the_newest_key_seals_and_older_ones_open() {
        let (old, mut keys) = sealer(&[1]);
        let before = old.seal(Purpose::Code, "", &7).unwrap();
        keys.push(Key::seal(2).unwrap());
        let both = Sealer::new(&keys);
        assert_eq!(both.open::<i32>(Purpose::Code, "", &before), Ok(7));
        let after = both.seal(Purpose::Code, "", &8).unwrap();
        assert_eq!(old.open::<i32>(Purpose::Code, "", &after), Err(Unsealed::UnknownKey));
        assert_eq!(Sealer::new(&keys[1..]).open::<i32>(Purpose::Code, "", &before), Err(Unsealed::UnknownKey));
        assert_eq!(Sealer::default().seal(Purpose::Code, "", &1), None);
    }

    #[test]
    fn what_was_changed_is_refused() {
        let (sealer, _) = sealer(&[1]);
        let sealed = sealer.seal(Purpose::Ticket, "h", &"value").unwrap();
        let start = sealed.find('.').unwrap() + 1;
        for place in start..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(open(&sealer, Purpose::Ticket, "h", &changed).is_err(), "{place}");
        }
        for nothing in ["", ".", "a.b", sealed.split_inclusive('.').next().unwrap(), &"x".repeat(100_000), "é.é"] {
            assert!(open(&sealer, Purpose::Ticket, "h", nothing).is_err());
        }
    }
}
