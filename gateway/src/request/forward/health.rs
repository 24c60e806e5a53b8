//! Health checks: each upstream is asked for a page at an interval, over the same client as requests.

use std::sync::Arc;

use futures_util::future::join_all;
use http::header::HOST;
use http::uri::{Authority, Scheme as UriScheme};
use http::{HeaderValue, Request, Uri, Version};
use http_body_util::{BodyExt, Limited};

use crate::config::{Health, Scheme};
use crate::request::body::RequestBody;
use crate::request::forward::pool::Peer;

/// How much of a health page is read.
const BODY_BYTES: usize = 64 * 1024;

/// Checks until aborted.
pub async fn run(settings: Health, authority: Authority, peers: Vec<Arc<Peer>>) {
    let mut streaks = vec![Streak::default(); peers.len()];
    let mut interval = tokio::time::interval(settings.interval);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let results = join_all(peers.iter().map(|peer| check(peer, &settings, &authority))).await;
        for ((peer, streak), result) in peers.iter().zip(&mut streaks).zip(results) {
            if let Err(why) = &result {
                tracing::debug!(upstream = %peer.name, why, "health check failed");
            }
            let Some(healthy) = streak.observe(result.is_ok(), &settings) else { continue };
            if peer.set_healthy(healthy) {
                tracing::warn!(upstream = %peer.name, healthy, "upstream changed its health");
            }
        }
    }
}

/// How often in a row a check had the same result.
#[derive(Debug, Clone, Copy, Default)]
struct Streak {
    successes: u32,
    failures: u32,
}

impl Streak {
    /// Counts a result; says what the upstream is now, once that is sure.
    fn observe(&mut self, success: bool, settings: &Health) -> Option<bool> {
        if success {
            *self = Self { successes: self.successes.saturating_add(1), failures: 0 };
        } else {
            *self = Self { successes: 0, failures: self.failures.saturating_add(1) };
        }
        if self.successes >= settings.healthy_after.max(1) {
            Some(true)
        } else if self.failures >= settings.unhealthy_after.max(1) {
            Some(false)
        } else {
            None
        }
    }
}

async fn check(peer: &Peer, settings: &Health, authority: &Authority) -> Result<(), String> {
    let scheme = if peer.scheme == Scheme::Https { UriScheme::HTTPS } else { UriScheme::HTTP };
    let uri = Uri::builder().scheme(scheme).authority(authority.clone()).path_and_query(settings.path.clone());
    let uri = uri.build().map_err(|error| error.to_string())?;
    let version = if peer.scheme == Scheme::H2c { Version::HTTP_2 } else { Version::HTTP_11 };
    let mut request = Request::builder().uri(uri).version(version);
    if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
        request = request.header(HOST, host);
    }
    let request = request.body(RequestBody::empty()).map_err(|error| error.to_string())?;
    match tokio::time::timeout(settings.timeout, peer.client.request(request)).await {
        Err(_) => Err("timed out".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(response)) if response.status().is_success() => {
            // A body that is read leaves the connection for the next check. What it says does not matter.
            let _ = Limited::new(response.into_body(), BODY_BYTES).collect().await;
            Ok(())
        }
        Ok(Ok(response)) => Err(response.status().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn health_changes_only_after_a_streak() {
        let settings = Health {
            path: "/health".parse().unwrap(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            healthy_after: 2,
            unhealthy_after: 3,
        };
        let mut streak = Streak::default();
        let observed: Vec<_> = [true, true, false, false, true, false, false, false, true, true]
            .iter()
            .map(|&success| streak.observe(success, &settings))
            .collect();
        let (up, down) = (Some(true), Some(false));
        assert_eq!(observed, [None, up, None, None, None, None, None, down, None, up]);
    }
}
