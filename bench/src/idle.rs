//! Memory of connections that are open and do nothing.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::client::{Client, Http};
use crate::cpu::ProcessGroup;

/// Between two readings that must agree.
const READING_INTERVAL: Duration = Duration::from_millis(250);
/// After so many readings the memory has to have come to rest.
const READINGS: usize = 40;

/// Opens `count` HTTP/1.1 connections, makes one request on each and leaves them open; returns KiB per connection.
pub(crate) async fn run(client: &Client, group: ProcessGroup, count: u32) -> Result<f64> {
    // What the first requests allocate once for all belongs to no connection.
    for number in 0..16 {
        client.connect(Http::One, number).await?.get("/kb").await?;
    }
    let before_kib = settled_kib(group).await?;

    let mut open = Vec::new();
    for number in 0..count {
        let mut sender = client.connect(Http::One, number).await?;
        sender.get("/kb").await.with_context(|| format!("on idle connection {number}"))?;
        open.push(sender);
    }
    let after_kib = settled_kib(group).await?;
    if open.iter().any(|sender| sender.is_closed()) {
        bail!("the peer closed idle connections before they were counted");
    }
    Ok((after_kib - before_kib) / f64::from(count))
}

/// The memory once it no longer moves by more than half a percent.
async fn settled_kib(group: ProcessGroup) -> Result<f64> {
    let mut last_kib = group.memory_kib()?;
    for _ in 0..READINGS {
        tokio::time::sleep(READING_INTERVAL).await;
        let kib = group.memory_kib()?;
        if (kib - last_kib).abs() <= last_kib * 0.005 {
            return Ok(kib);
        }
        last_kib = kib;
    }
    bail!("memory did not come to rest: {last_kib} KiB")
}
