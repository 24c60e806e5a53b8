//! `/.gaccong/status`: who am I, on which device in what state, and what may I reach.

use std::borrow::Cow;
use std::sync::Arc;

use http::StatusCode;

use super::{Answer, Visit, access, with_renewed};
use crate::facts::posture::DevicePosture;
use crate::pages::status::{Check, Device, Login, Method, Status};
use crate::pages::{Layout, Link, Page, facts};
use crate::request::decide;
use crate::request::identify::credential;
use crate::request::identify::{Credential, Identity};
use crate::session::Voucher;

/// Shows it, whether somebody is logged in or not.
pub fn show(visit: &Visit<'_>) -> Answer {
    // Of a session that does not count nothing is shown: for this page, nobody is logged in.
    let shown = visit.session().ok().flatten();
    let credential = shown.as_ref().map(|shown| &shown.credential);
    let person = person(visit, credential.map(|credential| &**credential));
    let can_log_in = person.is_none();
    let apps = match can_log_in {
        false => tokio::task::block_in_place(|| access::of(visit, credential)),
        true => Default::default(),
    };
    let posture = posture(visit).unwrap_or_default();
    let page = Status {
        layout: layout(visit, "status-title", credential.is_some()),
        person,
        login: login(visit, credential.map(|credential| &**credential)),
        log_in: can_log_in.then_some("/"),
        device: device(visit, facts::checks(posture.facts(), visit.reader.language, visit.now_ms)),
        apps,
        request_id: None,
        now_ms: visit.now_ms,
    };
    Ok(with_renewed(page.document().response(StatusCode::OK), shown))
}

/// A page that can be had in both languages, with a way out where somebody is logged in.
pub(super) fn layout<'a>(visit: &'a Visit<'_>, title: &str, logged_in: bool) -> Layout<'a> {
    let language = visit.reader.language;
    let mut layout = Layout::new(language.say(title), language, &visit.snapshot.config.pages);
    layout.back = Some(Cow::Borrowed(&visit.normal.path));
    if logged_in {
        layout.links.push(Link { href: "/.gaccong/logout".into(), text: language.say("log-out-title") });
    }
    layout
}

/// Who it is: by the session, or by the certificate.
pub(super) fn person<'a>(visit: &'a Visit<'_>, credential: Option<&Credential>) -> Option<Cow<'a, str>> {
    if let Some(credential) = credential {
        return Some(credential.principal.id.to_string().into());
    }
    match &visit.connection.facts.identity {
        Identity::Proven { principal: Some(principal), .. } => Some(Cow::Borrowed(&principal.id)),
        _ => None,
    }
}

fn login(visit: &Visit<'_>, credential: Option<&Credential>) -> Option<Login<'static>> {
    let Some(credential) = credential else {
        let Identity::Proven { certificate, principal: Some(_), .. } = &visit.connection.facts.identity else {
            return None;
        };
        let until_ms = Some(certificate.not_after_ms);
        return Some(Login {
            method: Method::Certificate,
            acr: None,
            at_ms: visit.connection.authenticated_at_ms,
            until_ms,
        });
    };
    Some(Login {
        method: match &credential.method {
            credential::Method::Login(Voucher::Oidc { .. }) => Method::Provider,
            credential::Method::Login(Voucher::Smartcard { .. }) => Method::Card,
            credential::Method::Token { .. } => Method::Token,
        },
        acr: credential.acr.as_ref().map(|acr| acr.to_string().into()),
        at_ms: credential.auth_time_ms.unwrap_or(credential.established_at_ms),
        until_ms: Some(credential.expires_at_ms),
    })
}

fn posture(visit: &Visit<'_>) -> Option<Arc<DevicePosture>> {
    decide::posture(visit.snapshot, visit.gateway.state.live(), visit.connection.facts.identity.device()?)
}

fn device<'a>(visit: &'a Visit<'_>, checks: Vec<Check<'a>>) -> Device<'a> {
    let identity = &visit.connection.facts.identity;
    Device {
        id: identity.device().map(|device| Cow::Borrowed(&**device)),
        not_after_ms: identity.certificate().map(|certificate| certificate.not_after_ms),
        checks,
    }
}
