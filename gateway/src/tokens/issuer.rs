//! The issuers whose tokens count here.

use std::collections::HashSet;
use std::sync::Arc;

use jsonwebtoken::Algorithm;

use super::verified::Cache;
use crate::config::JwtIssuer;
use crate::config::diagnostic::Diagnostic;
use crate::jose::source::KeySource;

/// The issuers that are configured, and the tokens of theirs that were verified.
#[derive(Debug, Default)]
pub struct Issuers {
    issuers: Vec<Arc<Issuer>>,
    pub(super) verified: Arc<Cache>,
}

/// An issuer.
#[derive(Debug)]
pub struct Issuer {
    /// Its configuration.
    pub settings: Arc<JwtIssuer>,
    /// What may sign its tokens.
    pub algorithms: HashSet<Algorithm>,
    /// By what they are verified.
    pub keys: Arc<KeySource>,
}

impl Issuers {
    /// Reads the key files that `settings` name. What was fetched is taken over from `previous`, and so are verified tokens
    /// where nothing has changed.
    ///
    /// # Errors
    /// All that is wrong, in all files.
    pub fn load(settings: &[Arc<JwtIssuer>], previous: Option<&Self>) -> Result<Self, Vec<Diagnostic>> {
        let (mut issuers, mut errors) = (Vec::new(), Vec::new());
        for settings in settings {
            let before = previous.and_then(|previous| previous.of_name(&settings.issuer));
            match Issuer::load(settings, before) {
                Ok(issuer) => issuers.push(Arc::new(issuer)),
                Err(error) => errors.push(*error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let unchanged = previous.filter(|previous| {
            let pairs = || previous.issuers.iter().zip(&issuers);
            let same = |(before, now): (&Arc<Issuer>, &Arc<Issuer>)| {
                before.settings == now.settings && Arc::ptr_eq(&before.keys, &now.keys)
            };
            previous.issuers.len() == issuers.len() && pairs().all(same)
        });
        let verified = unchanged.map_or_else(Arc::default, |previous| Arc::clone(&previous.verified));
        Ok(Self { issuers, verified })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.issuers.iter()
    }

    /// Whether there is none: then no token counts.
    pub fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }

    /// Forgets verified tokens that have expired.
    pub fn forget_expired(&self, now_ms: i64) {
        self.verified.sweep(now_ms);
    }

    /// The issuer of that name.
    pub fn of_name(&self, name: &str) -> Option<&Arc<Issuer>> {
        self.issuers.iter().find(|issuer| *issuer.settings.issuer == *name)
    }
}

impl Issuer {
    fn load(settings: &Arc<JwtIssuer>, before: Option<&Arc<Self>>) -> Result<Self, Box<Diagnostic>> {
        let same_keys = before.filter(|before| before.settings.jwks == settings.jwks).map(|before| &before.keys);
        Ok(Self {
            settings: Arc::clone(settings),
            algorithms: settings.algorithms.iter().copied().collect(),
            keys: KeySource::load(&settings.jwks, same_keys)?,
        })
    }
}
