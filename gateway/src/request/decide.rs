//! The decision: from the facts in hand to a permit, or a refusal with its reason.
//!
//! [`weigh`] is asked once for each request, and again, by the route and rules then in force, for each running one
//! when something was loaded anew or its permit lapses.

mod answer;
mod asked;
mod groups;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use gaccong_policy as policy;
use http::Method;
use policy::{Cause, Decision, PolicySet, PrincipalKind};

pub use self::answer::{Permitted, Refused, reason_of};
pub use self::asked::Asked;
use crate::config::{App, PostureMode};
use crate::facts::break_glass::{Grants, Signed};
use crate::facts::posture::DevicePosture;
use crate::facts::snapshot::{Listener, Snapshot};
use crate::reason::Reason;
use crate::request::action;
use crate::request::cross_site::Initiator;
use crate::request::identify::credential::Method as Proof;
use crate::request::identify::{self, ClientCertificate, Credential, Identity};
use crate::session::tickets::Demand;
use crate::state::{Live, ScopeKind, Subject};

/// A request as far as the decision needs it.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// What the connection proves.
    pub identity: &'a Identity,
    /// Everyone and everything that it proves to be.
    pub subjects: &'a [Subject],
    /// When that was proven, milliseconds since the Unix epoch.
    pub authenticated_at_ms: i64,
    /// The session or token that the request brings.
    pub credential: Option<&'a Arc<Credential>>,
    /// The listener it came in by.
    pub listener: Listener,
    /// The app.
    pub app: &'a Arc<App>,
    /// The policies that decide who may reach it.
    pub policies: &'a PolicySet,
    /// The normal host.
    pub host: &'a Arc<str>,
    /// The normal path.
    pub path: &'a Arc<str>,
    /// The method.
    pub method: &'a Method,
    /// Whether it opens a WebSocket.
    pub websocket: bool,
    /// The page that made a browser send it.
    pub initiator: &'a Initiator,
    /// The grants for emergencies, where whoever asks needs one of them; `policies` are then those for emergencies.
    pub grants: Option<&'a Grants>,
    /// Whom a call of the control API is about.
    pub target: Option<&'a Arc<Target>>,
    /// The client's address.
    pub source_ip: IpAddr,
    /// The time, milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// Whom a call of the control API is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `user`, `device`, `app` …
    pub kind: &'static str,
    /// The name by which policies and records know it.
    pub id: Arc<str>,
}

/// Weighs who is asking, from which device in what state, against the policy.
pub fn weigh(snapshot: &Snapshot, live: &Live, wanted: &Wanted<'_>) -> Result<Permitted, Box<Refused>> {
    wanted.initiator.check(wanted.listener, wanted.app, wanted.method, wanted.websocket)?;
    let (certificate, device, certified) = match wanted.identity {
        Identity::Anonymous => return Err(Reason::CertificateAbsent.into()),
        Identity::Invalid { reason, .. } => return Err((*reason).into()),
        Identity::Proven { certificate, device, principal } => (certificate, device, principal),
    };
    live.standing(wanted.subjects, wanted.authenticated_at_ms, wanted.now_ms)?;
    let standing = snapshot.trust.standing(certificate, wanted.now_ms)?;
    if let Some(credential) = wanted.credential {
        stands(snapshot, live, credential, wanted.now_ms)?;
    }
    let principal = who(snapshot, wanted, certified.as_ref(), device.as_ref())?;
    let certified_by = certified.as_ref().map(|_| &*certificate.trust_domain);
    let credential = wanted.credential.map(|credential| &**credential);
    let groups = groups::of(snapshot, &principal, certified_by, credential);
    let grant = grant(wanted, certificate, &principal)?;
    if wanted.listener == Listener::Apps && grant.is_none() {
        let card = credential.and_then(Credential::card);
        let chains = [(&certificate.trust_domain, &certificate.issuer)].into_iter().chain(card);
        if is_locked(live, wanted.app, chains, &groups) {
            return Err(Reason::Lockdown.into());
        }
    }
    let posture = device.as_deref().and_then(|device| posture(snapshot, live, device));
    let asked = Arc::new(Asked {
        principal,
        groups,
        device: device.clone(),
        posture,
        credential: wanted.credential.cloned(),
        certificate: Arc::clone(certificate),
        app: Arc::clone(wanted.app),
        action: Arc::clone(action::of(wanted.app, wanted.method, wanted.path, wanted.websocket)),
        websocket: wanted.websocket,
        initiator: wanted.initiator.clone(),
        host: Arc::clone(wanted.host),
        path: Arc::clone(wanted.path),
        method: wanted.method.clone(),
        target: wanted.target.cloned(),
        source_ip: wanted.source_ip,
        threat: snapshot.threats.list_of(wanted.source_ip).cloned(),
        grant,
        risk: live.risk_of(wanted.subjects).or_else(|| live.risk_of(&wanted.credential?.subjects)),
        alert_level: live.alert_level(),
        signal_lost: live.signal_lost(),
        now_ms: wanted.now_ms,
    });
    if let Err(reason) = require_posture(snapshot, &asked) {
        return Err(Box::new(Refused { asked: Some(asked), ..Refused::of(reason) }));
    }
    ask_policy(snapshot, wanted, asked, standing.holds_until_ms)
}

/// The answer of policy. It holds no longer than what it rests on.
fn ask_policy(
    snapshot: &Snapshot,
    wanted: &Wanted<'_>,
    asked: Arc<Asked>,
    certificate_holds_until_ms: i64,
) -> Result<Permitted, Box<Refused>> {
    let mode = asked.mode(snapshot.config.policy.mode);
    let started = Instant::now();
    let decision = wanted.policies.decide(&asked.question(), mode);
    let decision_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    match decision {
        Decision::Permit(permit) => {
            let bounds = [permit.holds_until_ms(), asked.holds_until_ms()];
            let holds_until_ms = bounds.into_iter().flatten().fold(certificate_holds_until_ms, i64::min);
            Ok(Permitted { permit, asked, holds_until_ms, decision_ns })
        }
        Decision::Deny(denial) => {
            let demand = step_up(snapshot, wanted, &asked, denial.cause);
            Err(Box::new(Refused {
                reason: if demand.is_some() { Reason::SessionStepUp } else { reason_of(denial.cause) },
                demand,
                words: denial.words,
                policies: denial.policies,
                would_permit: denial.would_permit,
                details: denial.errors,
                asked: Some(asked),
                policy_digest: Some(Arc::clone(wanted.policies.digest())),
                decision_ns,
                retry_after_s: None,
            }))
        }
    }
}

/// The login with which policy would permit what it has refused, where the person can log in.
fn step_up(snapshot: &Snapshot, wanted: &Wanted<'_>, asked: &Asked, cause: Cause) -> Option<Demand> {
    let by_token = wanted.credential.is_some_and(|credential| credential.is_token());
    let can_log_in = wanted.listener == Listener::Apps && (snapshot.config.auth.is_some() || by_token);
    if !can_log_in || asked.grant.is_some() || cause == Cause::Error {
        return None;
    }
    let policy::StepUp { acr, max_age_s } = wanted.policies.step_up(&asked.question())?;
    Some(Demand { acr, max_age_s, login_again: false })
}

/// The grant by which whoever breaks the glass comes in.
fn grant(
    wanted: &Wanted<'_>,
    certificate: &ClientCertificate,
    principal: &identify::Subject,
) -> Result<Option<Arc<Signed>>, Box<Refused>> {
    let Some(grants) = wanted.grants else { return Ok(None) };
    let found = grants.find(certificate, principal, &wanted.app.name, wanted.now_ms);
    found.cloned().map(Some).map_err(|why| Box::new(Refused::because(Reason::BreakGlassNoGrant, why)))
}

/// Whether a session or token still counts, and whoever vouches for it.
///
/// # Errors
/// Why it does not.
pub fn stands(snapshot: &Snapshot, live: &Live, credential: &Credential, now_ms: i64) -> Result<(), Reason> {
    let (is_trusted, untrusted, expired) = match &credential.method {
        Proof::Token { issuer } => {
            (snapshot.tokens.of_name(issuer).is_some(), Reason::TokenUntrusted, Reason::TokenExpired)
        }
        Proof::Login(voucher) => (snapshot.trusts(voucher), Reason::SessionRevoked, Reason::SessionExpired),
    };
    if !is_trusted {
        return Err(untrusted);
    }
    if now_ms >= credential.expires_at_ms {
        return Err(expired);
    }
    live.standing(&credential.subjects, credential.established_at_ms, now_ms)
}

/// Who asks: by the certificate, by the session or token, and not by both in different ways. On the control API a device
/// without a person speaks for itself.
fn who(
    snapshot: &Snapshot,
    wanted: &Wanted<'_>,
    certified: Option<&identify::Subject>,
    device: Option<&Arc<str>>,
) -> Result<identify::Subject, Reason> {
    let shown = wanted.credential.map(|credential| &credential.principal);
    match (certified, shown) {
        (Some(certified), Some(shown)) if certified != shown => Err(Reason::SessionPrincipalMismatch),
        (Some(principal), _) | (None, Some(principal)) => Ok(principal.clone()),
        (None, None) => match (wanted.listener, device) {
            (Listener::Control, Some(device)) => {
                Ok(identify::Subject { kind: PrincipalKind::Device, id: Arc::clone(device) })
            }
            (Listener::Apps, _) if snapshot.config.auth.is_some() => Err(Reason::SessionAbsent),
            _ => Err(Reason::PrincipalAbsent),
        },
    }
}

/// Whether a lockdown closes the app to these groups, or to whoever comes by certificates of these trust domains and
/// issuers: that of the connection, and that of the card.
fn is_locked<'a>(
    live: &Live,
    app: &'a App,
    chains: impl Iterator<Item = (&'a Arc<str>, &'a Arc<str>)>,
    groups: &'a [Arc<str>],
) -> bool {
    let chains = chains.flat_map(|(domain, issuer)| [(ScopeKind::TrustDomain, domain), (ScopeKind::Issuer, issuer)]);
    let groups = groups.iter().map(|group| (ScopeKind::Group, group));
    live.is_locked([(ScopeKind::App, &app.name)].into_iter().chain(chains).chain(groups))
}

/// What is known of a device: by the file, by what was reported, or by both.
pub fn posture(snapshot: &Snapshot, live: &Live, device: &str) -> Option<Arc<DevicePosture>> {
    match (snapshot.posture.of(device), live.posture_of(device)) {
        (Some(file), Some(reported)) => Some(Arc::new(reported.with(file))),
        (file, reported) => reported.or_else(|| file.cloned()),
    }
}

/// A person's device must have its required facts, fresh, unless the app leaves that to policy. Who is no person is
/// exempt, and so is who breaks the glass.
fn require_posture(snapshot: &Snapshot, asked: &Asked) -> Result<(), Reason> {
    if asked.app.posture == PostureMode::Policy || asked.principal.kind != PrincipalKind::User || asked.grant.is_some()
    {
        return Ok(());
    }
    if asked.device.is_none() {
        return Err(Reason::DeviceAbsent);
    }
    let posture = asked.posture.as_ref().ok_or(Reason::PostureAbsent)?;
    posture.requirement(&snapshot.config.posture.required, asked.now_ms)
}
