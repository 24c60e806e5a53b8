//! Accept: from a TCP connection to one whose certificate is proven, within bounds.

pub mod bounds;
pub mod frames;
pub mod handshake;
pub mod metered;
pub mod proxy_header;
pub mod serve;
pub mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::gateway::Gateway;
use crate::request::accept::handshake::{Attempt, Established};

/// How long to wait when the process is out of file descriptors.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// A peer that leaves sent bytes unacknowledged, or its window closed, for this long is gone.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Accepts connections until `stop`.
pub async fn run(gateway: Arc<Gateway>, listener: TcpListener, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => drop(tokio::spawn(connection(Arc::clone(&gateway), stream, peer))),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

async fn connection(gateway: Arc<Gateway>, stream: TcpStream, peer: SocketAddr) {
    let snapshot = gateway.snapshot.load_full();
    let mut attempt = Attempt::new(&gateway, &stream, peer);
    let config = Arc::clone(&snapshot.config);
    let limits = &config.limits;
    let mut place = match gateway.bounds.enter(limits.connections) {
        Ok(place) => place,
        Err(reason) => return attempt.refused(reason, String::new()),
    };
    if let Err(error) = tune(&stream) {
        tracing::debug!(%error, "cannot set socket options");
    }
    let handshake = Box::pin(attempt.establish(&snapshot, stream, &mut place));
    let ended = tokio::time::timeout(limits.handshake, handshake).await;
    // A connection may outlive many snapshots.
    drop(snapshot);
    match ended {
        Ok(Ok(established)) => serve_until_closed(&gateway, &config, established).await,
        Ok(Err(refused)) => attempt.refused_with(refused),
        Err(_) => attempt.refused(crate::reason::Reason::HandshakeTimeout, String::new()),
    }
}

async fn serve_until_closed(gateway: &Arc<Gateway>, config: &Config, established: Established) {
    let Established { stream, connection, http2 } = established;
    let registered = gateway.streams.register(Arc::clone(&connection));
    if http2 {
        Box::pin(serve::http2(stream, &connection, &config.limits)).await;
    } else {
        Box::pin(serve::http1(stream, &connection, &config.limits)).await;
    }
    connection.ended().await;
    drop(registered);
}

fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(USER_TIMEOUT))
}
