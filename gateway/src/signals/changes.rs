//! From an effect to the changes that make it, by what is in force.

use std::sync::Arc;

use super::effect::{AccountStanding, Effect};
use super::event::{EventType, StreamStatus};
use super::set::{CLOCK_SKEW, SecurityEvent};
use crate::config::SignalStream;
use crate::session::Session;
use crate::state::{
    self, Account, Change, Live, Reauthentication, Report, ReportedFact, Revocation, Risk, Seen, Subject,
};

/// A token that was accepted, and the stream that it came by.
#[derive(Debug)]
pub struct Accepted<'a> {
    /// The stream.
    pub stream: &'a SignalStream,
    /// What the token says.
    pub event: &'a SecurityEvent,
    /// The time, milliseconds since the Unix epoch.
    pub now_ms: i64,
}

impl Accepted<'_> {
    /// What `effect` changes, and that the token was seen. `None` where something newer is known already.
    pub fn changes(&self, effect: &Effect, live: &Live) -> Option<Vec<Change>> {
        let mut changes = match effect {
            Effect::Reauthenticate { subject, since_ms } => vec![self.reauthenticate(subject, *since_ms)],
            Effect::EndSession { session, holder, since_ms } => {
                self.end_session(session, holder.as_ref(), *since_ms, live)
            }
            Effect::RevokeCertificate(subject) => self.revoke(subject, live).into_iter().collect(),
            Effect::Account { subject, standing, at_ms } => self.account(subject, *standing, *at_ms, live)?,
            Effect::Fact { device, name, value, at_ms } => {
                let fact = ReportedFact {
                    name: *name,
                    value: value.clone(),
                    observed_at_ms: *at_ms,
                    max_age_s: u32::try_from(self.stream.fact_max_age.as_secs()).ok(),
                };
                vec![Change::Report(Report {
                    device: Arc::clone(device),
                    source: Arc::clone(&self.stream.name),
                    owner: None,
                    observed_at_ms: *at_ms,
                    received_at_ms: self.now_ms,
                    partial: true,
                    facts: vec![fact],
                })]
            }
            Effect::Risk { subject, level, at_ms } => vec![Change::Risk(Risk {
                subject: subject.clone(),
                level: level.as_str().into(),
                by: self.by(),
                at_ms: *at_ms,
            })],
            Effect::Verified | Effect::Status(_) | Effect::None(_) => Vec::new(),
        };
        changes.push(Change::Seen(self.seen()));
        changes.push(Change::Stream(self.stream_entry(effect, live)?));
        Some(changes)
    }

    /// That the token was seen, and nothing else.
    pub fn seen(&self) -> Seen {
        // A second one is refused for its age alone once this is forgotten.
        let keep_ms = self.stream.max_age.saturating_add(CLOCK_SKEW).as_millis();
        let until_ms = self.event.issued_at.last_ms().saturating_add(i64::try_from(keep_ms).unwrap_or(i64::MAX));
        Seen { stream: Arc::clone(&self.stream.name), jti: self.event.jti.shared(), until_ms }
    }

    /// How the stream is named as the author of changes.
    fn by(&self) -> Arc<str> {
        format!("signal:{}", self.stream.name).into()
    }

    fn type_name(&self) -> &'static str {
        self.event.event.as_ref().map_or("", |(event_type, _)| event_type.as_str())
    }

    fn reauthenticate(&self, subject: &Subject, since_ms: i64) -> Change {
        Change::Reauthenticate(Reauthentication {
            subject: subject.clone(),
            since_ms,
            cause: self.type_name().into(),
            by: self.by(),
        })
    }

    /// Ends the session of that id, here or at the identity provider. One that is not known, or is another's, may be any
    /// of the holder's.
    fn end_session(&self, session: &str, holder: Option<&Subject>, since_ms: i64, live: &Live) -> Vec<Change> {
        let is_named = |it: &Session| {
            let at_provider = it.provider.as_ref().and_then(|known| known.sid.as_deref());
            *it.id == *session || at_provider == Some(session)
        };
        let is_theirs = |it: &Session| holder.is_none_or(|holder| it.is_of(holder));
        let mut named = live.sessions.entries.all();
        named.retain(|it| is_named(it) && is_theirs(it));
        match (named.is_empty(), holder) {
            (true, Some(holder)) => vec![self.reauthenticate(holder, since_ms)],
            _ => named.iter().flat_map(|it| it.ending(&self.by(), self.type_name(), self.now_ms)).collect(),
        }
    }

    /// A revocation without an end, unless there is one: whoever revoked first decides when it ends.
    fn revoke(&self, subject: &Subject, live: &Live) -> Option<Change> {
        let endless = live.revocations.get(subject).is_some_and(|known| known.until_ms.is_none());
        (!endless).then(|| Change::Revoke(self.revocation(subject)))
    }

    fn revocation(&self, subject: &Subject) -> Revocation {
        Revocation {
            subject: subject.clone(),
            reason: Some(self.type_name().into()),
            by: self.by(),
            at_ms: self.now_ms,
            until_ms: None,
        }
    }

    /// An account's standing, unless the stream has said something newer of it. Only what the same stream has disabled is
    /// enabled by it: a revocation by anybody else stays theirs.
    fn account(&self, subject: &Subject, standing: AccountStanding, at_ms: i64, live: &Live) -> Option<Vec<Change>> {
        let account = Account { stream: Arc::clone(&self.stream.name), subject: subject.clone(), at_ms };
        if live.accounts.get(&state::Entry::key(&account)).is_some_and(|known| known.at_ms > at_ms) {
            return None;
        }
        let disabled = live.revocations.get(subject).filter(|known| {
            *known.by == *self.by() && known.reason.as_deref() == Some(EventType::AccountDisabled.as_str())
        });
        let change = match standing {
            AccountStanding::Enabled => disabled.map(|known| Change::Reinstate {
                subject: subject.clone(),
                revoked_at_ms: known.at_ms,
                by: self.by(),
            }),
            AccountStanding::Purged if disabled.is_some() => Some(Change::Revoke(self.revocation(subject))),
            AccountStanding::Disabled | AccountStanding::Purged => self.revoke(subject, live),
        };
        Some([Change::Account(account)].into_iter().chain(change).collect())
    }

    /// The stream was heard, and may have said what it is. `None` where it has said something newer.
    fn stream_entry(&self, effect: &Effect, live: &Live) -> Option<state::Stream> {
        let known = live.streams.get(&self.stream.name);
        let mut entry = known.map_or_else(|| new_stream(&self.stream.name), |known| (*known).clone());
        entry.heard_at_ms = entry.heard_at_ms.max(self.now_ms);
        match effect {
            Effect::Verified => {
                entry.verified_at_ms = Some(self.now_ms);
                entry.awaited = None;
            }
            Effect::Status(status) => {
                let at_ms = self.event.circumstances.happened_at.unwrap_or(self.event.issued_at).first_ms();
                if entry.status_at_ms > at_ms {
                    return None;
                }
                (entry.status, entry.status_at_ms) = (word(*status).into(), at_ms);
            }
            _ => {}
        }
        Some(entry)
    }
}

fn new_stream(name: &Arc<str>) -> state::Stream {
    state::Stream {
        name: Arc::clone(name),
        status: word(StreamStatus::Enabled).into(),
        status_at_ms: 0,
        heard_at_ms: 0,
        verified_at_ms: None,
        awaited: None,
    }
}

const fn word(status: StreamStatus) -> &'static str {
    match status {
        StreamStatus::Enabled => "enabled",
        StreamStatus::Paused => "paused",
        StreamStatus::Disabled => "disabled",
    }
}

#[cfg(test)]
mod tests;
