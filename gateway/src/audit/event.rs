//! What is recorded: one final event for each request and each refused connection attempt.

use std::net::SocketAddr;
use std::sync::Arc;

use gaccong_policy::PolicyIds;
use http::{Method, Version};
use uuid::Uuid;

pub use crate::audit::outcome::Outcome;

use crate::audit::authentication::AuthenticationEvent;
use crate::audit::signal::SignalEvent;
use crate::clock;
use crate::config::diagnostic::Diagnostic;
use crate::facts::break_glass::Signed;
use crate::facts::snapshot::Snapshot;
use crate::process::policies::Bundle;
use crate::reason::Reason;
use crate::request::decide::Asked;
use crate::request::identify::Identity;
use crate::request::shadow::Answer;

/// An entry of the audit log.
#[derive(Debug)]
pub enum Event {
    /// A request: OCSF HTTP Activity (4002).
    Request(Box<RequestEvent>),
    /// A connection attempt that was refused: OCSF Network Activity (4001), activity Refuse.
    Connection(Box<ConnectionEvent>),
    /// A login, or the end of a session: OCSF Authentication (3002).
    Authentication(Box<AuthenticationEvent>),
    /// Policies came into force, or did not load: OCSF Entity Management (3004), activity Activate.
    Policies(Box<PoliciesEvent>),
    /// A signal, or a change of its stream: OCSF Entity Management (3004).
    Signal(Box<SignalEvent>),
    /// A grant for emergencies came into force, ended or is not good: OCSF Entity Management (3004).
    Grant(Box<GrantEvent>),
    /// What is kept has changed: OCSF Entity Management (3004).
    State(Box<StateEvent>),
    /// Policy decided otherwise than Cedar does: OCSF Detection Finding (2004).
    ShadowMismatch(Box<ShadowMismatch>),
}

/// Whether an event opens a request that is still running or ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The request has been open for more than a second, or a policy asks for a record at once; a final event with the
    /// same id follows.
    Opening,
    /// The one final event.
    Final,
}

/// What is common to all requests of a connection.
#[derive(Debug)]
pub struct ConnectionFacts {
    /// The connection's own id.
    pub id: Uuid,
    /// The address of the client (from the PROXY header, where there is one).
    pub source: SocketAddr,
    /// The address of the load balancer that sent a PROXY header.
    pub via: Option<SocketAddr>,
    /// The local address.
    pub local: SocketAddr,
    /// What TLS negotiated; `None` before the handshake is complete.
    pub tls: Option<TlsFacts>,
    /// What the connection proves.
    pub identity: Identity,
}

/// What TLS negotiated.
#[derive(Debug, Clone)]
pub struct TlsFacts {
    /// `1.3`, `1.2`
    pub version: &'static str,
    /// IANA name of the cipher suite.
    pub cipher: &'static str,
    /// Name of the key exchange group (`X25519MLKEM768`).
    pub group: &'static str,
    /// `h2` or `http/1.1`.
    pub alpn: &'static str,
    /// The server name that the client asked for.
    pub sni: Option<Arc<str>>,
}

/// One request.
#[derive(Debug)]
pub struct RequestEvent {
    /// Opening or final.
    pub phase: Phase,
    /// The request's id: what `X-Request-Id` says.
    pub id: Uuid,
    /// When its head was complete, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The connection.
    pub connection: Arc<ConnectionFacts>,
    /// The method as sent.
    pub method: Method,
    /// HTTP version on the client's side.
    pub version: Version,
    /// The normal host; what could be read of it, where normalisation refused.
    pub host: Option<Arc<str>>,
    /// The normal path; what could be read of it, bounded, where normalisation refused.
    pub path: Arc<str>,
    /// The query string, where the configuration records it.
    pub query: Option<Arc<str>>,
    /// The name of the app.
    pub app: Option<Arc<str>>,
    /// `User-Agent`, bounded.
    pub user_agent: Option<Arc<str>>,
    /// The client's own `X-Request-Id`, bounded: correlation only.
    pub correlation: Option<Arc<str>>,
    /// The complete question, where policy was asked.
    pub asked: Option<Arc<Asked>>,
    /// What was decided.
    pub decision: DecisionFacts,
    /// How it ended. For an opening event: as far as known.
    pub outcome: Outcome,
    /// The status that the client got, or would have got.
    pub status: Option<u16>,
    /// Bytes of the request's body that were read.
    pub bytes_in: u64,
    /// Bytes of the response's body that were handed to the client's connection.
    pub bytes_out: u64,
    /// From the head of the request to the end, microseconds.
    pub duration_us: u64,
    /// Of it: the decision, nanoseconds.
    pub decision_ns: u64,
    /// Of it: from the request sent to the upstream until the head of its response, microseconds.
    pub upstream_us: Option<u64>,
    /// The upstream that was chosen.
    pub upstream: Option<Arc<str>>,
}

/// What was decided and by which policies.
#[derive(Debug, Clone)]
pub struct DecisionFacts {
    /// Permit, deny, or a denial that `observe` let through.
    pub verdict: Verdict,
    /// The reason of a denial (also of one only observed).
    pub reason: Option<Reason>,
    /// The determining policies: after a denial that was only observed, those that made the denial.
    pub policies: PolicyIds,
    /// The permits that are only observed and, enforced, would have let a refused request through.
    pub would_permit: PolicyIds,
    /// Digest of the policies that were asked.
    pub policy_digest: Option<Arc<str>>,
    /// Errors of evaluation and other details that the client does not see.
    pub details: Vec<String>,
}

impl DecisionFacts {
    /// A request that was admitted without a question to policy, and by what.
    pub fn admitted(by: String) -> Self {
        Self {
            verdict: Verdict::Permit,
            reason: None,
            policies: PolicyIds::new(),
            would_permit: PolicyIds::new(),
            policy_digest: None,
            details: vec![by],
        }
    }
}

/// The verdict on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Permitted.
    Permit,
    /// Refused.
    Deny,
    /// Forwarded although enforcement would have refused (`mode = "observe"`, or `@mode("observe")` of a policy).
    ObservedDeny,
}

/// A connection attempt that was refused, or several of one source summed up.
#[derive(Debug, Clone)]
pub struct ConnectionEvent {
    /// The attempt's id.
    pub id: Uuid,
    /// When, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The client's address; for a sum, the first address of the prefix.
    pub source: SocketAddr,
    /// The load balancer's address.
    pub via: Option<SocketAddr>,
    /// Where it connected to.
    pub local: SocketAddr,
    /// Why it was refused.
    pub reason: Reason,
    /// What went wrong, for the SOC; bounded, no control characters.
    pub detail: String,
    /// The server name that the client asked for, where that was read.
    pub sni: Option<Arc<str>>,
    /// The certificate that was presented, as far as it could be read.
    pub certificate: Option<PresentedCertificate>,
    /// How many attempts this event stands for; 1 for a single one.
    pub count: u64,
}

/// What could be read of a certificate that was refused. Unproven: nobody has shown to hold its key.
#[derive(Debug, Clone)]
pub struct PresentedCertificate {
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: Arc<str>,
    /// Distinguished name of the subject, bounded, control characters escaped.
    pub subject: Arc<str>,
    /// Distinguished name of the issuer, bounded, control characters escaped.
    pub issuer: Arc<str>,
    /// Serial number, lower-case hexadecimal.
    pub serial: Arc<str>,
}

/// A load of policies, at the start or later.
#[derive(Debug, Clone)]
pub struct PoliciesEvent {
    /// The record's id.
    pub id: Uuid,
    /// When, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Digest of the policies in force from now on: the new ones, or after a refusal still the old.
    pub digest: Arc<str>,
    /// How many they are.
    pub policies: usize,
    /// The signed bundle that they are, where signatures are asked for.
    pub bundle: Option<Bundle>,
    /// Why nothing new came into force; empty after a good load.
    pub errors: Vec<String>,
}

impl PoliciesEvent {
    /// The policies of `snapshot` came into force.
    pub fn in_force(snapshot: &Snapshot) -> Self {
        Self {
            id: Uuid::now_v7(),
            time_ms: clock::now_ms(),
            digest: Arc::clone(snapshot.policies.digest()),
            policies: snapshot.policies.len(),
            bundle: snapshot.bundle.clone(),
            errors: Vec::new(),
        }
    }

    /// What was to replace `snapshot`, policies or what they rest on, did not load.
    pub fn refused(snapshot: &Snapshot, found: &[Diagnostic]) -> Self {
        let errors = found.iter().filter(|diagnostic| diagnostic.is_error()).map(Diagnostic::brief).collect();
        Self { errors, ..Self::in_force(snapshot) }
    }
}

impl From<PoliciesEvent> for Event {
    fn from(event: PoliciesEvent) -> Self {
        Self::Policies(Box::new(event))
    }
}

/// A change of a grant for emergencies.
#[derive(Debug, Clone)]
pub struct GrantEvent {
    /// The record's id.
    pub id: Uuid,
    /// When, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// What has changed.
    pub change: GrantChange,
    /// The id of the grant, or the file that is not a good one.
    pub name: Arc<str>,
    /// The grant, where it is one.
    pub grant: Option<Arc<Signed>>,
    /// Why it is not good.
    pub why: Option<String>,
}

/// What has changed of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantChange {
    /// It came into force.
    InForce,
    /// Its time is over.
    Ended,
    /// It was taken away, or replaced, before its time was over.
    Withdrawn,
    /// It is not good.
    Refused,
}

impl GrantEvent {
    /// A change that was seen now.
    pub fn of(
        change: GrantChange,
        name: Arc<str>,
        grant: Option<Arc<Signed>>,
        why: Option<String>,
        now_ms: i64,
    ) -> Self {
        Self { id: Uuid::now_v7(), time_ms: now_ms, change, name, grant, why }
    }
}

impl From<GrantEvent> for Event {
    fn from(event: GrantEvent) -> Self {
        Self::Grant(Box::new(event))
    }
}

/// A change of what is kept: a revocation, a lockdown, an alert.
#[derive(Debug, Clone)]
pub struct StateEvent {
    /// The record's id.
    pub id: Uuid,
    /// When it came into force, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Whether something is there that was not, is otherwise, or is not there any more.
    pub activity: Activity,
    /// What: `revocation`, `lockdown` …
    pub entity: &'static str,
    /// Of what kind: `user`, `app` …
    pub kind: &'static str,
    /// Of whom.
    pub name: Arc<str>,
    /// By whose word.
    pub by: Arc<str>,
    /// Why.
    pub cause: Option<Arc<str>>,
    /// When it ends by itself, milliseconds since the Unix epoch.
    pub until_ms: Option<i64>,
    /// The store's serial with it; `None` where it could not be kept.
    pub store_serial: Option<u64>,
}

/// What became of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It is there.
    Create,
    /// It was read.
    Read,
    /// It is otherwise.
    Update,
    /// It is gone.
    Delete,
}

impl From<StateEvent> for Event {
    fn from(event: StateEvent) -> Self {
        Self::State(Box::new(event))
    }
}

/// A decision that Cedar would have made otherwise.
#[derive(Debug, Clone)]
pub struct ShadowMismatch {
    /// The record's id.
    pub id: Uuid,
    /// When it was found, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The request, whose record has the question.
    pub request: Uuid,
    /// The app that was asked for.
    pub app: Arc<str>,
    /// Digest of the policies.
    pub policy_digest: Arc<str>,
    /// What was answered.
    pub decided: Answer,
    /// What Cedar answers.
    pub by_cedar: Answer,
}

impl From<ShadowMismatch> for Event {
    fn from(event: ShadowMismatch) -> Self {
        Self::ShadowMismatch(Box::new(event))
    }
}
