//! The end of a session before its time: its cookies count no more on any host, and what runs by it is cut.

use std::sync::Arc;

use super::Session;
use crate::state::{Change, Revocation, Subject, SubjectKind};

impl Session {
    /// The session as the subject of changes.
    pub fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Session, Arc::clone(&self.id))
    }

    /// Whether it is this person's, or bound to this device.
    pub fn is_of(&self, subject: &Subject) -> bool {
        self.binding.holder == *subject || (subject.kind == SubjectKind::User && subject.id == self.principal)
    }

    /// What ends it for good, by whose word and why. It is revoked for as long as its cookies would count.
    pub fn ending(&self, by: &Arc<str>, why: &str, now_ms: i64) -> [Change; 2] {
        let revocation = Revocation {
            subject: self.subject(),
            reason: Some(why.into()),
            by: Arc::clone(by),
            at_ms: now_ms,
            until_ms: Some(self.expires_at_ms.saturating_add(1)),
        };
        [Change::Revoke(revocation), Change::Discard(Arc::clone(&self.id))]
    }
}
