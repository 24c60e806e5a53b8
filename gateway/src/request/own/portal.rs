//! The start page of the host where people log in: what they can reach now, and why the rest is closed.

use http::StatusCode;

use super::status::{layout, person};
use super::{Answer, Visit, access, with_renewed};
use crate::pages::portal::Portal;
use crate::pages::{Link, Page};
use crate::reason::Reason;

/// Shows it to whoever is logged in, or named by the certificate.
pub fn show(visit: &Visit<'_>) -> Answer {
    let shown = visit.session()?;
    let credential = shown.as_ref().map(|shown| &shown.credential);
    let person = person(visit, credential.map(|credential| &**credential)).ok_or(Reason::SessionAbsent)?;
    let mut layout = layout(visit, "portal-title", shown.is_some());
    let language = visit.reader.language;
    layout.links.insert(0, Link { href: "/.gaccong/status".into(), text: language.say("status-title") });
    let apps = tokio::task::block_in_place(|| access::of(visit, credential));
    let response = Portal { layout, person, apps, request_id: None }.document().response(StatusCode::OK);
    Ok(with_renewed(response, shown))
}
