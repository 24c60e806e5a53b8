//! The watch over streams: keys are kept fresh, polling streams are polled, and a stream that is lost is noticed.
//!
//! A stream is lost when it is quiet for longer than its configuration allows, or when its transmitter has paused or ended
//! it. Then nobody would say that an account was disabled: policy sees `context.signal_lost`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::poll;
use super::stream::{Stream, Streams};
use crate::audit::signal::SignalEvent;
use crate::clock;
use crate::facts::snapshot::Snapshot;
use crate::gateway::Gateway;
use crate::streams::sweep;

/// How often is looked.
const PERIOD: Duration = Duration::from_secs(1);

/// The watch.
#[derive(Debug)]
pub struct Watch {
    gateway: Arc<Gateway>,
    /// Whether each stream was lost when it was last looked at.
    lost: HashMap<Arc<str>, bool>,
    pollers: HashMap<Arc<str>, Poller>,
}

/// The task that polls a stream.
#[derive(Debug)]
struct Poller {
    stream: Arc<Stream>,
    task: JoinHandle<()>,
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    /// A watch that has looked once: the first request is decided by what is lost.
    pub fn new(gateway: &Arc<Gateway>) -> Self {
        let mut watch = Self { gateway: Arc::clone(gateway), lost: HashMap::new(), pollers: HashMap::new() };
        watch.notice(&gateway.snapshot.load().signals);
        watch
    }

    /// Watches until the process ends.
    pub async fn run(mut self) {
        let mut interval = tokio::time::interval(PERIOD);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let snapshot = self.gateway.snapshot.load_full();
            self.refresh_keys(&snapshot);
            snapshot.tokens.forget_expired(clock::now_ms());
            self.poll(&snapshot.signals);
            if self.notice(&snapshot.signals) {
                let gateway = Arc::clone(&self.gateway);
                // What is now forbidden may still run where this fails: the process must not.
                if let Err(error) = tokio::task::spawn_blocking(move || sweep::decide_all_again(&gateway)).await
                    && let Ok(panic) = error.try_into_panic()
                {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }

    /// Fetches the keys that have become old, of issuers of signals and of access tokens.
    fn refresh_keys(&self, snapshot: &Snapshot) {
        let of_signals = snapshot.signals.iter().map(|stream| &stream.keys);
        for keys in of_signals.chain(snapshot.tokens.iter().map(|issuer| &issuer.keys)) {
            self.gateway.metrics.tokens().fetched(keys.take_fetched());
            let keys = Arc::clone(keys);
            tokio::spawn(async move { keys.refresh().await });
        }
    }

    /// Has each stream polled that is to be, by its settings of now. A process on its way out leaves that to its successor.
    fn poll(&mut self, streams: &Streams) {
        if self.gateway.draining() {
            self.pollers.clear();
            return;
        }
        self.pollers
            .retain(|name, poller| streams.of_name(name).is_some_and(|stream| Arc::ptr_eq(stream, &poller.stream)));
        for stream in streams.iter().filter(|stream| stream.source.is_some()) {
            self.pollers.entry(Arc::clone(&stream.settings.name)).or_insert_with(|| Poller {
                stream: Arc::clone(stream),
                task: tokio::spawn(poll::run(Arc::clone(&self.gateway), Arc::clone(stream))),
            });
        }
    }

    /// Notices which streams are lost; returns whether that changes what policy sees.
    fn notice(&mut self, streams: &Streams) -> bool {
        let now_ms = clock::now_ms();
        let gateway = &self.gateway;
        let mut any = false;
        for stream in streams.iter() {
            let name = &stream.settings.name;
            let loss = loss(gateway, stream, now_ms);
            any |= loss.is_some();
            gateway.metrics.signals().lost(name, loss.is_some());
            let before = self.lost.insert(Arc::clone(name), loss.is_some()).unwrap_or(false);
            match (before, loss) {
                (false, Some(why)) => {
                    tracing::error!(stream = %name, why, "a stream of signals is lost");
                    gateway.audit.put(SignalEvent::of_stream(name, "lost"));
                }
                (true, None) => {
                    tracing::info!(stream = %name, "a stream of signals is heard again");
                    gateway.audit.put(SignalEvent::of_stream(name, "heard"));
                }
                _ => {}
            }
        }
        self.lost.retain(|name, _| {
            let configured = streams.of_name(name).is_some();
            if !configured {
                gateway.metrics.signals().forget(name);
            }
            configured
        });
        gateway.state.live().set_signal_lost(any)
    }
}

/// Why a stream is lost, if it is.
fn loss(gateway: &Gateway, stream: &Stream, now_ms: i64) -> Option<&'static str> {
    let known = gateway.state.live().streams.get(&stream.settings.name);
    match known.as_ref().map(|known| &*known.status) {
        Some("paused") => return Some("paused"),
        Some("disabled") => return Some("disabled"),
        _ => {}
    }
    let heard_at_ms = known.map(|known| known.heard_at_ms).max(stream.memory.heard_at_ms());
    let quiet_ms = i64::try_from(stream.settings.quiet?.as_millis()).unwrap_or(i64::MAX);
    let silent_ms = now_ms.saturating_sub(heard_at_ms.unwrap_or(stream.memory.since_ms));
    (silent_ms > quiet_ms).then_some("quiet")
}
