//! The configured provider, with what was last learned of it.
//!
//! It is asked what it is in the background. Where it does not answer, the last good answer stays. A token that names a
//! key which is not known has it asked once more; however many do so, one question is under way at a time, and one for
//! their sake begins in [`MIN_INTERVAL`] at most.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use aws_lc_rs::digest;
use jsonwebtoken::Algorithm;
use tokio::sync::{Mutex, watch};
use tokio::task::AbortHandle;

use super::OidcError;
use super::discovery::Known;
use super::http::Http;
use crate::config::diagnostic::Diagnostic;
use crate::config::source::{read_bounded, unreadable};
use crate::config::{self, KeyRef};
use crate::outgoing::Client;
use crate::outgoing::backoff::{after_failures, jittered};
use crate::secret::Secret;

/// The least time between the beginnings of two questions that tokens cause.
const MIN_INTERVAL: Duration = Duration::from_secs(10);
/// When it is asked again without a cause: a key that it has withdrawn must not count for ever.
const REFRESH_INTERVAL: Duration = Duration::from_secs(300);
/// The longest secret of a client.
const MAX_SECRET_BYTES: u64 = 4096;

/// The OpenID provider where people log in.
#[derive(Debug)]
pub struct Provider {
    pub(super) settings: Arc<config::Oidc>,
    /// What its tokens may be signed by.
    pub(super) algorithms: HashSet<Algorithm>,
    pub(super) http: Http,
    secret: Secret,
    /// SHA-256 of the files that it was made from.
    made_from: Vec<u8>,
    known: ArcSwapOption<Known>,
    /// Whose turn it is to ask, and when a token last had it asked.
    turn: Mutex<Option<Instant>>,
    min_interval: Duration,
    answers: AtomicBool,
    running: OnceLock<AbortHandle>,
    /// Whether it was asked at all, with whatever result.
    was_asked: watch::Sender<bool>,
}

impl Provider {
    /// The provider of `settings`, or `before` where that is the same.
    ///
    /// # Errors
    /// A file that cannot be read, or holds no CA.
    pub fn open(settings: &Arc<config::Oidc>, before: Option<&Arc<Self>>) -> Result<Arc<Self>, Box<Diagnostic>> {
        let made_from = digest_of(settings);
        if let Some(same) = before.filter(|before| before.settings == *settings && before.made_from == made_from) {
            return Ok(Arc::clone(same));
        }
        let client = Client::new(&settings.ca)?;
        let mut provider = Self::new(Arc::clone(settings), client)?;
        provider.made_from = made_from;
        Ok(Arc::new(provider))
    }

    /// A provider that nothing is known of yet.
    ///
    /// # Errors
    /// The secret of the client cannot be read.
    pub fn new(settings: Arc<config::Oidc>, client: Client) -> Result<Self, Box<Diagnostic>> {
        Self::over(settings, Http::new(client), MIN_INTERVAL)
    }

    pub(super) fn over(
        settings: Arc<config::Oidc>,
        http: Http,
        min_interval: Duration,
    ) -> Result<Self, Box<Diagnostic>> {
        Ok(Self {
            secret: read_secret(&settings.client_secret)?,
            algorithms: settings.algorithms.iter().copied().collect(),
            settings,
            http,
            made_from: Vec::new(),
            known: ArcSwapOption::empty(),
            turn: Mutex::default(),
            min_interval,
            answers: AtomicBool::new(false),
            running: OnceLock::new(),
            was_asked: watch::Sender::new(false),
        })
    }

    /// Begins to keep what is known of the provider current, if it has not yet. It ends with the provider.
    pub fn keep_current(self: &Arc<Self>) {
        self.running.get_or_init(|| {
            let asking = keep_asking(Arc::downgrade(self));
            tokio::runtime::Handle::current().spawn(asking).abort_handle()
        });
    }

    /// Waits until it was asked once, with whatever result, so that the first person to come is not the first to learn.
    pub async fn was_asked(&self) {
        // The sender is here: it cannot be gone.
        let _ = self.was_asked.subscribe().wait_for(|asked| *asked).await;
    }

    /// Whether the provider answered when it was last asked anything.
    pub fn answers(&self) -> bool {
        self.answers.load(Ordering::Relaxed)
    }

    /// Its configuration.
    pub fn settings(&self) -> &Arc<config::Oidc> {
        &self.settings
    }

    /// What is known of it, without asking.
    pub(super) fn known(&self) -> Result<Arc<Known>, OidcError> {
        let unknown = || OidcError::Unavailable("it has not told yet where its endpoints are".to_owned());
        self.known.load_full().ok_or_else(unknown)
    }

    /// Notes whether it answered. An answer that refuses is one.
    pub(super) fn noted<T>(&self, asked: Result<T, OidcError>) -> Result<T, OidcError> {
        self.answers.store(!matches!(asked, Err(OidcError::Unavailable(_))), Ordering::Relaxed);
        asked
    }

    /// Asks what it is now, where a token names a key that `seen` does not have. That it was asked in the background
    /// just now is no hindrance: it may have a new key since.
    pub(super) async fn ask_anew(&self, seen: &Arc<Known>) -> Result<Arc<Known>, OidcError> {
        let mut turn = self.turn.lock().await;
        // Whoever held the lock may have learned it.
        let known = self.known()?;
        if !Arc::ptr_eq(&known, seen) {
            return Ok(known);
        }
        if turn.is_some_and(|began| began.elapsed() < self.min_interval) {
            return Err(OidcError::KeyUnknown);
        }
        *turn = Some(Instant::now());
        self.ask().await?;
        self.known()
    }

    /// Asks what it is. The last good answer stays where there is none.
    pub(super) async fn ask_now(&self) -> Result<(), OidcError> {
        let _turn = self.turn.lock().await;
        self.ask().await
    }

    async fn ask(&self) -> Result<(), OidcError> {
        let asked = Known::ask(&self.settings, &self.secret, &self.http).await.map_err(OidcError::Unavailable);
        self.was_asked.send_replace(true);
        self.known.store(Some(Arc::new(self.noted(asked)?)));
        Ok(())
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(running) = self.running.get() {
            running.abort();
        }
    }
}

async fn keep_asking(provider: Weak<Provider>) {
    let mut failures = 0;
    loop {
        let Some(provider) = provider.upgrade() else { return };
        let asked = provider.ask_now().await;
        let issuer = Arc::clone(&provider.settings.issuer);
        drop(provider);
        let wait = match asked {
            Ok(()) => {
                if failures > 0 {
                    tracing::info!(%issuer, "the OpenID provider answers again");
                }
                failures = 0;
                REFRESH_INTERVAL
            }
            Err(error) => {
                tracing::warn!(%issuer, %error, "the OpenID provider does not tell what it is; what it told last stays");
                failures += 1;
                after_failures(failures).min(REFRESH_INTERVAL)
            }
        };
        tokio::time::sleep(jittered(wait)).await;
    }
}

fn read_secret(key: &KeyRef) -> Result<Secret, Box<Diagnostic>> {
    let KeyRef::File(file) = key;
    let text = read_bounded(file, MAX_SECRET_BYTES).map_err(|error| Box::new(unreadable(file, &error)))?;
    match text.trim() {
        "" => Err(Box::new(Diagnostic::of_file(file, "the client's secret is empty"))),
        secret => Ok(Secret::new(secret)),
    }
}

fn digest_of(settings: &config::Oidc) -> Vec<u8> {
    let KeyRef::File(secret) = &settings.client_secret;
    let mut digest = digest::Context::new(&digest::SHA256);
    for file in settings.ca.iter().map(AsRef::<Path>::as_ref).chain([secret.as_path()]) {
        // A file that cannot be read is reported by whoever uses it.
        let contents = digest::digest(&digest::SHA256, &std::fs::read(file).unwrap_or_default());
        digest.update(contents.as_ref());
    }
    digest.finish().as_ref().to_vec()
}
