//! Closed-loop load: each of a number of lanes sends its next request as soon as the last one is answered.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;

use crate::client::{Client, Http, Sender};
use crate::upstream::SMALL_BYTES;

/// Connections that are open and ready, one sender a lane.
pub(crate) struct Lanes(Vec<Sender>);

/// What one stretch of load brought.
pub(crate) struct Answers {
    elapsed: Duration,
    /// Sorted.
    latencies: Vec<Duration>,
}

impl Lanes {
    /// Opens `connections` connections with `streams` lanes each; HTTP/1.1 has one lane a connection.
    pub(crate) async fn open(client: &Client, http: Http, connections: u32, streams: u32) -> Result<Self> {
        let mut lanes = Vec::new();
        for number in 0..connections {
            lanes.extend(client.connect(http, number).await?.lanes(streams));
        }
        Ok(Self(lanes))
    }

    /// Drives all lanes for `duration` and waits for the last answers. Any answer but the expected one is an error.
    pub(crate) async fn drive(&mut self, duration: Duration) -> Result<Answers> {
        let begin = Instant::now();
        let mut running = JoinSet::new();
        for lane in self.0.drain(..) {
            running.spawn(drive_lane(lane, begin + duration));
        }
        let mut latencies = Vec::new();
        while let Some(lane) = running.join_next().await {
            let (lane, mut measured) = lane??;
            self.0.push(lane);
            latencies.append(&mut measured);
        }
        latencies.sort_unstable();
        Ok(Answers { elapsed: begin.elapsed(), latencies })
    }
}

async fn drive_lane(mut lane: Sender, end: Instant) -> Result<(Sender, Vec<Duration>)> {
    let mut latencies = Vec::new();
    let mut begin = Instant::now();
    while begin < end {
        let length = lane.get("/kb").await?;
        ensure!(length == SMALL_BYTES, "expected {SMALL_BYTES} bytes, got {length}");
        let now = Instant::now();
        latencies.push(now - begin);
        begin = now;
    }
    Ok((lane, latencies))
}

impl Answers {
    /// How many there were.
    pub(crate) fn count(&self) -> f64 {
        self.latencies.len() as f64
    }

    /// How many a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.count() / self.elapsed.as_secs_f64()
    }

    /// The latency that `percent` of them did not exceed, in microseconds.
    pub(crate) fn percentile_us(&self, percent: usize) -> Result<f64> {
        let index = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        let latency = self.latencies.get(index).context("no request was answered")?;
        Ok(latency.as_secs_f64() * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_latencies() {
        let answers =
            Answers { elapsed: Duration::from_secs(2), latencies: (1..=100).map(Duration::from_micros).collect() };
        assert_eq!(answers.per_second(), 50.0);
        assert!((answers.percentile_us(50).unwrap() - 51.0).abs() < 1e-6);
        assert!((answers.percentile_us(99).unwrap() - 100.0).abs() < 1e-6);
        assert!(Answers { elapsed: Duration::from_secs(1), latencies: vec![] }.percentile_us(50).is_err());
    }
}
