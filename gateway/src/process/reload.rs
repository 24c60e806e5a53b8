//! Reload: a new snapshot comes into force whole, or the old one stays.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::config::Config;
use crate::config::diagnostic::Diagnostic;
use crate::gateway::Gateway;
use crate::process::load::{self, Loaded};
use crate::process::watch::Watch;
use crate::streams::sweep;

/// Files that change together are read once.
const SETTLE: Duration = Duration::from_millis(100);

/// Reloads on SIGHUP and when a watched file changes, until the process ends.
pub async fn run(gateway: Arc<Gateway>, config_file: PathBuf) -> std::io::Result<()> {
    let changed = Arc::new(Notify::new());
    let mut hangup = signal(SignalKind::hangup())?;
    let watched = gateway.snapshot.load().config.watched.clone();
    let mut watch = match Watch::new(&watched, Arc::clone(&changed)) {
        Ok(watch) => Some(watch),
        Err(error) => {
            tracing::warn!(%error, "cannot watch files; reload with SIGHUP");
            None
        }
    };
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            () = changed.notified() => tokio::time::sleep(SETTLE).await,
        }
        let (gateway, config_file) = (Arc::clone(&gateway), config_file.clone());
        let reloaded = tokio::task::spawn_blocking(move || reload(&gateway, &config_file)).await;
        if let (Ok(Some(config)), Some(watch)) = (reloaded, &mut watch) {
            watch.set(&config.watched);
        }
    }
}

/// Loads and puts in force; returns the configuration that came into force.
fn reload(gateway: &Gateway, config_file: &std::path::Path) -> Option<Arc<Config>> {
    let previous = gateway.snapshot.load_full();
    match load::load(config_file, Some(&previous)) {
        Err(errors) => {
            tracing::error!(errors = errors.len(), "not reloaded: the last good configuration stays in force");
            log(&errors);
            gateway.metrics.reloaded(false);
            None
        }
        Ok(Loaded { snapshot, warnings, kept }) => {
            log(&warnings);
            log(&needs_restart(&previous.config, &snapshot.config));
            let started = Instant::now();
            let snapshot = Arc::new(snapshot);
            gateway.snapshot.store(Arc::clone(&snapshot));
            snapshot.routes.iter().for_each(|route| route.pool.watch_health());
            sweep::decide_all_again(gateway);
            gateway.metrics.revoked(started.elapsed());
            gateway.metrics.reloaded(!kept);
            tracing::info!(epoch = snapshot.epoch, policies = %snapshot.policies.digest(), "reloaded");
            Some(Arc::clone(&snapshot.config))
        }
    }
}

/// What a reload cannot change.
fn needs_restart(old: &Config, new: &Config) -> Vec<Diagnostic> {
    let changed = [
        ("listen.address", old.listen.address != new.listen.address),
        ("listen.threads", old.listen.threads != new.listen.threads),
        ("listen.handover", old.listen.handover != new.listen.handover),
        ("management.address", old.management.address != new.management.address),
        ("audit", format!("{:?}", old.audit) != format!("{:?}", new.audit)),
    ];
    let changed = changed.into_iter().filter(|(_, changed)| *changed);
    changed
        .map(|(key, _)| Diagnostic::of_file(&new.file, format!("`{key}` changes only with a restart")).as_warning())
        .collect()
}

/// Writes diagnostics to the log.
pub fn log(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        if diagnostic.is_error() {
            tracing::error!("{diagnostic}");
        } else {
            tracing::warn!("{diagnostic}");
        }
    }
}
