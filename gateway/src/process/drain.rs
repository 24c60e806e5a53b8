//! The drain: nothing new is accepted, what runs may finish within a bound, and what does not is cut.

use std::time::Duration;

use crate::config::Listen;
use crate::gateway::Gateway;
use crate::process::tasks::Tasks;
use crate::reason::Reason;

/// How long what was cut at the end of the drain may take to say goodbye, and how long it may then take to end without.
const GOODBYE: Duration = Duration::from_secs(2);

/// How often the drain looks whether the process is idle.
const LOOK: Duration = Duration::from_millis(10);

/// What ends the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A signal, or a failure.
    Told,
    /// Another process has the sockets.
    HandedOver,
}

/// Lets what runs end, within the bound; then cuts it. Returns how many requests run even so.
pub async fn drain(gateway: &Gateway, listen: &Listen, ending: Ending, tasks: &mut Tasks) -> usize {
    tracing::info!(?ending, "draining");
    if ending == Ending::HandedOver {
        // Before the gateway says that it drains: load balancers must hear of the successor only.
        tasks.stop_management();
    }
    gateway.drain();
    if ending == Ending::Told {
        // Load balancers see `readyz` before connections are refused.
        tokio::select! {
            () = tokio::time::sleep(listen.drain_delay) => {}
            () = tasks.failure() => {}
        }
    }
    tasks.stop_accepting().await;
    if !idle_within(gateway, listen.drain).await {
        cut_requests(gateway);
    }
    if !idle_within(gateway, GOODBYE).await {
        cut_connections(gateway);
        idle_within(gateway, GOODBYE).await;
    }
    gateway.streams.running()
}

/// Requests are answered that they were cut, where that is still possible.
fn cut_requests(gateway: &Gateway) {
    gateway.streams.for_each(|connection| {
        for request in connection.live() {
            request.cut.cut(Reason::GatewayDraining);
        }
        connection.close.cut(());
    });
}

/// Connections that do not take their goodbye are dropped, so that each request ends and leaves its record. Those on
/// which nothing runs end with the process.
fn cut_connections(gateway: &Gateway) {
    gateway.streams.for_each(|connection| {
        if connection.running() > 0 {
            connection.cut.cut(Reason::GatewayDraining);
        }
    });
}

/// Waits until there is no connection and no request, but not longer than `bound`.
async fn idle_within(gateway: &Gateway, bound: Duration) -> bool {
    let idle = async {
        while gateway.bounds.open() > 0 || gateway.streams.running() > 0 {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(bound, idle).await.is_ok()
}
