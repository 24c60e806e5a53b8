//! What is kept, as it is in memory: read by every request without a lock, written by one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use parking_lot::RwLock;

use super::change::{Affected, Change, Outcome};
use super::entry::{
    Account, Alert, Enrolment, Entry, Hold, Lockdown, Reauthentication, Revocation, Risk, Scope, ScopeKind, Seen,
    Stream,
};
use super::posture::Reports;
use super::sessions::Sessions;
use super::subject::{Subject, SubjectKind};
use crate::config;
use crate::facts::posture::DevicePosture;
use crate::reason::Reason;

/// The entries of one table.
#[derive(Debug)]
pub struct Kept<E: Entry>(papaya::HashMap<E::Key, Arc<E>>);

impl<E: Entry> Default for Kept<E> {
    fn default() -> Self {
        Self(papaya::HashMap::new())
    }
}

impl<E: Entry> Kept<E> {
    /// The entry of that key.
    pub fn get(&self, key: &E::Key) -> Option<Arc<E>> {
        if self.0.is_empty() { None } else { self.0.pin().get(key).cloned() }
    }

    /// Every entry, as of now.
    pub fn all(&self) -> Vec<Arc<E>> {
        self.0.pin().values().cloned().collect()
    }

    /// Every entry of which that is so, as of now.
    pub fn matching(&self, wanted: impl Fn(&E) -> bool) -> Vec<Arc<E>> {
        self.0.pin().values().filter(|entry| wanted(entry)).cloned().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn put(&self, entry: E) {
        self.0.pin().insert(entry.key(), Arc::new(entry));
    }

    pub(super) fn remove(&self, key: &E::Key) {
        self.0.pin().remove(key);
    }
}

/// Everything that is kept.
#[derive(Debug)]
pub struct Live {
    /// Rises with each change.
    version: AtomicU64,
    /// Who is refused.
    pub revocations: Kept<Revocation>,
    /// Who must authenticate again.
    pub reauthentications: Kept<Reauthentication>,
    /// What is closed.
    pub lockdowns: Kept<Lockdown>,
    /// The alert, where one was ever set.
    pub alerts: Kept<Alert>,
    alert_level: AtomicI64,
    /// What was reported of devices.
    pub posture: Reports,
    /// Which sources are held.
    pub holds: Kept<Hold>,
    /// How risky principals are.
    pub risks: Kept<Risk>,
    /// What is known of streams of signals.
    pub streams: Kept<Stream>,
    /// What streams have said of accounts.
    pub accounts: Kept<Account>,
    /// Which signals were accepted.
    pub seen: Kept<Seen>,
    /// Which agents are enrolled.
    pub enrolments: Kept<Enrolment>,
    /// Who is logged in, and what seals their cookies.
    pub sessions: Sessions,
    /// Whether a stream of signals is lost. Not kept: it follows from the time and what is configured.
    signal_lost: AtomicBool,
    /// How old facts may become, and how sources rank.
    settings: RwLock<config::Posture>,
}

impl Live {
    /// Nothing is known yet.
    pub fn new(settings: config::Posture) -> Self {
        Self {
            version: AtomicU64::new(0),
            revocations: Kept::default(),
            reauthentications: Kept::default(),
            lockdowns: Kept::default(),
            alerts: Kept::default(),
            alert_level: AtomicI64::new(0),
            posture: Reports::default(),
            holds: Kept::default(),
            risks: Kept::default(),
            streams: Kept::default(),
            accounts: Kept::default(),
            seen: Kept::default(),
            enrolments: Kept::default(),
            sessions: Sessions::default(),
            signal_lost: AtomicBool::new(false),
            settings: RwLock::new(settings),
        }
    }

    /// Rises with each change: a request that was decided under another version is decided again.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// The alert level.
    pub fn alert_level(&self) -> i64 {
        self.alert_level.load(Ordering::Relaxed)
    }

    /// Whether a stream of signals is lost.
    pub fn signal_lost(&self) -> bool {
        self.signal_lost.load(Ordering::Relaxed)
    }

    /// Notes whether a stream of signals is lost; returns whether that is news.
    pub fn set_signal_lost(&self, lost: bool) -> bool {
        let news = self.signal_lost.swap(lost, Ordering::Relaxed) != lost;
        if news {
            self.changed();
        }
        news
    }

    /// What was reported of a device.
    pub fn posture_of(&self, device: &str) -> Option<Arc<DevicePosture>> {
        self.posture.of(device)
    }

    /// Whether what a connection or session proves still counts.
    ///
    /// # Errors
    /// The reason for which it does not: a subject is revoked, or must authenticate again.
    pub fn standing(&self, subjects: &[Subject], authenticated_at_ms: i64, now_ms: i64) -> Result<(), Reason> {
        for subject in subjects {
            let in_force = |revocation: Arc<Revocation>| revocation.until_ms.is_none_or(|until_ms| now_ms < until_ms);
            if self.revocations.get(subject).is_some_and(in_force) {
                return Err(match subject.kind {
                    SubjectKind::User | SubjectKind::Workload => Reason::PrincipalRevoked,
                    SubjectKind::Device => Reason::DeviceRevoked,
                    SubjectKind::Certificate => Reason::CertificateRevoked,
                    SubjectKind::Session => Reason::SessionRevoked,
                });
            }
            if self.reauthentications.get(subject).is_some_and(|asked| authenticated_at_ms <= asked.since_ms) {
                return Err(Reason::SessionRevoked);
            }
        }
        Ok(())
    }

    /// How risky the principal among these subjects is.
    pub fn risk_of(&self, subjects: &[Subject]) -> Option<Arc<str>> {
        if self.risks.is_empty() {
            return None;
        }
        subjects.iter().find_map(|subject| Some(Arc::clone(&self.risks.get(subject)?.level)))
    }

    /// Whether any of these is closed.
    pub fn is_locked<'a>(&self, scopes: impl IntoIterator<Item = (ScopeKind, &'a Arc<str>)>) -> bool {
        !self.lockdowns.is_empty()
            && scopes.into_iter().any(|(kind, name)| {
                let scope = Scope { kind, name: Arc::clone(name) };
                self.lockdowns.get(&scope).is_some()
            })
    }

    /// Facts get older, or sources rank, otherwise than before.
    pub fn set_posture_settings(&self, settings: &config::Posture) {
        *self.settings.write() = settings.clone();
        self.posture.judge_again(settings);
        self.changed();
    }

    /// Whether something newer than this is known already. A report of some facts takes the others from the one before.
    pub fn prepare(&self, change: &mut Change) -> Outcome {
        let outdated = match change {
            Change::Reinstate { subject, revoked_at_ms, .. } => {
                self.revocations.get(subject).is_none_or(|present| present.at_ms != *revoked_at_ms)
            }
            Change::Reauthenticate(asked) => {
                self.reauthentications.get(&asked.subject).is_some_and(|before| before.since_ms >= asked.since_ms)
            }
            Change::Risk(risk) => self.risks.get(&risk.subject).is_some_and(|before| before.at_ms > risk.at_ms),
            Change::Report(report) => self.posture.complete(report) == Outcome::Outdated,
            Change::Account(account) => {
                self.accounts.get(&account.key()).is_some_and(|before| before.at_ms > account.at_ms)
            }
            // Two may speak of one session: a stronger login comes before claims of an older one, and its end before both.
            Change::Establish(it) => {
                let present = self.sessions.entries.get(&it.id);
                present.is_some_and(|present| present.established_at_ms > it.established_at_ms)
                    || self.revocations.get(&it.subject()).is_some()
            }
            Change::Seen(seen) => self.seen.get(&seen.key()).is_some(),
            _ => false,
        };
        if outdated { Outcome::Outdated } else { Outcome::Applied }
    }

    /// Puts a change in force, and says whom it is about.
    pub fn apply(&self, change: Change) -> Affected {
        let affected = match change {
            Change::Revoke(it) => {
                let subject = it.subject.clone();
                self.revocations.put(it);
                Affected::Subject(subject)
            }
            Change::Reinstate { subject, .. } => {
                self.revocations.remove(&subject);
                Affected::Nobody
            }
            Change::Reauthenticate(it) => {
                let subject = it.subject.clone();
                self.reauthentications.put(it);
                Affected::Subject(subject)
            }
            Change::Lock(it) => {
                self.lockdowns.put(it);
                Affected::Everyone
            }
            Change::Lift { scope, .. } => {
                self.lockdowns.remove(&scope);
                Affected::Nobody
            }
            Change::Alert(it) => {
                self.alert_level.store(it.level.into(), Ordering::Relaxed);
                self.alerts.put(it);
                Affected::Everyone
            }
            Change::Report(it) => {
                let device = Subject { kind: SubjectKind::Device, id: Arc::clone(&it.device) };
                self.posture.put(it, &self.settings.read());
                Affected::Subject(device)
            }
            Change::Forget { device, source } => {
                self.posture.forget(&device, &source, &self.settings.read());
                Affected::Subject(Subject { kind: SubjectKind::Device, id: device })
            }
            Change::Risk(it) => {
                let subject = it.subject.clone();
                self.risks.put(it);
                Affected::Subject(subject)
            }
            Change::Establish(it) => {
                let subject = Subject::new(SubjectKind::Session, Arc::clone(&it.id));
                self.sessions.establish(it);
                Affected::Subject(subject)
            }
            other => self.apply_unseen(other),
        };
        self.changed();
        affected
    }

    /// Changes that no decision rests on.
    fn apply_unseen(&self, change: Change) -> Affected {
        match change {
            Change::Hold(it) => self.holds.put(it),
            Change::Release { source, .. } => self.holds.remove(&source),
            Change::Stream(it) => self.streams.put(it),
            Change::Account(it) => self.accounts.put(it),
            Change::Seen(it) => self.seen.put(it),
            Change::Unsee(stream, jti) => self.seen.remove(&(stream, jti)),
            Change::Enrol(it) => self.enrolments.put(it),
            Change::Unenrol(device) => self.enrolments.remove(&device),
            Change::Discard(id) => self.sessions.discard(&id),
            Change::Key(it) => self.sessions.add_key(it),
            Change::Unkey(id) => self.sessions.remove_key(&id),
            _ => {}
        }
        Affected::Nobody
    }

    /// What is kept and counts no more: signals whose replay would be too old anyway, and revocations that have ended.
    pub fn expired(&self, now_ms: i64) -> Vec<Change> {
        let seen = self.seen.matching(|it| it.until_ms < now_ms).into_iter();
        let seen = seen.map(|it| Change::Unsee(Arc::clone(&it.stream), Arc::clone(&it.jti)));
        let ended = self.revocations.matching(|it| it.until_ms.is_some_and(|until| until < now_ms)).into_iter();
        let ended = ended.map(|it| Change::Reinstate {
            subject: it.subject.clone(),
            revoked_at_ms: it.at_ms,
            by: "gateway".into(),
        });
        let sessions = self.sessions.entries.matching(|it| it.expires_at_ms < now_ms).into_iter();
        let sessions = sessions.map(|it| Change::Discard(Arc::clone(&it.id)));
        sessions.chain(ended).chain(seen).take(super::MAX_CHANGES).collect()
    }

    fn changed(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
    }
}
