//! The proxies that are measured side by side: how each is configured and started.

pub(crate) mod credential;
mod gateway;
mod haproxy;
mod nginx;
mod process;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use serde::Serialize;

use crate::certificates::Certificates;
use crate::client::{Client, Negotiated};
use crate::cpu::ProcessGroup;
pub(crate) use gateway::DecisionTime;
use process::Process;

/// How long a proxy may take until it serves.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A proxy in one configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Peer {
    /// nginx: mutual TLS, JSON access log, no decision.
    Nginx,
    /// The same without the certificate in its log.
    NginxShortLog,
    /// nginx that asks a local server about each request.
    NginxAuthRequest,
    /// haproxy: mutual TLS, JSON log, an ACL on the certificate.
    Haproxy,
    /// The gateway: mutual TLS, identity, posture, policy, audit, metrics.
    Gateway,
    /// The same, where each request brings the cookie of a login session.
    GatewaySession,
    /// The same, where each request brings an access token.
    GatewayToken,
}

impl Peer {
    /// As tables and plots call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::NginxShortLog => "nginx short log",
            Self::NginxAuthRequest => "nginx auth_request",
            Self::Haproxy => "haproxy",
            Self::Gateway => "gateway",
            Self::GatewaySession => "gateway, session",
            Self::GatewayToken => "gateway, token",
        }
    }

    /// Whether it is the gateway, whatever clients bring.
    pub(crate) fn is_gateway(self) -> bool {
        matches!(self, Self::Gateway | Self::GatewaySession | Self::GatewayToken)
    }

    /// The first line it prints when asked for its version.
    pub(crate) fn version(self, gateway: &Path) -> Result<String> {
        let (binary, flag) = match self {
            Self::Nginx | Self::NginxShortLog | Self::NginxAuthRequest => (nginx::BINARY, "-v"),
            Self::Haproxy => (haproxy::BINARY, "-v"),
            Self::Gateway | Self::GatewaySession | Self::GatewayToken => {
                (gateway.to_str().context("the gateway's path is not UTF-8")?, "--version")
            }
        };
        let output = Command::new(binary).arg(flag).output().with_context(|| format!("running `{binary} {flag}`"))?;
        let printed = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&printed).lines().next().unwrap_or_default().trim().to_owned())
    }
}

/// What a peer's configuration is written from.
pub(crate) struct Site<'a> {
    /// The gateway's binary.
    pub(crate) gateway: &'a Path,
    /// The PKI of the run.
    pub(crate) certificates: &'a Certificates,
    /// The service behind the proxy.
    pub(crate) upstream: SocketAddr,
    /// The server that `auth_request` asks.
    pub(crate) authorization: SocketAddr,
    /// The core that the proxy has for itself.
    pub(crate) core: usize,
    /// Where configuration and logs go.
    pub(crate) folder: PathBuf,
}

/// The addresses of one start, free a moment ago.
struct Addresses {
    listen: SocketAddr,
    management: SocketAddr,
}

/// A proxy that serves, until it is dropped.
pub(crate) struct Running {
    process: Process,
    management: SocketAddr,
    /// Connects to it.
    pub(crate) client: Client,
    /// What its first handshake ended in.
    pub(crate) negotiated: Negotiated,
}

impl Running {
    /// Writes the configuration of `peer` into a clean folder, starts it on its core and waits until it serves.
    pub(crate) async fn start(peer: Peer, site: &Site<'_>) -> Result<Self> {
        if site.folder.exists() {
            fs::remove_dir_all(&site.folder)?;
        }
        fs::create_dir_all(&site.folder)?;
        let addresses = Addresses { listen: free_address()?, management: free_address()? };
        let (command, field) = match peer {
            Peer::Nginx => (nginx::write(site, &addresses, nginx::Variant::Plain)?, None),
            Peer::NginxShortLog => (nginx::write(site, &addresses, nginx::Variant::ShortLog)?, None),
            Peer::NginxAuthRequest => (nginx::write(site, &addresses, nginx::Variant::AuthRequest)?, None),
            Peer::Haproxy => (haproxy::write(site, &addresses)?, None),
            Peer::Gateway => gateway::write(site, &addresses, gateway::Variant::Certificate)?,
            Peer::GatewaySession => gateway::write(site, &addresses, gateway::Variant::Session)?,
            Peer::GatewayToken => gateway::write(site, &addresses, gateway::Variant::Token)?,
        };
        let mut process = Process::spawn(&command, site.core, &site.folder)?;
        let client = Client::new(addresses.listen, site.certificates, field)?;
        let negotiated = until_serving(peer, &mut process, &client, &addresses).await?;
        process.group.ensure_pinned(site.core)?;
        Ok(Self { process, management: addresses.management, client, negotiated })
    }

    /// The processes of the proxy.
    pub(crate) fn group(&self) -> ProcessGroup {
        self.process.group
    }

    /// The time the gateway has spent deciding so far; of others it is not asked.
    pub(crate) async fn decision_time(&self, peer: Peer) -> Result<Option<DecisionTime>> {
        match peer {
            Peer::Gateway => Ok(Some(gateway::decision_time(self.management).await?)),
            _ => Ok(None),
        }
    }
}

/// Asks until a whole request succeeds; the last error is the one that is told.
async fn until_serving(
    peer: Peer,
    process: &mut Process,
    client: &Client,
    addresses: &Addresses,
) -> Result<Negotiated> {
    let begin = Instant::now();
    loop {
        let answer = match peer {
            _ if peer.is_gateway() && !gateway::is_ready(addresses.management).await => {
                Err(anyhow!("`readyz` does not say 200"))
            }
            _ => client.probe().await,
        };
        match answer {
            Ok(negotiated) => return Ok(negotiated),
            Err(error) if begin.elapsed() > PATIENCE => return Err(process.explain(error)),
            Err(error) if process.has_ended()? => return Err(process.explain(error)),
            Err(_) => tokio::time::sleep(POLL_INTERVAL).await,
        }
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
