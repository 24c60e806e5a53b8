//! New connections: full handshakes with a client certificate, and nothing else.

use std::io::ErrorKind;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::client::{Client, Http};

/// How many handshakes run at a time: enough to keep the proxy's core busy.
const LANES: u32 = 8;

/// Opens and closes at least `count` connections.
pub(crate) async fn run(client: &Client, count: u32) -> Result<()> {
    let mut running = JoinSet::new();
    for lane in 0..LANES {
        let client = client.clone();
        running.spawn(async move {
            for number in (lane..count).step_by(LANES as usize) {
                open_and_close(&client, number).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(lane) = running.join_next().await {
        lane??;
    }
    Ok(())
}

/// In TLS 1.3 the client is done before the server has seen its certificate, so the client waits for the server's end:
/// by then the server has done all its work, and a refusal would have come as an alert. (nginx ends without
/// `close_notify`, so the end of the stream alone is good enough.)
async fn open_and_close(client: &Client, number: u32) -> Result<()> {
    let mut stream = client.handshake(Http::One, number).await?;
    stream.shutdown().await?;
    match stream.read(&mut [0; 1]).await {
        Ok(0) => Ok(()),
        Ok(_) => bail!("the peer sent data unasked"),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(()),
        Err(error) => Err(error).context("the peer refused the connection"),
    }
}
