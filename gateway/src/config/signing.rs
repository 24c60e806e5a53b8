//! Who may sign: `signers` and `threshold` of `[policy]`, and `signers` of `[break_glass]`.

use std::path::PathBuf;
use std::sync::Arc;

use super::KeyRef;
use super::clients::identifier;
use super::reader::Table;

/// The demand that the policy directory is a bundle, signed by several people.
#[derive(Debug, Clone)]
pub struct Signing {
    /// `threshold`: how many of the signers must have signed, the author among them. Default 2.
    pub threshold: usize,
    /// `signers`: those who may sign.
    pub signers: Vec<Signer>,
    /// `state`: the file that keeps which bundle was in force last, so that none older comes into force. Default
    /// `run/policy.state`.
    pub state: PathBuf,
}

/// `{ name = "lan", key = "file:keys/lan.pub" }`
#[derive(Debug, Clone)]
pub struct Signer {
    /// `name`: what the bundle and the records call the signer.
    pub name: Arc<str>,
    /// `key`: the public key, Ed25519 in PEM.
    pub key: KeyRef,
}

/// One author alone must not be able to change policy.
const MIN_THRESHOLD: u32 = 2;

/// `None` where no `signers` are named: then no signature is asked for.
pub(super) fn read(table: &mut Table<'_>) -> Option<Signing> {
    if !table.has("signers") {
        for key in ["threshold", "state"] {
            if let Some(spot) = table.take_key(key) {
                spot.error(format!("`{key}` without `signers` has no effect"), "`signers` beside it");
            }
        }
        return None;
    }
    let spot = table.spot;
    table.require_entries("signers", "a list of tables");
    let (signers, count) = signers(table);
    let threshold = table.size("threshold", MIN_THRESHOLD, MIN_THRESHOLD..=64);
    if count > 0 && threshold > count {
        let message = format!("`threshold` asks for {threshold} signatures, but there are {count} signers");
        spot.error(message, "at least as many `signers`");
    }
    let state = table.text("state").map(|path| path.spot.resolve(&path));
    Some(Signing { threshold, signers, state: state.unwrap_or_else(|| spot.resolve("run/policy.state")) })
}

/// `signers`: those that could be read, and how many are written.
pub(super) fn signers(table: &mut Table<'_>) -> (Vec<Signer>, usize) {
    let tables = table.tables("signers");
    let count = tables.len();
    (tables.into_iter().filter_map(signer).collect(), count)
}

fn signer(mut table: Table<'_>) -> Option<Signer> {
    let name = table.required_text("name").and_then(|text| identifier(&text));
    let key = table.required_public_key("key");
    table.finish();
    Some(Signer { name: name?, key: key? })
}
