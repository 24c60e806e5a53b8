//! Trust: the CAs and revocation lists that vouch for client certificates.
