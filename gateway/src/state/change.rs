//! Changes: everything that can happen to what is kept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::entry::{
    Account, Alert, Enrolment, Entry, Hold, Lockdown, Reauthentication, Report, Revocation, Risk, Scope, Seen, Stream,
};
use super::subject::Subject;
use crate::session::{Key, Session};
use crate::store::{StoreError, Table, Write};

/// One change. Its JSON form is what a process tells the one that it took over from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// A subject is refused from now on.
    Revoke(Revocation),
    /// It is not any more.
    Reinstate {
        /// Who.
        subject: Subject,
        /// When the revocation that is lifted was made: one that was made since is another, and stays.
        revoked_at_ms: i64,
        /// By whose word.
        by: Arc<str>,
    },
    /// A subject must authenticate again.
    Reauthenticate(Reauthentication),
    /// An app, a group, an issuer or a trust domain is closed.
    Lock(Lockdown),
    /// It is open again.
    Lift {
        /// What.
        scope: Scope,
        /// By whose word.
        by: Arc<str>,
    },
    /// The alert level.
    Alert(Alert),
    /// A source reported of a device.
    Report(Report),
    /// What a source reported of a device is forgotten.
    Forget {
        /// The device.
        device: Arc<str>,
        /// The source.
        source: Arc<str>,
    },
    /// A source is held.
    Hold(Hold),
    /// It is not any more.
    Release {
        /// The source.
        source: Arc<str>,
        /// By whose word.
        by: Arc<str>,
    },
    /// The risk of a principal.
    Risk(Risk),
    /// The state of a stream of signals.
    Stream(Stream),
    /// What a stream says of an account.
    Account(Account),
    /// A signal was accepted.
    Seen(Seen),
    /// A signal may be forgotten: its stream and its id.
    Unsee(Arc<str>, Arc<str>),
    /// An agent is enrolled for a device.
    Enrol(Enrolment),
    /// It is not any more.
    Unenrol(Arc<str>),
    /// A person has logged in, or a session is otherwise than before.
    Establish(Session),
    /// A session is over and may be forgotten: its id.
    Discard(Arc<str>),
    /// A key that the gateway has made for itself.
    Key(Key),
    /// A key is not needed any more: its id.
    Unkey(Arc<str>),
}

/// Whom a change is about: whose live streams are decided again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Affected {
    /// Nobody's.
    Nobody,
    /// One subject's.
    Subject(Subject),
    /// Everyone's: the fact is of a group, an app, or all.
    Everyone,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is kept and in force.
    Applied,
    /// Something newer was known already; nothing changed.
    Outdated,
}

/// The outcomes of several changes, in their order.
pub type Outcomes = SmallVec<[Outcome; 1]>;

impl Change {
    /// Reads a stored entry back as the change that it was.
    ///
    /// # Errors
    /// It is not an entry of its table.
    pub fn stored(table: Table, value: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(match table {
            Table::Revocations => Self::Revoke(serde_json::from_slice(value)?),
            Table::Reauthentications => Self::Reauthenticate(serde_json::from_slice(value)?),
            Table::Lockdowns => Self::Lock(serde_json::from_slice(value)?),
            Table::Alerts => Self::Alert(serde_json::from_slice(value)?),
            Table::Posture => Self::Report(serde_json::from_slice(value)?),
            Table::Holds => Self::Hold(serde_json::from_slice(value)?),
            Table::Risks => Self::Risk(serde_json::from_slice(value)?),
            Table::Streams => Self::Stream(serde_json::from_slice(value)?),
            Table::Accounts => Self::Account(serde_json::from_slice(value)?),
            Table::Seen => Self::Seen(serde_json::from_slice(value)?),
            Table::Enrolments => Self::Enrol(serde_json::from_slice(value)?),
            Table::Sessions => Self::Establish(serde_json::from_slice(value)?),
            Table::Keys => Self::Key(serde_json::from_slice(value)?),
        })
    }

    /// What it writes.
    ///
    /// # Errors
    /// It has no JSON form; none is known to lack it.
    pub fn write(&self) -> Result<Write, StoreError> {
        match self {
            Self::Revoke(it) => put(it),
            Self::Reinstate { subject, .. } => remove::<Revocation>(subject),
            Self::Reauthenticate(it) => put(it),
            Self::Lock(it) => put(it),
            Self::Lift { scope, .. } => remove::<Lockdown>(scope),
            Self::Alert(it) => put(it),
            Self::Report(it) => put(it),
            Self::Forget { device, source } => remove::<Report>(&(Arc::clone(device), Arc::clone(source))),
            Self::Hold(it) => put(it),
            Self::Release { source, .. } => remove::<Hold>(source),
            Self::Risk(it) => put(it),
            Self::Stream(it) => put(it),
            Self::Account(it) => put(it),
            Self::Seen(it) => put(it),
            Self::Unsee(stream, jti) => remove::<Seen>(&(Arc::clone(stream), Arc::clone(jti))),
            Self::Enrol(it) => put(it),
            Self::Unenrol(device) => remove::<Enrolment>(device),
            Self::Establish(it) => put(it),
            Self::Discard(id) => remove::<Session>(id),
            Self::Key(it) => put(it),
            Self::Unkey(id) => remove::<Key>(id),
        }
    }

    /// What is reported of a device, where that is the change.
    pub fn report(&self) -> Option<&Report> {
        if let Self::Report(report) = self { Some(report) } else { None }
    }

    /// The entry that it writes or removes: orders about one entry cannot be judged together.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn entry(&self) -> Result<(Table, String), StoreError> {
        self.write().map(|write| (write.table, write.key))
    }

    /// Whether it takes access away by itself: then it is put in force even where it cannot be kept.
    pub fn only_takes_away(&self) -> bool {
        matches!(self, Self::Revoke(_) | Self::Reauthenticate(_) | Self::Lock(_))
    }
}

fn put<E: Entry>(entry: &E) -> Result<Write, StoreError> {
    let value = serde_json::to_vec(entry).map_err(json)?;
    Ok(Write { value: Some(value), ..remove::<E>(&entry.key())? })
}

fn remove<E: Entry>(key: &E::Key) -> Result<Write, StoreError> {
    Ok(Write { table: E::TABLE, key: serde_json::to_string(key).map_err(json)?, value: None })
}

fn json(error: serde_json::Error) -> StoreError {
    StoreError::Io(error.to_string())
}
