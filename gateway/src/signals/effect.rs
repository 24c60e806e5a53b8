//! From an event to what it changes here. Pure: who is meant, and what follows.
//!
//! Nobody is guessed. A subject that the stream's configuration does not translate into a name known here changes nothing,
//! and the record says so. Where an event may mean more than can be told apart here, more ends than was asked for, never
//! less: it costs those concerned a new handshake.

use std::sync::Arc;

use super::certificate;
use super::event::{CredentialChange, CredentialChangeType, Direction, Event, RiskLevel, RiskPrincipal, StreamStatus};
use super::set::SecurityEvent;
use super::subject::{Identifier, SubjectId};
use crate::config::{NameFormat, SignalStream, SubjectNames};
use crate::facts::posture::{FactName, FactValue};
use crate::state::{Subject, SubjectKind};

/// What an event changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Whoever authenticated up to then must do so again.
    Reauthenticate {
        /// Who.
        subject: Subject,
        /// Until when, milliseconds since the Unix epoch.
        since_ms: i64,
    },
    /// One session ends; where it is not known here, whoever had it must authenticate again.
    EndSession {
        /// Its id here, or at the identity provider.
        session: Arc<str>,
        /// Whose it is, where that is told.
        holder: Option<Subject>,
        /// Until when whoever authenticated must do so again, milliseconds since the Unix epoch.
        since_ms: i64,
    },
    /// A certificate is refused from now on.
    RevokeCertificate(Subject),
    /// An account is refused, or not any more.
    Account {
        /// Whose.
        subject: Subject,
        /// What it is now.
        standing: AccountStanding,
        /// Since when, milliseconds since the Unix epoch.
        at_ms: i64,
    },
    /// A fact of a device's posture.
    Fact {
        /// The device.
        device: Arc<str>,
        /// Which fact.
        name: FactName,
        /// Its value.
        value: FactValue,
        /// When it became true, milliseconds since the Unix epoch.
        at_ms: i64,
    },
    /// The risk of a person.
    Risk {
        /// Who.
        subject: Subject,
        /// How risky.
        level: RiskLevel,
        /// Since when, milliseconds since the Unix epoch.
        at_ms: i64,
    },
    /// The stream is verified.
    Verified,
    /// The stream runs, pauses or has ended.
    Status(StreamStatus),
    /// Nothing.
    None(NoEffect),
}

/// What an account is at its transmitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountStanding {
    /// It is good.
    Enabled,
    /// It is refused until it is enabled.
    Disabled,
    /// It is gone for good.
    Purged,
}

/// Why an event changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoEffect {
    /// Its type is not understood.
    UnknownType,
    /// Its type is not among those that are believed of this stream.
    NotBelieved,
    /// Its subject has no name here.
    Unmapped,
    /// It takes nothing away: a new credential, a better assurance.
    Harmless,
}

impl Effect {
    /// How metrics and records name it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Reauthenticate { .. } => "reauthenticate",
            Self::EndSession { .. } => "end_session",
            Self::RevokeCertificate(_) => "revoke_certificate",
            Self::Account { standing: AccountStanding::Enabled, .. } => "reinstate",
            Self::Account { .. } => "revoke",
            Self::Fact { .. } => "fact",
            Self::Risk { .. } => "risk",
            Self::Verified => "verified",
            Self::Status(_) => "stream",
            Self::None(NoEffect::UnknownType) => "unknown_type",
            Self::None(NoEffect::NotBelieved) => "not_believed",
            Self::None(NoEffect::Unmapped) => "unmapped",
            Self::None(NoEffect::Harmless) => "none",
        }
    }

    /// Whom it is about, by a name known here.
    pub fn subject(&self) -> Option<Subject> {
        match self {
            Self::Reauthenticate { subject, .. }
            | Self::RevokeCertificate(subject)
            | Self::Account { subject, .. }
            | Self::Risk { subject, .. } => Some(subject.clone()),
            Self::EndSession { session, holder, .. } => {
                holder.clone().or_else(|| Some(Subject::new(SubjectKind::Session, Arc::clone(session))))
            }
            Self::Fact { device, .. } => Some(Subject::new(SubjectKind::Device, Arc::clone(device))),
            Self::Verified | Self::Status(_) | Self::None(_) => None,
        }
    }
}

/// What `event` changes at `now_ms`, by the rules of its stream.
pub fn effect(event: &SecurityEvent, stream: &SignalStream, now_ms: i64) -> Effect {
    let Some((event_type, content)) = &event.event else { return Effect::None(NoEffect::UnknownType) };
    if !stream.events.contains(event_type) {
        return Effect::None(NoEffect::NotBelieved);
    }
    let happened_at = event.circumstances.happened_at.unwrap_or(event.issued_at);
    let mapping = Mapping {
        names: &stream.names,
        subject: &event.subject,
        // A clock that is ahead must not reach into the time of those who authenticate next.
        first_ms: happened_at.first_ms().min(now_ms),
        last_ms: happened_at.last_ms().min(now_ms),
    };
    mapping.effect(content).unwrap_or(Effect::None(NoEffect::Unmapped))
}

/// An event about a subject at a time.
struct Mapping<'a> {
    names: &'a SubjectNames,
    subject: &'a SubjectId,
    first_ms: i64,
    last_ms: i64,
}

impl Mapping<'_> {
    /// `None` where the subject has no name here.
    fn effect(&self, content: &Event) -> Option<Effect> {
        match content {
            Event::SessionRevoked => self.session_revoked(),
            Event::TokenClaimsChange | Event::CredentialCompromise | Event::SessionsRevoked => {
                self.reauthenticate(self.user())
            }
            Event::CredentialChange(change) => self.credential_change(change),
            Event::AssuranceLevelChange { direction: Some(Direction::Increase) } => {
                Some(Effect::None(NoEffect::Harmless))
            }
            // Where nobody says that it rose, it may have fallen.
            Event::AssuranceLevelChange { .. } => self.reauthenticate(self.user()),
            Event::DeviceComplianceChange { compliant } => self.fact(FactName::Compliant, FactValue::Bool(*compliant)),
            Event::RiskLevelChange { principal, level } => self.risk(*principal, *level),
            Event::AccountPurged => self.account(AccountStanding::Purged),
            Event::AccountDisabled => self.account(AccountStanding::Disabled),
            Event::AccountEnabled => self.account(AccountStanding::Enabled),
            Event::Verification { .. } => Some(Effect::Verified),
            Event::StreamUpdated { status } => Some(Effect::Status(*status)),
        }
    }

    fn reauthenticate(&self, subject: Option<Subject>) -> Option<Effect> {
        Some(Effect::Reauthenticate { subject: subject?, since_ms: self.last_ms })
    }

    fn session_revoked(&self) -> Option<Effect> {
        let holder = self.user().or_else(|| self.session_device());
        match self.session() {
            Some(session) => Some(Effect::EndSession { session, holder, since_ms: self.last_ms }),
            None => self.reauthenticate(holder),
        }
    }

    /// The one session that a complex subject names.
    fn session(&self) -> Option<Arc<str>> {
        let SubjectId::Complex(subject) = self.subject else { return None };
        match subject.session.as_ref().filter(|_| self.is_of_our_tenant())? {
            Identifier::Opaque { id } => Some(id.shared()),
            _ => None,
        }
    }

    fn credential_change(&self, change: &CredentialChange) -> Option<Effect> {
        use CredentialChangeType as T;
        let certificate = change.credential_type == "x509";
        match change.change_type {
            T::Create => Some(Effect::None(NoEffect::Harmless)),
            T::Update if certificate => Some(Effect::None(NoEffect::Harmless)),
            T::Revoke | T::Delete if certificate => match (&change.x509_issuer, &change.x509_serial) {
                (Some(issuer), Some(serial)) => {
                    let id = certificate::id(issuer, serial, self.names.serials)?;
                    Some(Effect::RevokeCertificate(Subject::new(SubjectKind::Certificate, id)))
                }
                _ => self.reauthenticate(self.user()),
            },
            T::Revoke | T::Delete | T::Update => self.reauthenticate(self.user()),
        }
    }

    fn risk(&self, principal: RiskPrincipal, level: RiskLevel) -> Option<Effect> {
        match principal {
            RiskPrincipal::User => Some(Effect::Risk { subject: self.user()?, level, at_ms: self.first_ms }),
            RiskPrincipal::Device => self.fact(FactName::Risk, FactValue::Text(level.as_str().into())),
            RiskPrincipal::Other => None,
        }
    }

    fn fact(&self, name: FactName, value: FactValue) -> Option<Effect> {
        let device = self.id(self.subject.device()?, self.names.devices)?;
        Some(Effect::Fact { device, name, value, at_ms: self.first_ms })
    }

    fn account(&self, standing: AccountStanding) -> Option<Effect> {
        Some(Effect::Account { subject: self.user()?, standing, at_ms: self.first_ms })
    }

    fn user(&self) -> Option<Subject> {
        Some(Subject::new(SubjectKind::User, self.id(self.subject.user()?, self.names.users)?))
    }

    /// The device whose sessions end, where a complex subject names one and no user.
    fn session_device(&self) -> Option<Subject> {
        let SubjectId::Complex(subject) = self.subject else { return None };
        if subject.user.is_some() {
            return None;
        }
        Some(Subject::new(SubjectKind::Device, self.id(subject.device.as_ref()?, self.names.devices)?))
    }

    /// The name here of what `identifier` names there.
    fn id(&self, identifier: &Identifier, format: Option<NameFormat>) -> Option<Arc<str>> {
        if !self.is_of_our_tenant() {
            return None;
        }
        match (format?, identifier) {
            (NameFormat::Email, Identifier::Email { email }) => Some(email.to_ascii_lowercase().into()),
            (NameFormat::Sub, Identifier::IssSub { iss, sub }) if **iss == *self.names.issuer => Some(self.cased(sub)),
            (NameFormat::Opaque, Identifier::Opaque { id }) => Some(self.cased(id)),
            _ => None,
        }
    }

    fn cased(&self, name: &str) -> Arc<str> {
        if self.names.lower_case { name.to_lowercase().into() } else { name.into() }
    }

    /// Whether the subject is one of our tenant, where both say which.
    fn is_of_our_tenant(&self) -> bool {
        match (&self.names.tenant, self.subject.tenant()) {
            (Some(ours), Some(Identifier::Opaque { id })) => **ours == **id,
            (Some(ours), Some(Identifier::IssSub { sub, .. })) => **ours == **sub,
            (Some(_), Some(_)) => false,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests;
