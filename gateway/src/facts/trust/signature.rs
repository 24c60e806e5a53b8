//! Who signed what: signatures over certificates and revocation lists, and the keys strong enough to make them.

use rustls::pki_types::SignatureVerificationAlgorithm;
use x509_parser::asn1_rs::{Any, FromDer, Tag};
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_PKCS1_RSAENCRYPTION,
    OID_SIG_ED25519,
};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The smallest RSA modulus accepted, in bits.
const MIN_RSA_BITS: usize = 2048;

/// A signed structure of X.509 in its three parts. Certificates and revocation lists have the same outer form.
pub(super) struct Signed<'a> {
    /// What is signed, with its tag and length.
    pub(super) body: &'a [u8],
    /// Contents of the AlgorithmIdentifier.
    pub(super) algorithm: &'a [u8],
    /// The signature.
    pub(super) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads the outer form only; `None` where it is not DER of that form, or something follows it.
    pub(super) fn parse(der: &'a [u8]) -> Option<Self> {
        let (rest, outer) = Any::from_der(der).ok()?;
        let (after_body, _) = Any::from_der(outer.data).ok()?;
        let body = outer.data.get(..outer.data.len() - after_body.len())?;
        let (after_algorithm, algorithm) = Any::from_der(after_body).ok()?;
        let signature = whole_bit_string(after_algorithm)?;
        (rest.is_empty() && outer.tag() == Tag::Sequence).then_some(Self { body, algorithm: algorithm.data, signature })
    }

    /// Whether the key `issuer` made the signature. Algorithms that are not in `algorithms` (MD5, SHA-1) never did.
    pub(super) fn is_by(
        &self,
        issuer: &SubjectPublicKeyInfo<'_>,
        algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> bool {
        let Some((key_algorithm, key)) = key_parts(issuer.raw) else { return false };
        algorithms
            .iter()
            .filter(|candidate| candidate.public_key_alg_id().as_ref() == key_algorithm)
            .filter(|candidate| candidate.signature_alg_id().as_ref() == self.algorithm)
            .any(|candidate| candidate.verify_signature(key, self.body, self.signature).is_ok())
    }
}

/// Contents of the AlgorithmIdentifier and the key of a SubjectPublicKeyInfo.
pub(super) fn key_parts(spki: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, outer) = Any::from_der(spki).ok()?;
    let (after_algorithm, algorithm) = Any::from_der(outer.data).ok()?;
    Some((algorithm.data, whole_bit_string(after_algorithm)?))
}

/// The octets of a BIT STRING that has no unused bits and nothing behind it.
pub(super) fn whole_bit_string(der: &[u8]) -> Option<&[u8]> {
    let (rest, value) = Any::from_der(der).ok()?;
    match value.data.split_first() {
        Some((0, octets)) if rest.is_empty() && value.tag() == Tag::BitString => Some(octets),
        _ => None,
    }
}

/// Refuses keys that are too weak, or of a kind whose strength is not known; the error says what the key is.
pub(super) fn check_strength(key: &SubjectPublicKeyInfo<'_>) -> Result<(), String> {
    let kind = &key.algorithm.algorithm;
    if *kind == OID_PKCS1_RSAENCRYPTION {
        return match key.parsed() {
            Ok(PublicKey::RSA(rsa)) => check_rsa_bits(bit_length(rsa.modulus)),
            _ => Err("an RSA key that cannot be read".to_owned()),
        };
    }
    if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
        return match curve {
            Some(curve) if [OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521].contains(&curve) => Ok(()),
            Some(curve) => Err(format!("an EC key on curve {curve}")),
            None => Err("an EC key without a named curve".to_owned()),
        };
    }
    if *kind == OID_SIG_ED25519 { Ok(()) } else { Err(format!("a key of kind {kind}")) }
}

fn check_rsa_bits(bits: usize) -> Result<(), String> {
    if bits >= MIN_RSA_BITS { Ok(()) } else { Err(format!("an RSA key of {bits} bits")) }
}

/// Number of bits of a big-endian number.
fn bit_length(number: &[u8]) -> usize {
    let leading_zero_bytes = number.iter().take_while(|byte| **byte == 0).count();
    let top_byte_zeros = number.get(leading_zero_bytes).map_or(0, |byte| byte.leading_zeros() as usize);
    (number.len() - leading_zero_bytes) * 8 - top_byte_zeros
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SubjectPublicKeyInfo of an RSA key with a modulus of `bits` bits (a multiple of 8): enough to be judged by.
    fn rsa_spki(bits: usize) -> Vec<u8> {
        let mut modulus = vec![0xff; bits / 8];
        modulus.insert(0, 0);
        let key = sequence(&[tlv(0x02, &modulus), tlv(0x02, &[1, 0, 1])].concat());
        let rsa_encryption = [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0];
        sequence(&[sequence(&rsa_encryption), tlv(0x03, &[&[0], key.as_slice()].concat())].concat())
    }

    fn sequence(contents: &[u8]) -> Vec<u8> {
        tlv(0x30, contents)
    }

    fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
        let header = match contents.len() {
            0..0x80 => vec![tag, length[1]],
            0x80..0x100 => vec![tag, 0x81, length[1]],
            _ => vec![tag, 0x82, length[0], length[1]],
        };
        [header.as_slice(), contents].concat()
    }

    #[test]
    fn rsa_keys_below_2048_bits_are_weak() {
        for (bits, strong) in [(512, false), (1024, false), (2040, false), (2048, true), (4096, true)] {
            let der = rsa_spki(bits);
            let (_, key) = SubjectPublicKeyInfo::from_der(&der).unwrap();
            assert_eq!(check_strength(&key).is_ok(), strong, "{bits} bits");
        }
    }

    #[test]
    fn a_number_has_as_many_bits_as_its_highest_one() {
        for (number, bits) in [(&[][..], 0), (&[0, 0], 0), (&[1], 1), (&[0, 0x80, 0], 16), (&[0x7f, 0xff], 15)] {
            assert_eq!(bit_length(number), bits);
        }
    }

    #[test]
    fn what_is_not_signed_der_is_none() {
        for der in [&b""[..], b"\x30\x00", b"\x30\x03\x02\x01\x00", b"\x31\x00", b"garbage"] {
            assert!(Signed::parse(der).is_none());
        }
    }
}
