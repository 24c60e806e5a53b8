//! OCSP (RFC 6960): a configured responder is asked about the certificates of live connections.
//!
//! The address is the operator's, never one out of a certificate. Nothing waits for a responder in order to decide: a
//! decision reads the last answer. A certificate is asked about when a connection presents it, and again and again
//! while one does, so that a revocation reaches streams that are running.

mod judge;
mod question;
pub mod response;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use papaya::HashMap;
use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Domain, Trust};
use crate::clock;
use crate::config::diagnostic::Diagnostic;
use crate::config::{self, OnFailure};
use crate::gateway::Gateway;
use crate::outgoing::backoff::{after_failures, jittered};
use crate::outgoing::{Bounds, Client, OutgoingError};
use crate::reason::Reason;
use crate::request::accept::tls::read_chain;
use crate::request::identify::ClientCertificate;
use crate::state::{Subject, SubjectKind};
use crate::streams::sweep;
use judge::{Answer, Disbelief, Judge};
use question::Question;
use response::{MAX_RESPONSE_BYTES, Status};

/// The most certificates that are asked about.
const MAX_CERTIFICATES: usize = 65_536;
/// The most questions at once.
const MAX_QUESTIONS: usize = 32;
/// How long a certificate is left alone whose trust domain has no responder any more.
const NO_RESPONDER_PAUSE: Duration = Duration::from_secs(60);

/// The responder of a trust domain.
pub(super) struct Responder {
    settings: config::Ocsp,
    client: Client,
    certificate: Option<CertificateDer<'static>>,
}

/// What is known of certificates. It outlives reloads.
pub(super) struct Answers {
    /// By fingerprint.
    known: HashMap<Arc<str>, Arc<Watched>>,
    /// Held to begin and to end watching a certificate.
    turn: Mutex<()>,
    asking: Semaphore,
    /// Rises with every answer.
    version: AtomicU64,
}

/// A certificate that is asked about.
struct Watched {
    certificate: Arc<ClientCertificate>,
    answer: ArcSwapOption<Answer>,
    /// Cancelled once the first question was answered or has failed.
    asked: CancellationToken,
    connections: AtomicUsize,
}

/// A connection's part in a certificate: while it lives, the certificate is asked about.
pub struct InUse {
    watched: Arc<Watched>,
    wait: Duration,
}

#[derive(Debug, thiserror::Error)]
enum OcspError {
    #[error("the CA that issued the certificate is not in `ca`")]
    Issuer,
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
    #[error("the responder answered {0}")]
    Status(http::StatusCode),
    #[error(transparent)]
    Disbelief(#[from] Disbelief),
    #[error("it is older than the last one")]
    Older,
}

impl Responder {
    pub(super) fn open(settings: &config::Ocsp) -> Result<Self, Box<Diagnostic>> {
        let certificate = match &settings.responder {
            Some(file) => match read_chain(file)?.into_iter().next() {
                Some(certificate) => Some(certificate),
                None => return Err(Box::new(Diagnostic::of_file(file, "it has no `CERTIFICATE` section in PEM"))),
            },
            None => None,
        };
        Ok(Self { settings: settings.clone(), client: Client::new(&settings.ca)?, certificate })
    }

    /// Until when an answer lets a certificate stand.
    pub(super) fn holds_until_ms(&self, answer: Option<Answer>, now_ms: i64) -> Result<i64, Reason> {
        match answer {
            // A stale answer too: what was revoked stays revoked until another is heard.
            Some(Answer { status: Status::Revoked, .. }) => Err(Reason::CertificateRevoked),
            _ if self.settings.on_failure == OnFailure::Soft => Ok(i64::MAX),
            Some(Answer { status: Status::Good, fresh_until_ms, .. }) if now_ms < fresh_until_ms => Ok(fresh_until_ms),
            _ => Err(Reason::OcspUnknown),
        }
    }

    /// How long an answer is good enough not to ask again: until it ends if that is soon, with time to fail once.
    fn rests(&self, answer: &Answer, now_ms: i64) -> Duration {
        let left_ms = u64::try_from(answer.fresh_until_ms.saturating_sub(now_ms)).unwrap_or_default();
        Duration::from_millis(left_ms / 4 * 3).clamp(Duration::from_millis(100), self.settings.every)
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            turn: Mutex::new(()),
            asking: Semaphore::new(MAX_QUESTIONS),
            version: AtomicU64::new(0),
        }
    }
}

impl Answers {
    /// The last answer about a certificate.
    pub(super) fn of(&self, certificate: &ClientCertificate) -> Option<Answer> {
        let known = self.known.pin();
        known.get(&*certificate.fingerprint)?.answer.load().as_deref().copied()
    }

    /// Rises with every answer.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    fn watch(self: &Arc<Self>, certificate: &Arc<ClientCertificate>, gateway: &Arc<Gateway>) -> Option<Arc<Watched>> {
        let _turn = self.turn.lock();
        let known = self.known.pin();
        let watched = match known.get(&*certificate.fingerprint) {
            Some(watched) => Arc::clone(watched),
            None if known.len() >= MAX_CERTIFICATES => return None,
            None => {
                let watched = Arc::new(Watched::new(certificate));
                known.insert(Arc::clone(&certificate.fingerprint), Arc::clone(&watched));
                tokio::spawn(Arc::clone(&watched).follow(Arc::clone(self), Arc::clone(gateway)));
                watched
            }
        };
        watched.connections.fetch_add(1, Ordering::Relaxed);
        Some(watched)
    }

    /// Forgets a certificate that no connection presents any more.
    fn forgets(&self, watched: &Watched) -> bool {
        let _turn = self.turn.lock();
        let unused = watched.connections.load(Ordering::Relaxed) == 0;
        if unused {
            self.known.pin().remove(&*watched.certificate.fingerprint);
        }
        unused
    }
}

impl Trust {
    /// Asks about a connection's certificate from now on, if its trust domain has a responder.
    pub fn watch(&self, certificate: &Arc<ClientCertificate>, gateway: &Arc<Gateway>) -> Option<InUse> {
        let responder = self.domain_of(certificate)?.responder.as_ref()?;
        let watched = self.answers.watch(certificate, gateway)?;
        Some(InUse { watched, wait: responder.settings.wait })
    }
}

impl InUse {
    /// Waits, within a bound, until something is known of the certificate.
    pub async fn asked(&self) {
        // Who waits in vain is told by the decision.
        let _ = timeout(self.wait, self.watched.asked.cancelled()).await;
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.watched.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Watched {
    fn new(certificate: &Arc<ClientCertificate>) -> Self {
        Self {
            certificate: Arc::clone(certificate),
            answer: ArcSwapOption::empty(),
            asked: CancellationToken::new(),
            connections: AtomicUsize::new(0),
        }
    }

    /// Asks again and again, until no connection presents the certificate any more.
    async fn follow(self: Arc<Self>, answers: Arc<Answers>, gateway: Arc<Gateway>) {
        let mut failures = 0;
        loop {
            let wait = self.ask_now(&answers, &gateway, &mut failures).await;
            self.asked.cancel();
            sleep(jittered(wait)).await;
            if answers.forgets(&self) {
                return;
            }
        }
    }

    /// Asks once; returns how long to wait before the next time.
    async fn ask_now(&self, answers: &Answers, gateway: &Arc<Gateway>, failures: &mut u32) -> Duration {
        let trust = Arc::clone(&gateway.snapshot.load().trust);
        let domain = trust.domain_of(&self.certificate);
        let Some((domain, responder)) = domain.and_then(|domain| Some((domain, domain.responder.as_ref()?))) else {
            return NO_RESPONDER_PAUSE;
        };
        match self.ask(answers, &trust, domain, responder).await {
            Ok(answer) => {
                *failures = 0;
                gateway.metrics.ocsp_answered(&domain.name, result_of(answer.status));
                self.learns(answer, answers, gateway);
                responder.rests(&answer, clock::now_ms())
            }
            Err(error) => {
                *failures += 1;
                gateway.metrics.ocsp_answered(&domain.name, "failed");
                tracing::warn!(trust = &*domain.name, url = %responder.settings.url, %error, "no OCSP answer");
                after_failures(*failures).min(responder.settings.every)
            }
        }
    }

    async fn ask(
        &self,
        answers: &Answers,
        trust: &Trust,
        domain: &Domain,
        responder: &Responder,
    ) -> Result<Answer, OcspError> {
        let link = self.certificate.chain.first().ok_or(OcspError::Issuer)?;
        let issuer = domain.authorities().find(|authority| authority.id == link.issuer_key).ok_or(OcspError::Issuer)?;
        let question = Question::new(issuer, &link.serial).ok_or(OcspError::Issuer)?;
        let settings = &responder.settings;
        let response = {
            let _place = answers.asking.acquire().await;
            let bounds = Bounds { max_bytes: MAX_RESPONSE_BYTES as u64, timeout: settings.timeout };
            responder.client.post(&settings.url, headers(), question.der().into(), bounds).await?
        };
        if response.status != http::StatusCode::OK {
            return Err(OcspError::Status(response.status));
        }
        let judge = Judge {
            issuer,
            responder: responder.certificate.as_ref(),
            algorithms: trust.algorithms.all,
            max_age_ms: i64::try_from(settings.max_age.as_millis()).unwrap_or(i64::MAX),
            now_ms: clock::now_ms(),
        };
        let lists = domain.crls.get(&link.issuer_key);
        let is_revoked = |serial: &[u8]| lists.into_iter().flatten().any(|list| list.has(serial));
        let answer = judge.judge(&response.body, &question, is_revoked)?;
        match self.answer.load().as_deref() {
            Some(last) if answer.this_update_ms < last.this_update_ms => Err(OcspError::Older),
            _ => Ok(answer),
        }
    }

    /// Keeps an answer. What it takes away ends now.
    fn learns(&self, answer: Answer, answers: &Answers, gateway: &Arc<Gateway>) {
        let received = Instant::now();
        let last = self.answer.swap(Some(Arc::new(answer)));
        // A request that was decided before and is registered after sees the version and decides itself again.
        answers.version.fetch_add(1, Ordering::SeqCst);
        if answer.status == Status::Good || last.is_some_and(|last| last.status == answer.status) {
            return;
        }
        let subject = Subject::new(SubjectKind::Certificate, Arc::clone(&self.certificate.fingerprint));
        let gateway = Arc::clone(gateway);
        tokio::task::spawn_blocking(move || {
            sweep::decide_subject_again(&gateway, &subject);
            gateway.metrics.revoked(received.elapsed());
        });
    }
}

fn result_of(status: Status) -> &'static str {
    match status {
        Status::Good => "good",
        Status::Revoked => "revoked",
        Status::Unknown => "unknown",
    }
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/ocsp-request")),
        (ACCEPT, HeaderValue::from_static("application/ocsp-response")),
    ])
}
