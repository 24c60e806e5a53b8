//! Large bodies, down and up, over HTTP/1.1.

use anyhow::{Result, ensure};

use crate::client::{Client, Http};
use crate::upstream;

/// The size of one body.
pub(crate) const BODY_BYTES: u64 = 64 << 20;

/// Reads `count` bodies, one after the other on one connection.
pub(crate) async fn download(client: &Client, count: u32) -> Result<()> {
    let mut sender = client.connect(Http::One, 0).await?;
    for _ in 0..count {
        let length = sender.get(&format!("/bytes/{BODY_BYTES}")).await?;
        ensure!(length == BODY_BYTES, "expected {BODY_BYTES} bytes, got {length}");
    }
    Ok(())
}

/// Sends `count` bodies, one after the other on one connection.
pub(crate) async fn upload(client: &Client, count: u32) -> Result<()> {
    let mut sender = client.connect(Http::One, 0).await?;
    for _ in 0..count {
        let counted = sender.put("/sink", upstream::pieces(BODY_BYTES)).await?;
        ensure!(counted == BODY_BYTES.to_string(), "sent {BODY_BYTES} bytes, the upstream counted {counted:?}");
    }
    Ok(())
}
