//! Reload: a new snapshot comes into force whole, or the old one stays.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::signal::unix::Signal;

use crate::audit::event::PoliciesEvent;
use crate::config::diagnostic::Diagnostic;
use crate::config::{Audit, AuditSink, Config};
use crate::gateway::Gateway;
use crate::oidc::Provider;
use crate::process::grants;
use crate::process::load::{self, Loaded};
use crate::process::watch::Watch;
use crate::streams::sweep;

/// Files that change together are read once.
const SETTLE: Duration = Duration::from_millis(100);

/// Reloads on SIGHUP (`hangup`) and when a watched file changes, until the process ends.
pub async fn run(gateway: Arc<Gateway>, config_file: PathBuf, watch: Arc<Watch>, mut hangup: Signal) {
    watch.only(&gateway.snapshot.load().config.watched);
    loop {
        let asked = tokio::select! {
            _ = hangup.recv() => Instant::now(),
            () = watch.changed() => {
                let asked = Instant::now();
                tokio::time::sleep(SETTLE).await;
                // What else has changed meanwhile is read now too.
                let _ = watch.changed().now_or_never();
                asked
            }
        };
        // First and by themselves: what is wrong elsewhere keeps no grant from coming into force, and none from ending.
        read_grants(&gateway).await;
        let Some(loaded) = load_again(&gateway, &config_file, &watch).await else { continue };
        let put = {
            let gateway = Arc::clone(&gateway);
            tokio::task::spawn_blocking(move || put_in_force(&gateway, loaded, asked)).await
        };
        match put {
            Ok(config) => watch.only(&config.watched),
            Err(error) => {
                // What is now forbidden may still run: the process must not.
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
}

/// Reads the grants for emergencies again.
async fn read_grants(gateway: &Arc<Gateway>) {
    let gateway = Arc::clone(gateway);
    if let Err(error) = tokio::task::spawn_blocking(move || grants::read_again(&gateway)).await {
        // What was withdrawn may still be in force: the process must not.
        if let Ok(panic) = error.try_into_panic() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Loads beside what is in force, which stays if anything is wrong.
async fn load_again(gateway: &Arc<Gateway>, config_file: &Path, watch: &Arc<Watch>) -> Option<Loaded> {
    let (previous, config_file, watch) = (gateway.snapshot.load_full(), config_file.to_owned(), Arc::clone(watch));
    let load = move || load::load_to_serve(&config_file, Some(&previous), &watch);
    let errors = match tokio::task::spawn_blocking(load).await {
        Ok(Ok(loaded)) => return Some(loaded),
        Ok(Err(errors)) => errors,
        Err(panicked) => vec![Diagnostic::of_file(&gateway.snapshot.load().config.file, panicked.to_string())],
    };
    tracing::error!(errors = errors.len(), "not reloaded: the last good configuration stays in force");
    log(&errors);
    gateway.metrics.reloaded(false);
    gateway.audit.put(PoliciesEvent::refused(&gateway.snapshot.load(), &errors));
    None
}

/// Puts a snapshot in force and ends what it forbids; returns its configuration. `asked` is when something had changed.
fn put_in_force(gateway: &Arc<Gateway>, loaded: Loaded, asked: Instant) -> Arc<Config> {
    let Loaded { snapshot, warnings, kept } = loaded;
    log(&warnings);
    log(&needs_restart(&gateway.snapshot.load().config, &snapshot.config));
    let snapshot = Arc::new(snapshot);
    let previous = gateway.snapshot.swap(Arc::clone(&snapshot));
    if previous.policies.digest() != snapshot.policies.digest() || previous.bundle != snapshot.bundle {
        gateway.audit.put(PoliciesEvent::in_force(&snapshot));
    }
    snapshot.routes.iter().for_each(|route| route.pool.watch_health());
    // By the signers that are named now.
    grants::read_again(gateway);
    snapshot.trust.keep_current(gateway);
    snapshot.oidc.iter().for_each(Provider::keep_current);
    if previous.config.posture != snapshot.config.posture {
        gateway.state.set_posture_settings(&snapshot.config.posture);
    }
    sweep::decide_all_again(gateway);
    gateway.metrics.revoked(asked.elapsed());
    gateway.metrics.reloaded(!kept);
    tracing::info!(epoch = snapshot.epoch, policies = %snapshot.policies.digest(), "reloaded");
    Arc::clone(&snapshot.config)
}

/// What a reload cannot change.
fn needs_restart(old: &Config, new: &Config) -> Vec<Diagnostic> {
    let changed = [
        ("listen.address", old.listen.address != new.listen.address),
        ("listen.threads", old.listen.threads != new.listen.threads),
        ("listen.drain_ms", old.listen.drain != new.listen.drain),
        ("listen.drain_delay_ms", old.listen.drain_delay != new.listen.drain_delay),
        ("listen.handover", old.listen.handover != new.listen.handover),
        ("store", old.store != new.store),
        ("control.address", control_address(old) != control_address(new)),
        ("management.address", old.management.address != new.management.address),
        (
            "limits.unauthenticated_records_per_min",
            old.limits.unauthenticated_records_per_min != new.limits.unauthenticated_records_per_min,
        ),
        ("audit", restarts(&old.audit) != restarts(&new.audit)),
    ];
    let changed = changed.into_iter().filter(|(_, changed)| *changed);
    changed
        .map(|(key, _)| Diagnostic::of_file(&new.file, format!("`{key}` changes only with a restart")).as_warning())
        .collect()
}

fn control_address(config: &Config) -> Option<SocketAddr> {
    config.control.as_ref().map(|control| control.address)
}

/// The part of `[audit]` that the running log was opened with.
fn restarts(audit: &Audit) -> (&AuditSink, u64, Duration, usize, usize) {
    (&audit.sink, audit.segment_bytes, audit.segment_age, audit.keep_segments, audit.queue_records)
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
