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

use crate::facts::snapshot::Listener;
use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::request::accept::bounds::Place;
use crate::request::accept::handshake::{Attempt, Established};

/// How long to wait when the process is out of file descriptors.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// A peer that leaves sent bytes unacknowledged, or its window closed, for this long is gone.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Accepts connections of a listener until `stop`.
pub async fn run(gateway: Arc<Gateway>, listener: Listener, socket: TcpListener, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => drop(tokio::spawn(connection(Arc::clone(&gateway), listener, stream, peer))),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

async fn connection(gateway: Arc<Gateway>, listener: Listener, stream: TcpStream, peer: SocketAddr) {
    let mut place = None;
    // Everything that only the handshake needs is in a box that is gone afterwards.
    let Some(established) = Box::pin(establish(&gateway, listener, stream, peer, &mut place)).await else { return };
    let registered = gateway.streams.register(Arc::clone(&established.connection));
    if let Some(certificate) = &established.certificate_in_use {
        // Spares the person a page that would say only that nothing is known yet.
        certificate.asked().await;
    }
    established.serving.await;
    established.connection.ended().await;
    drop(registered);
}

/// A connection within its bounds and with its handshake complete; a refused one leaves its record.
async fn establish<'a>(
    gateway: &'a Arc<Gateway>,
    listener: Listener,
    stream: TcpStream,
    peer: SocketAddr,
    place: &mut Option<Place<'a>>,
) -> Option<Established> {
    let snapshot = gateway.snapshot.load_full();
    let limits = &snapshot.config.limits;
    let mut attempt = Attempt::new(gateway, listener, &stream, peer);
    let place = match gateway.bounds.enter(limits.connections) {
        Ok(entered) => place.insert(entered),
        Err(reason) => {
            attempt.refused(reason, String::new());
            return None;
        }
    };
    if let Err(error) = tune(&stream) {
        tracing::debug!(%error, "cannot set socket options");
    }
    match tokio::time::timeout(limits.handshake, attempt.establish(&snapshot, stream, place)).await {
        Ok(Ok(established)) => return Some(established),
        Ok(Err(refused)) => attempt.refused_with(refused),
        Err(_) => attempt.refused(Reason::HandshakeTimeout, String::new()),
    }
    None
}

fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(USER_TIMEOUT))
}
