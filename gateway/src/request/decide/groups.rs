//! The groups of whoever asks.

use std::sync::Arc;

use gaccong_policy::PrincipalKind;

use crate::facts::snapshot::Snapshot;
use crate::request::identify::{Credential, Subject};

/// The groups of a principal: by the file, by the rules of the trust domains whose certificate or card names it, and as the
/// issuer of its session or token says. A device is in no group, even if it bears the name of a person.
pub(super) fn of(
    snapshot: &Snapshot,
    principal: &Subject,
    certified_by: Option<&str>,
    credential: Option<&Credential>,
) -> Arc<[Arc<str>]> {
    if principal.kind == PrincipalKind::Device {
        return Arc::default();
    }
    let filed = snapshot.groups.of(&principal.id);
    let card = credential.and_then(Credential::card).map(|(trust_domain, _)| &**trust_domain);
    let domains = certified_by.into_iter().chain(card).filter_map(|name| snapshot.config.clients.domain(name));
    let mut others = domains.flat_map(|domain| domain.groups_of(&principal.id)).peekable();
    let issued = credential.map(|credential| &credential.groups);
    match issued.filter(|issued| !issued.is_empty()) {
        None if others.peek().is_none() => filed,
        Some(issued) if others.peek().is_none() && filed.is_empty() => Arc::clone(issued),
        issued => {
            let issued = issued.into_iter().flat_map(|issued| issued.iter());
            let mut all: Vec<_> = filed.iter().chain(others).chain(issued).cloned().collect();
            all.sort();
            all.dedup();
            all.into()
        }
    }
}
