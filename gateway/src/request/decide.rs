//! The decision: from the facts in hand to a permit, or a refusal with its reason.
//!
//! [`weigh`] is asked once for each request, and again, by the route and rules then in force, for each running one
//! when something was loaded anew or its permit lapses.

mod asked;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use gaccong_policy as policy;
use http::Method;
use policy::{Cause, Decision, Permit, PolicyIds, PolicySet, PrincipalKind, Remedy, Words};

pub use self::asked::Asked;
use crate::audit::event::{DecisionFacts, Verdict};
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

/// A permit and what it was given on.
#[derive(Debug)]
pub struct Permitted {
    /// The proof.
    pub permit: Permit,
    /// The complete question.
    pub asked: Arc<Asked>,
    /// The earliest time at which time alone could change the answer.
    pub holds_until_ms: i64,
    /// What the policy took, nanoseconds.
    pub decision_ns: u64,
}

/// A refusal before anything was forwarded: its public reason and words, and what only the record sees.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// What the policies say to the person.
    pub words: Words,
    /// The determining policies.
    pub policies: PolicyIds,
    /// The permits that are only observed and would have let it through.
    pub would_permit: PolicyIds,
    /// For the record only.
    pub details: Vec<String>,
    /// The complete question, where policy was asked.
    pub asked: Option<Arc<Asked>>,
    /// Digest of the policies, where they were asked.
    pub policy_digest: Option<Arc<str>>,
    /// What the policy took, nanoseconds.
    pub decision_ns: u64,
    /// After how many seconds the same request may be made again, where that is known.
    pub retry_after_s: Option<u32>,
    /// The login with which it would be permitted.
    pub demand: Option<Demand>,
}

impl Refused {
    /// A refusal for which policy was not asked.
    pub fn of(reason: Reason) -> Self {
        Self {
            reason,
            words: Words::default(),
            policies: PolicyIds::new(),
            would_permit: PolicyIds::new(),
            details: Vec::new(),
            asked: None,
            policy_digest: None,
            decision_ns: 0,
            retry_after_s: None,
            demand: None,
        }
    }

    /// A refusal with a detail for the record.
    pub fn because(reason: Reason, detail: impl Into<String>) -> Self {
        Self { details: vec![detail.into()], ..Self::of(reason) }
    }

    /// What the person can mend, where policy refused and has no words of its own. This costs far more than the decision,
    /// and is for the response only.
    pub fn remedies(&self, policies: &PolicySet) -> Vec<Remedy> {
        match (self.reason, &self.asked) {
            (Reason::PolicyNoPermit | Reason::PolicyForbid, Some(asked))
                if self.words == Words::default() && asked.grant.is_none() =>
            {
                policies.explain(&asked.question()).mendable()
            }
            _ => Vec::new(),
        }
    }

    /// What the record says of the decision.
    pub fn facts(&self) -> DecisionFacts {
        DecisionFacts {
            verdict: Verdict::Deny,
            reason: Some(self.reason),
            policies: self.policies.clone(),
            would_permit: self.would_permit.clone(),
            policy_digest: self.policy_digest.clone(),
            details: self.details.clone(),
        }
    }
}

impl From<Reason> for Box<Refused> {
    fn from(reason: Reason) -> Self {
        Self::new(Refused::of(reason))
    }
}

impl Permitted {
    /// What the record says of the decision.
    pub fn facts(&self, digest: &Arc<str>) -> DecisionFacts {
        let (verdict, reason, policies, details) = match self.permit.would_refuse() {
            None => (Verdict::Permit, None, self.permit.policies().into(), Vec::new()),
            Some(denial) => {
                (Verdict::ObservedDeny, Some(reason_of(denial.cause)), denial.policies.clone(), denial.errors.clone())
            }
        };
        DecisionFacts {
            verdict,
            reason,
            policies,
            would_permit: PolicyIds::new(),
            policy_digest: Some(Arc::clone(digest)),
            details,
        }
    }
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
    let issued = wanted.credential.map(|credential| &credential.groups);
    let groups = groups_of(snapshot, &principal, certified_by, issued);
    let grant = grant(wanted, certificate, &principal)?;
    if wanted.listener == Listener::Apps && grant.is_none() && is_locked(live, wanted.app, certificate, &groups) {
        return Err(Reason::Lockdown.into());
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

    let mode = asked.mode(snapshot.config.policy.mode);
    let started = Instant::now();
    let decision = wanted.policies.decide(&asked.question(), mode);
    let decision_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    match decision {
        Decision::Permit(permit) => {
            let holds_until_ms = permit.holds_until_ms().unwrap_or(i64::MAX).min(standing.holds_until_ms);
            let posture_holds = asked.posture.as_ref().and_then(|posture| posture.holds_until_ms(asked.now_ms));
            let grant_holds = asked.grant.as_ref().map(|signed| signed.grant.not_after_ms());
            let credential_holds = asked.credential.as_ref().map(|credential| credential.expires_at_ms);
            let holds_until_ms =
                [posture_holds, grant_holds, credential_holds].into_iter().flatten().fold(holds_until_ms, i64::min);
            Ok(Permitted { permit, asked, holds_until_ms, decision_ns })
        }
        Decision::Deny(denial) => Err(Box::new(Refused {
            demand: step_up(snapshot, wanted, &asked, denial.cause),
            reason: reason_of(denial.cause),
            words: denial.words,
            policies: denial.policies,
            would_permit: denial.would_permit,
            details: denial.errors,
            asked: Some(asked),
            policy_digest: Some(Arc::clone(wanted.policies.digest())),
            decision_ns,
            retry_after_s: None,
        })),
    }
    .map_err(|refused: Box<Refused>| match &refused.demand {
        Some(_) => Box::new(Refused { reason: Reason::SessionStepUp, ..*refused }),
        None => refused,
    })
}

/// The login with which policy would permit what it has refused, where the person can log in.
fn step_up(snapshot: &Snapshot, wanted: &Wanted<'_>, asked: &Asked, cause: Cause) -> Option<Demand> {
    let by_token = wanted.credential.is_some_and(|credential| credential.method == Proof::Token);
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

/// Whether a session or token still counts.
fn stands(snapshot: &Snapshot, live: &Live, credential: &Credential, now_ms: i64) -> Result<(), Reason> {
    if credential.issuer.as_ref().is_some_and(|issuer| snapshot.tokens.of_name(issuer).is_none()) {
        return Err(Reason::TokenUntrusted);
    }
    if now_ms >= credential.expires_at_ms {
        return Err(if credential.method == Proof::Token { Reason::TokenExpired } else { Reason::SessionExpired });
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

/// Whether a lockdown closes the app to the holder of this certificate.
fn is_locked(live: &Live, app: &App, certificate: &ClientCertificate, groups: &[Arc<str>]) -> bool {
    let scopes = [
        (ScopeKind::App, &app.name),
        (ScopeKind::Issuer, &certificate.issuer),
        (ScopeKind::TrustDomain, &certificate.trust_domain),
    ];
    live.is_locked(scopes.into_iter().chain(groups.iter().map(|group| (ScopeKind::Group, group))))
}

/// What is known of a device: by the file, by what was reported, or by both.
pub fn posture(snapshot: &Snapshot, live: &Live, device: &str) -> Option<Arc<DevicePosture>> {
    match (snapshot.posture.of(device), live.posture_of(device)) {
        (Some(file), Some(reported)) => Some(Arc::new(reported.with(file))),
        (file, reported) => reported.or_else(|| file.cloned()),
    }
}

/// The groups of a principal: by the file, by the rules of the trust domain whose certificate names it, and as the issuer of
/// its session or token says. A device is in no group, even if it bears the name of a person.
fn groups_of(
    snapshot: &Snapshot,
    principal: &identify::Subject,
    certified_by: Option<&str>,
    issued: Option<&Arc<[Arc<str>]>>,
) -> Arc<[Arc<str>]> {
    if principal.kind == PrincipalKind::Device {
        return Arc::default();
    }
    let filed = snapshot.groups.of(&principal.id);
    let domain = certified_by.and_then(|name| snapshot.config.clients.domain(name));
    let mut others = domain.into_iter().flat_map(|domain| domain.groups_of(&principal.id)).peekable();
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

/// The reason of a denial by policy.
pub const fn reason_of(cause: Cause) -> Reason {
    match cause {
        Cause::NoPermit => Reason::PolicyNoPermit,
        Cause::Forbid => Reason::PolicyForbid,
        Cause::Error => Reason::PolicyError,
    }
}
