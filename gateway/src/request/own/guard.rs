//! Who may ask the gateway's own endpoints at all.

use http::request::Parts;

use crate::facts::snapshot::Snapshot;
use crate::reason::Reason;
use crate::request::cross_site::{Initiator, Site};
use crate::request::decide::Refused;
use crate::request::identify::Identity;
use crate::request::normalise::Normal;
use crate::streams::Connection;

/// The certificate counts, and so does whoever holds it; and no page of another site asks for a change, whatever an app
/// shares.
pub(super) fn check(
    connection: &Connection,
    snapshot: &Snapshot,
    normal: &Normal,
    parts: &Parts,
    now_ms: i64,
) -> Result<(), Box<Refused>> {
    let initiator = Initiator::of(&parts.headers, &normal.authority);
    let is_navigation = parts.headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    // What these pages cost to make, no page of another site has made by an image.
    let is_made_elsewhere = initiator.site == Some(Site::CrossSite) && !is_navigation;
    if is_made_elsewhere || (!parts.method.is_safe() && initiator.is_foreign()) {
        return Err(Reason::RequestCrossSite.into());
    }
    let certificate = match &connection.facts.identity {
        Identity::Anonymous => return Err(Reason::CertificateAbsent.into()),
        Identity::Invalid { reason, .. } => return Err((*reason).into()),
        Identity::Proven { certificate, .. } => certificate,
    };
    let live = connection.gateway.state.live();
    live.standing(&connection.subjects, connection.authenticated_at_ms, now_ms)?;
    snapshot.trust.standing(certificate, now_ms)?;
    Ok(())
}
