//! Named keys (Ed25519, RFC 8032), and which of them have signed something: policy bundles and grants for emergencies.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;

use crate::config::diagnostic::Diagnostic;
use crate::config::{KeyRef, Signer};

/// Those who may sign, in the order of the configuration. No two of them have one name or one key.
#[derive(Debug)]
pub struct Signers(Vec<(Arc<str>, ParsedPublicKey)>);

/// What there is of the signature of each signer.
#[derive(Debug)]
pub struct Standings<'a>(Vec<(&'a Arc<str>, Standing)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    /// It is over something else, or by another key.
    Bad,
    Absent,
}

impl Signers {
    /// Reads the keys. Two signers with one key would be one person with two voices.
    ///
    /// # Errors
    /// Each key that is none, or that is there twice.
    pub fn load(signers: &[Signer]) -> Result<Self, Vec<Diagnostic>> {
        let (mut keys, mut errors) = (Vec::<(Arc<str>, ParsedPublicKey)>::new(), Vec::new());
        for Signer { name, key: KeyRef::File(path) } in signers {
            let fault = |message: String| Diagnostic::of_file(path, message);
            let Some(key) = public_key(path) else {
                errors.push(fault(format!(
                    "this is not the public key of `{name}`: Ed25519 in PEM, as `openssl pkey -pubout` writes it"
                )));
                continue;
            };
            match keys.iter().find(|(other, known)| other == name || known.as_ref() == key.as_ref()) {
                Some((other, _)) => {
                    errors.push(fault(format!("the signers `{other}` and `{name}` have one name or key")));
                }
                None => keys.push((Arc::clone(name), key)),
            }
        }
        if errors.is_empty() { Ok(Self(keys)) } else { Err(errors) }
    }

    /// Who has signed `bytes`, where `signature_of` gives what there is of a signer's signature.
    pub fn standings<'a, 'b>(&'a self, bytes: &[u8], signature_of: impl Fn(&str) -> Option<&'b [u8]>) -> Standings<'a> {
        let standing = |(name, key): &'a (Arc<str>, ParsedPublicKey)| {
            let standing = match signature_of(name).map(|signature| key.verify_sig(bytes, signature)) {
                Some(Ok(())) => Standing::Good,
                Some(Err(_)) => Standing::Bad,
                None => Standing::Absent,
            };
            (name, standing)
        };
        Standings(self.0.iter().map(standing).collect())
    }
}

impl<'a> Standings<'a> {
    /// Those whose signature is good.
    pub fn good(&self) -> impl Iterator<Item = &'a Arc<str>> {
        self.0.iter().filter(|(_, standing)| *standing == Standing::Good).map(|(name, _)| *name)
    }

    /// What each has done, in words. `what` is what was to be signed.
    pub fn in_words(&self, what: &str) -> String {
        let words = self.0.iter().map(|(name, standing)| match standing {
            Standing::Good => format!("`{name}` has signed"),
            Standing::Bad => format!("the signature of `{name}` is not one over {what} by the key of that name"),
            Standing::Absent => format!("`{name}` has not signed"),
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

fn public_key(path: &Path) -> Option<ParsedPublicKey> {
    let der = SubjectPublicKeyInfoDer::from_pem_file(path).ok()?;
    ParsedPublicKey::new(&ED25519, der.as_ref()).ok()
}
