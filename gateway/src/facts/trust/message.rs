//! What a signature is over, where it may be too long to be held in memory: it is hashed as it is read.

use aws_lc_rs::digest::{self, Context, Digest};
use aws_lc_rs::signature::{self as sign, UnparsedPublicKey, VerificationAlgorithm};
use rustls::pki_types::{AlgorithmIdentifier, SignatureVerificationAlgorithm, alg_id};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::signature::{self, Signed};

/// The longest message that is held, in bytes. Ed25519 and ML-DSA sign the message and not a digest of it.
const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;

/// Signatures over a digest: algorithm of the signature, of the key, and how they are verified.
static PREHASHED: [(AlgorithmIdentifier, AlgorithmIdentifier, &dyn VerificationAlgorithm); 15] = [
    (alg_id::ECDSA_SHA256, alg_id::ECDSA_P256, &sign::ECDSA_P256_SHA256_ASN1),
    (alg_id::ECDSA_SHA384, alg_id::ECDSA_P256, &sign::ECDSA_P256_SHA384_ASN1),
    (alg_id::ECDSA_SHA512, alg_id::ECDSA_P256, &sign::ECDSA_P256_SHA512_ASN1),
    (alg_id::ECDSA_SHA256, alg_id::ECDSA_P384, &sign::ECDSA_P384_SHA256_ASN1),
    (alg_id::ECDSA_SHA384, alg_id::ECDSA_P384, &sign::ECDSA_P384_SHA384_ASN1),
    (alg_id::ECDSA_SHA512, alg_id::ECDSA_P384, &sign::ECDSA_P384_SHA512_ASN1),
    (alg_id::ECDSA_SHA256, alg_id::ECDSA_P521, &sign::ECDSA_P521_SHA256_ASN1),
    (alg_id::ECDSA_SHA384, alg_id::ECDSA_P521, &sign::ECDSA_P521_SHA384_ASN1),
    (alg_id::ECDSA_SHA512, alg_id::ECDSA_P521, &sign::ECDSA_P521_SHA512_ASN1),
    (alg_id::RSA_PKCS1_SHA256, alg_id::RSA_ENCRYPTION, &sign::RSA_PKCS1_2048_8192_SHA256),
    (alg_id::RSA_PKCS1_SHA384, alg_id::RSA_ENCRYPTION, &sign::RSA_PKCS1_2048_8192_SHA384),
    (alg_id::RSA_PKCS1_SHA512, alg_id::RSA_ENCRYPTION, &sign::RSA_PKCS1_2048_8192_SHA512),
    (alg_id::RSA_PSS_SHA256, alg_id::RSA_ENCRYPTION, &sign::RSA_PSS_2048_8192_SHA256),
    (alg_id::RSA_PSS_SHA384, alg_id::RSA_ENCRYPTION, &sign::RSA_PSS_2048_8192_SHA384),
    (alg_id::RSA_PSS_SHA512, alg_id::RSA_ENCRYPTION, &sign::RSA_PSS_2048_8192_SHA512),
];

/// A message that is being read.
pub(super) enum Message {
    /// Of a signature over a digest.
    Hashed(Box<Context>),
    /// Of any other.
    Held(Vec<u8>),
}

/// A message that was read to its end.
pub(super) enum Read {
    Hashed(Digest),
    Held(Vec<u8>),
}

impl Message {
    /// A message that is signed by this algorithm (contents of the AlgorithmIdentifier).
    pub(super) fn signed_by(algorithm: &[u8]) -> Self {
        match digest_of(algorithm) {
            Some(digest) => Self::Hashed(Box::new(Context::new(digest))),
            None => Self::Held(Vec::new()),
        }
    }

    /// Takes the next part.
    pub(super) fn update(&mut self, part: &[u8]) -> Result<(), String> {
        match self {
            Self::Hashed(context) => context.update(part),
            Self::Held(message) if message.len() + part.len() <= MAX_HELD_BYTES => message.extend_from_slice(part),
            Self::Held(_) => {
                return Err(format!("longer than {MAX_HELD_BYTES} bytes, and its signature needs all of it at once"));
            }
        }
        Ok(())
    }

    /// Ends it.
    pub(super) fn finish(self) -> Read {
        match self {
            Self::Hashed(context) => Read::Hashed(context.finish()),
            Self::Held(message) => Read::Held(message),
        }
    }
}

impl Read {
    /// Whether the key `issuer` signed it; `signed` has the algorithm and the signature.
    pub(super) fn is_by(
        &self,
        issuer: &SubjectPublicKeyInfo<'_>,
        signed: &Signed<'_>,
        algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> bool {
        match self {
            Self::Hashed(digest) => verify(digest, issuer, signed).is_some(),
            Self::Held(message) => Signed { body: message, ..*signed }.is_by(issuer, algorithms),
        }
    }
}

fn verify(digest: &Digest, issuer: &SubjectPublicKeyInfo<'_>, signed: &Signed<'_>) -> Option<()> {
    let (key_algorithm, key) = signature::key_parts(issuer.raw)?;
    let (_, _, verification) = PREHASHED.iter().find(|(of_signature, of_key, _)| {
        is_same(of_signature, signed.algorithm) && of_key.as_ref() == key_algorithm
    })?;
    UnparsedPublicKey::new(*verification, key).verify_digest(digest, signed.signature).ok()
}

/// The digest that a signature is over.
fn digest_of(algorithm: &[u8]) -> Option<&'static digest::Algorithm> {
    let is = |known: &[AlgorithmIdentifier]| known.iter().any(|known| is_same(known, algorithm));
    if is(&[alg_id::ECDSA_SHA256, alg_id::RSA_PKCS1_SHA256, alg_id::RSA_PSS_SHA256]) {
        Some(&digest::SHA256)
    } else if is(&[alg_id::ECDSA_SHA384, alg_id::RSA_PKCS1_SHA384, alg_id::RSA_PSS_SHA384]) {
        Some(&digest::SHA384)
    } else if is(&[alg_id::ECDSA_SHA512, alg_id::RSA_PKCS1_SHA512, alg_id::RSA_PSS_SHA512]) {
        Some(&digest::SHA512)
    } else {
        None
    }
}

/// Some CAs leave out the NULL that RFC 4055 §5 wants behind the name of an RSA algorithm.
fn is_same(known: &AlgorithmIdentifier, algorithm: &[u8]) -> bool {
    const NULL: &[u8] = &[0x05, 0x00];
    known.as_ref() == algorithm || known.as_ref().strip_suffix(NULL) == Some(algorithm)
}
