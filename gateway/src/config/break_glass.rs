//! `[break_glass]`: the way in for emergencies.

use std::path::PathBuf;
use std::sync::Arc;

use super::reader::Table;
use super::signing::{Signer, signers};
use super::source::Spot;

/// `[break_glass]`: who holds a certificate of one of these trust domains comes in by a grant, and in no other way.
#[derive(Debug, Clone)]
pub struct BreakGlass {
    /// `trust`: the trust domains, whose keys are kept offline.
    pub trust: Vec<Arc<str>>,
    /// `policies`: the directory of the policies that decide, which are a set of their own: a mistake in an app's policy
    /// cannot lock out those who come to mend it.
    pub policies: PathBuf,
    /// `grants`: the directory of the grants.
    pub grants: PathBuf,
    /// `signers`: those of whom two must have signed a grant.
    pub signers: Vec<Signer>,
}

/// `[break_glass]` and where its parts stand.
pub(super) struct Read<'a> {
    pub(super) break_glass: BreakGlass,
    /// Each name of `trust`.
    pub(super) trust: Vec<(Arc<str>, Spot<'a>)>,
}

pub(super) fn read(mut table: Table<'_>) -> Option<Read<'_>> {
    let spot = table.spot;
    let trust = table.required_texts("trust");
    let policies = table.required_folder("policies");
    let grants = table.required_folder("grants");
    table.require_entries("signers", "a list of tables");
    let (signers, count) = signers(&mut table);
    if count == 1 {
        spot.error("a grant needs two signatures, but there is one signer", "at least two `signers`");
    }
    table.finish();
    let trust: Vec<_> = trust.iter().map(|text| (Arc::from(&**text), text.spot)).collect();
    let names = trust.iter().map(|(name, _): &(Arc<str>, _)| Arc::clone(name)).collect();
    let break_glass = BreakGlass { trust: names, policies: policies?, grants: grants?, signers };
    Some(Read { break_glass, trust })
}
