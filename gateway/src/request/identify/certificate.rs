//! What a client certificate says, parsed once for each connection.

use std::sync::Arc;

/// A client certificate whose chain and key are good. Whether it is valid *now* is [`crate::facts::trust`]'s to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The trust domain whose CA vouches for it.
    pub trust_domain: Arc<str>,
    /// The names it bears.
    pub names: Names,
    /// Distinguished name of the subject (RFC 4514).
    pub subject: Arc<str>,
    /// Distinguished name of the issuer (RFC 4514).
    pub issuer: Arc<str>,
    /// Serial number, lower-case hexadecimal, without leading zeros.
    pub serial: Arc<str>,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: Arc<str>,
    /// Start of validity, milliseconds since the Unix epoch.
    pub not_before_ms: i64,
    /// End of validity, milliseconds since the Unix epoch.
    pub not_after_ms: i64,
    /// Each certificate of the chain below the root, leaf first, as revocation knows it.
    pub chain: Vec<ChainLink>,
}

/// A certificate of a chain as its issuer's revocation list knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLink {
    /// SHA-256 over the issuer's subject name and public key (DER).
    pub issuer_key: [u8; 32],
    /// Serial number, big-endian, without leading zero bytes.
    pub serial: Box<[u8]>,
    /// End of validity, milliseconds since the Unix epoch.
    pub not_after_ms: i64,
}

/// The names in a certificate's subjectAltName, and the common name of its subject. Names with control characters make
/// the certificate malformed, so none has any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// uniformResourceIdentifier
    pub uris: Vec<String>,
    /// rfc822Name
    pub emails: Vec<String>,
    /// otherName userPrincipalName (1.3.6.1.4.1.311.20.2.3)
    pub upns: Vec<String>,
    /// dNSName
    pub dns: Vec<String>,
    /// commonName of the subject
    pub common_name: Option<String>,
}
