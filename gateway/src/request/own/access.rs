//! What a visitor may reach: every app is asked for its start page, as if it had been requested.

use std::borrow::Cow;
use std::sync::Arc;

use http::Method;
use uuid::Uuid;

use super::Visit;
use crate::config::{App, HostPattern};
use crate::facts::snapshot::Listener;
use crate::pages::Said;
use crate::pages::access::{Apps, ClosedApp, OpenApp};
use crate::reason::Reason;
use crate::request::cross_site::Initiator;
use crate::request::decide::{self, Permitted, Refused, Wanted};
use crate::request::identify::Credential;
use crate::request::refuse::{Message, Refusal};

/// How many apps are asked for.
const APPS_MAX: usize = 500;

/// How many refusals are explained: an explanation costs far more than a decision.
const EXPLAINED_MAX: usize = 50;

/// What a visitor may reach, and why the rest is closed.
pub(super) fn of(visit: &Visit<'_>, credential: Option<&Arc<Credential>>) -> Apps<'static> {
    let all = &visit.snapshot.config.apps;
    let mut apps = Apps { more: all.len().saturating_sub(APPS_MAX), ..Apps::default() };
    let mut explained = 0;
    for app in all.iter().take(APPS_MAX) {
        match ask(visit, credential, app) {
            Ok(_) => apps.open.push(OpenApp { name: name(app), url: url(visit, app) }),
            Err(refused) => close(visit, app, &refused, &mut explained, &mut apps),
        }
    }
    apps
}

/// Whether the app's start page could be read now.
fn ask(visit: &Visit<'_>, credential: Option<&Arc<Credential>>, app: &Arc<App>) -> Result<Permitted, Box<Refused>> {
    let connection = visit.connection;
    let identity = &connection.facts.identity;
    let emergency = visit.snapshot.emergency(Listener::Apps, identity);
    let grants = emergency.map(|_| visit.gateway.grants.load());
    let wanted = Wanted {
        identity,
        subjects: &connection.subjects,
        authenticated_at_ms: connection.authenticated_at_ms,
        credential,
        listener: Listener::Apps,
        app,
        policies: emergency.map_or(&visit.snapshot.policies, |break_glass| &break_glass.policies),
        host: &host(app),
        path: &Arc::from("/"),
        method: &Method::GET,
        websocket: false,
        initiator: &Initiator::default(),
        grants: grants.as_ref().map(|grants| &***grants),
        target: None,
        source_ip: connection.facts.source.ip(),
        now_ms: visit.now_ms,
    };
    decide::weigh(visit.snapshot, visit.gateway.state.live(), &wanted)
}

/// Says why an app is closed. Where that is only that nothing permits it, its name is enough.
fn close(visit: &Visit<'_>, app: &App, refused: &Refused, explained: &mut usize, apps: &mut Apps<'static>) {
    let remedies = match refused.reason {
        Reason::PolicyNoPermit | Reason::PolicyForbid if *explained < EXPLAINED_MAX => {
            *explained += 1;
            refused.remedies(&visit.snapshot.policies)
        }
        _ => Vec::new(),
    };
    let words = refused.words.clone();
    if refused.reason == Reason::PolicyNoPermit && remedies.is_empty() && words == gaccong_policy::Words::default() {
        apps.without_permit.push(name(app));
        return;
    }
    let refusal = Refusal { words, remedies, ..Refusal::new(refused.reason, Uuid::nil()) };
    let Message { detail, advice, remedies, .. } = Message::of(&refusal, visit.reader.language);
    apps.closed.push(ClosedApp {
        name: name(app),
        why: owned(detail),
        advice: owned(advice),
        remedies: remedies.into_iter().map(|(_, text)| text).collect(),
    });
}

fn owned(said: Said<'_>) -> Said<'static> {
    Said { text: said.text.into_owned().into(), language: said.language }
}

fn name(app: &App) -> Cow<'static, str> {
    app.name.to_string().into()
}

/// The host that is asked for: the first, be it a pattern.
fn host(app: &App) -> Arc<str> {
    app.hosts.first().map(HostPattern::to_string).unwrap_or_default().into()
}

/// Where a browser finds the app, where it has a host that is no pattern.
fn url(visit: &Visit<'_>, app: &App) -> Option<Cow<'static, str>> {
    let exact = app.hosts.iter().find_map(|host| match host {
        HostPattern::Exact(name) => Some(name),
        HostPattern::Wildcard(_) => None,
    })?;
    let port = visit.normal.port.map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("https://{exact}{port}/").into())
}
