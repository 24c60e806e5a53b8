//! Fetching revocation lists from configured addresses.
//!
//! What is fetched is saved as a file of `clients.cache`, where the watch on files finds it as it finds one that an
//! operator has put there: one way into force for all lists, and a restart begins with the last ones.

mod download;
mod keep;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::config::CrlFetch;
use crate::config::diagnostic::Diagnostic;
use crate::gateway::Gateway;
use crate::outgoing::backoff::{after_failures, jittered};
use crate::outgoing::{Client, OutgoingError};
use download::Validators;

/// Fetches one list again and again.
pub(super) struct Fetcher {
    source: Source,
    /// SHA-256 of the CA files.
    believes: Vec<u8>,
    running: OnceLock<AbortHandle>,
}

/// Where a list comes from.
#[derive(Clone)]
struct Source {
    domain: Arc<str>,
    settings: CrlFetch,
    client: Client,
}

/// What a fetch has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fetched {
    New,
    Unchanged,
}

/// Why a fetch has brought nothing.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
    #[error("the server answered {0}")]
    Status(http::StatusCode),
    #[error("the list is refused, the last good one stays: {0}")]
    Refused(String),
    #[error("cannot keep the list: {0}")]
    Io(#[from] std::io::Error),
}

impl Fetcher {
    /// A fetcher, or that of `before` which does the same.
    pub(super) fn open(
        domain: &Arc<str>,
        settings: &CrlFetch,
        before: &[Arc<Self>],
    ) -> Result<Arc<Self>, Box<Diagnostic>> {
        let believes = digest_of(settings);
        let same = |other: &&Arc<Self>| {
            other.source.domain == *domain && other.source.settings == *settings && other.believes == believes
        };
        if let Some(same) = before.iter().find(same) {
            return Ok(Arc::clone(same));
        }
        let client = Client::new(&settings.ca)?;
        let source = Source { domain: Arc::clone(domain), settings: settings.clone(), client };
        Ok(Arc::new(Self { source, believes, running: OnceLock::new() }))
    }

    /// Begins to fetch, if it has not yet. It ends with the fetcher.
    pub(super) fn start(&self, gateway: &Arc<Gateway>) {
        self.running.get_or_init(|| {
            let fetching = self.source.clone().run(Arc::clone(gateway));
            tokio::runtime::Handle::current().spawn(fetching).abort_handle()
        });
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        if let Some(running) = self.running.get() {
            running.abort();
        }
    }
}

impl Source {
    async fn run(self, gateway: Arc<Gateway>) {
        let (mut validators, mut failures) = (Validators::default(), 0);
        sleep(self.due_in()).await;
        loop {
            let fetched = self.fetch(&gateway, &mut validators).await;
            gateway.metrics.crl_fetched(&self.domain, result_of(&fetched));
            let url = &self.settings.url;
            let wait = match fetched {
                Ok(fetched) => {
                    tracing::info!(trust = &*self.domain, %url, ?fetched, "revocation list fetched");
                    failures = 0;
                    self.settings.every
                }
                Err(error) => {
                    tracing::warn!(trust = &*self.domain, %url, %error, "revocation list not fetched");
                    failures += 1;
                    after_failures(failures).min(self.settings.every)
                }
            };
            sleep(jittered(wait)).await;
        }
    }

    /// How long the list that was kept, if any, is young enough.
    fn due_in(&self) -> Duration {
        let kept = std::fs::metadata(&self.settings.file).and_then(|metadata| metadata.modified());
        let age = kept.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        age.map_or(Duration::ZERO, |age| self.settings.every.saturating_sub(age))
    }

    async fn fetch(&self, gateway: &Arc<Gateway>, validators: &mut Validators) -> Result<Fetched, FetchError> {
        let Some(download) = download::download(self, validators).await? else { return Ok(Fetched::Unchanged) };
        let (trust, domain) = (Arc::clone(&gateway.snapshot.load().trust), Arc::clone(&self.domain));
        let (unfinished, file) = (download.unfinished, self.settings.file.clone());
        let kept = tokio::task::spawn_blocking(move || keep::keep(&trust, &domain, &unfinished, &file)).await;
        let fetched = kept.map_err(std::io::Error::from)??;
        *validators = download.validators;
        Ok(fetched)
    }
}

fn result_of(fetched: &Result<Fetched, FetchError>) -> &'static str {
    match fetched {
        Ok(Fetched::New) => "new",
        Ok(Fetched::Unchanged) => "unchanged",
        Err(FetchError::Refused(_)) => "refused",
        Err(_) => "failed",
    }
}

fn digest_of(settings: &CrlFetch) -> Vec<u8> {
    let mut digest = digest::Context::new(&digest::SHA256);
    for file in &settings.ca {
        // A file that cannot be read is reported by whoever makes the client.
        digest.update(&std::fs::read(file).unwrap_or_default());
    }
    digest.finish().as_ref().to_vec()
}
