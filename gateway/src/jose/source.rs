//! Where an issuer's keys come from, and those that were last read.
//!
//! Keys out of a file are those of the last reload. Keys of a URL are fetched in the background, and once more when a token
//! names a key that is not known. However many tokens do so, one fetch is under way at a time, and one begins in
//! `MIN_INTERVAL` at most.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::jwks::{Keys, MAX_JWKS_BYTES};
use crate::config::diagnostic::Diagnostic;
use crate::config::source::{read_bytes_bounded, unreadable};
use crate::config::{Endpoint, JwksSource};
use crate::outgoing::{Bounds, Client, Url};

/// The least time between the beginnings of two fetches.
const MIN_INTERVAL: Duration = Duration::from_secs(10);
/// When keys are fetched again without a cause: one that the issuer has withdrawn must not count for ever.
const REFRESH_INTERVAL: Duration = Duration::from_secs(300);
const FETCH_BOUNDS: Bounds = Bounds { max_bytes: MAX_JWKS_BYTES, timeout: Duration::from_secs(5) };

/// The keys of an issuer.
#[derive(Debug)]
pub struct KeySource {
    keys: ArcSwap<Keys>,
    remote: Option<Remote>,
}

/// A key is not known, and it cannot be asked for now: the same token may be good a little later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNow;

/// What is known of a key at this moment.
#[derive(Debug)]
pub enum Known {
    /// It is among these.
    Yes(Arc<Keys>),
    /// The issuer has none of this name.
    No,
    /// Nobody has asked the issuer yet, or it does not answer.
    NotYet,
}

/// How often the keys were fetched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fetched {
    /// With success.
    pub succeeded: u64,
    /// Without.
    pub failed: u64,
}

/// What fetches a key set.
trait Fetch: Send + Sync {
    fn fetch(&self) -> BoxFuture<'_, Result<Keys, String>>;
}

struct Remote {
    fetch: Box<dyn Fetch>,
    min_interval: Duration,
    last: Arc<Mutex<LastFetch>>,
    succeeded: AtomicU64,
    failed: AtomicU64,
}

#[derive(Debug, Default)]
struct LastFetch {
    began: Option<Instant>,
    succeeded: Option<Instant>,
}

impl KeySource {
    /// The keys of `settings`. Those of a URL are taken over from `before`, which had the same settings.
    ///
    /// # Errors
    /// A file that cannot be used.
    pub fn load(settings: &JwksSource, before: Option<&Arc<Self>>) -> Result<Arc<Self>, Box<Diagnostic>> {
        Ok(match (settings, before) {
            (JwksSource::File(file), _) => Arc::new(Self::fixed(read_file(file)?)),
            (JwksSource::Url(_), Some(before)) => Arc::clone(before),
            (JwksSource::Url(Endpoint { url, ca }), None) => Arc::new(Self::of_url(Client::new(ca)?, url.clone())),
        })
    }

    /// Keys that change with a reload.
    pub fn fixed(keys: Keys) -> Self {
        Self { keys: ArcSwap::from_pointee(keys), remote: None }
    }

    /// Keys that a server tells.
    pub fn of_url(client: Client, url: Url) -> Self {
        Self::of(Box::new((client, url)), MIN_INTERVAL)
    }

    fn of(fetch: Box<dyn Fetch>, min_interval: Duration) -> Self {
        let (succeeded, failed) = (AtomicU64::new(0), AtomicU64::new(0));
        let remote = Remote { fetch, min_interval, last: Arc::default(), succeeded, failed };
        Self { keys: ArcSwap::default(), remote: Some(remote) }
    }

    /// The keys that were last read.
    pub fn current(&self) -> Arc<Keys> {
        self.keys.load_full()
    }

    /// What is known of a key now, without waiting for anybody. One that is not known is asked for in the background.
    pub fn known(self: &Arc<Self>, kid: &str) -> Known {
        let keys = self.current();
        if keys.has(kid) {
            return Known::Yes(keys);
        }
        let Some(remote) = &self.remote else { return Known::No };
        let Ok(mut last) = Arc::clone(&remote.last).try_lock_owned() else { return Known::NotYet };
        // Whoever held the lock may have learned it.
        let keys = self.current();
        if keys.has(kid) {
            return Known::Yes(keys);
        }
        let is_recent = |time: Option<Instant>| time.is_some_and(|time| time.elapsed() < remote.min_interval);
        if is_recent(last.succeeded) {
            return Known::No;
        }
        if let (false, Ok(runtime)) = (is_recent(last.began), Handle::try_current()) {
            let source = Arc::clone(self);
            runtime.spawn(async move {
                if let Some(remote) = &source.remote {
                    source.fetch(remote, &mut last).await;
                }
            });
        }
        Known::NotYet
    }

    /// How often the keys were fetched since this was last asked.
    pub fn take_fetched(&self) -> Fetched {
        let taken = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        let remote = self.remote.as_ref();
        remote.map_or_else(Fetched::default, |remote| Fetched {
            succeeded: taken(&remote.succeeded),
            failed: taken(&remote.failed),
        })
    }

    /// The keys, after an attempt to learn the one that a token names where it is not known.
    ///
    /// # Errors
    /// It is not known, and nobody can be asked now.
    pub async fn naming(&self, kid: &str) -> Result<Arc<Keys>, NotNow> {
        let keys = self.keys.load_full();
        let Some(remote) = self.remote.as_ref().filter(|_| !keys.has(kid)) else { return Ok(keys) };
        let asked = Instant::now();
        let mut last = remote.last.lock().await;
        // Whoever held the lock may have learned it.
        let keys = self.keys.load_full();
        if keys.has(kid) || last.succeeded.is_some_and(|succeeded| succeeded >= asked) {
            return Ok(keys);
        }
        if last.began.is_some_and(|began| began.elapsed() < remote.min_interval) {
            return Err(NotNow);
        }
        self.fetch(remote, &mut last).await.then(|| self.keys.load_full()).ok_or(NotNow)
    }

    /// Fetches the keys where they have become old.
    pub async fn refresh(&self) {
        let Some(remote) = &self.remote else { return };
        let mut last = remote.last.lock().await;
        let due = match (last.began, last.succeeded) {
            (Some(began), Some(_)) => began.elapsed() >= REFRESH_INTERVAL,
            (Some(began), None) => began.elapsed() >= remote.min_interval,
            (None, _) => true,
        };
        if due {
            self.fetch(remote, &mut last).await;
        }
    }

    /// Whether it succeeded. The last good keys stay where it did not.
    async fn fetch(&self, remote: &Remote, last: &mut LastFetch) -> bool {
        last.began = Some(Instant::now());
        match remote.fetch.fetch().await {
            Ok(keys) => {
                self.keys.store(Arc::new(keys));
                last.succeeded = Some(Instant::now());
                remote.succeeded.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "cannot fetch the keys of an issuer; the last good ones stay");
                remote.failed.fetch_add(1, Ordering::Relaxed);
                false
            }
        }
    }
}

fn read_file(file: &Path) -> Result<Keys, Box<Diagnostic>> {
    let json = read_bytes_bounded(file, MAX_JWKS_BYTES).map_err(|error| Box::new(unreadable(file, &error)))?;
    Keys::read(&json).map_err(|error| Box::new(Diagnostic::of_file(file, error.to_string())))
}

impl Fetch for (Client, Url) {
    fn fetch(&self) -> BoxFuture<'_, Result<Keys, String>> {
        Box::pin(async move {
            let (client, url) = self;
            let answer = client.get(url, HeaderMap::new(), FETCH_BOUNDS).await;
            let answer = answer.map_err(|error| format!("{url}: {error}"))?;
            if !answer.status.is_success() {
                return Err(format!("{url}: {}", answer.status));
            }
            Keys::read(&answer.body).map_err(|error| format!("{url}: {error}"))
        })
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
