//! What signing needs, whatever is signed: the key, the signer's name, and files that are never there by half.

use std::fs;
use std::path::Path;

use aws_lc_rs::signature::Ed25519KeyPair;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

/// Reads a name from the command line: that of a signer is part of the name of a file.
pub(super) fn signer_name(name: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    match (1..=64).contains(&name.len()) && name.chars().all(allowed) {
        true => Ok(name.to_owned()),
        false => Err("a name has 1 to 64 letters, digits and `-_.:`".to_owned()),
    }
}

/// Reads a private key: Ed25519 in PEM, as `openssl genpkey -algorithm ed25519` makes it.
pub(super) fn private_key(path: &Path) -> Result<Ed25519KeyPair, String> {
    let der = PrivatePkcs8KeyDer::from_pem_file(path).ok();
    let key = der.and_then(|der| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).ok());
    key.ok_or_else(|| format!("{}: this is not an Ed25519 private key in PEM (PKCS #8)", path.display()))
}

/// Writes beside the file and renames: a gateway that watches the directory never reads half of it.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unfinished = path.with_file_name(format!(".{name}.unfinished"));
        fs::write(&unfinished, content)?;
        fs::rename(&unfinished, path)
    });
    written.map_err(|error| format!("{}: {error}", path.display()))
}
