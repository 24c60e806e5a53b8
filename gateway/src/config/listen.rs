//! `[listen]`: where clients connect.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::KeyRef;
use super::host::{self, HostPattern};
use super::reader::{Table, Text};
use super::source::Spot;

/// `[listen]`: where clients connect.
#[derive(Debug, Clone)]
pub struct Listen {
    /// `address`
    pub address: SocketAddr,
    /// `threads`: worker threads; 0 in the file means one per core, here it is already the number.
    pub threads: usize,
    /// `[[listen.certificates]]`: at least one.
    pub certificates: Vec<ServerCertificate>,
    /// `[listen.proxy_protocol] from`: networks whose connections begin with a PROXY protocol v2 header. Others never do.
    pub proxy_protocol_from: Vec<IpNet>,
    /// `handover`: the Unix socket over which `run --upgrade` takes the listening sockets. Default `run/handover.sock`
    /// beside the configuration file.
    pub handover: PathBuf,
    /// `drain_ms`: how long running requests may take after SIGTERM or a hand-over. Default 30 s.
    pub drain: Duration,
    /// `drain_delay_ms`: how long `readyz` says 503 before new connections are refused. Default 0.
    pub drain_delay: Duration,
}

/// `[[listen.certificates]]`: a server certificate and the hosts it is for.
#[derive(Debug, Clone)]
pub struct ServerCertificate {
    /// `hosts`: names or `*.name`; where the file names none, those of the certificate's SAN.
    pub hosts: Vec<HostPattern>,
    /// `chain`: PEM file, leaf first.
    pub chain: PathBuf,
    /// `key`
    pub key: KeyRef,
    /// `tls`: the lowest version accepted for these hosts. Default 1.3.
    pub min_tls: TlsVersion,
}

/// The lowest TLS version accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246), for smartcards and TPMs that cannot sign RSA-PSS.
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// `[listen]` and where its parts stand.
pub(super) struct Read<'a> {
    pub(super) listen: Listen,
    pub(super) address_spot: Spot<'a>,
    /// Each host of each certificate.
    pub(super) hosts: Vec<(HostPattern, Spot<'a>)>,
}

const HOUR_MS: u64 = 3_600_000;

pub(super) fn read(mut table: Table<'_>) -> Option<Read<'_>> {
    let address = table.required_text("address");
    let threads = table.size("threads", 0, 0..=1024);
    table.require_entries("certificates", "at least one `[[listen.certificates]]`");
    let certificates: Vec<_> = table.tables("certificates").into_iter().filter_map(certificate).collect();
    let proxy_protocol_from = table.table("proxy_protocol").map(proxy_protocol).unwrap_or_default();
    let handover = table.text("handover").map(|path| path.spot.resolve(&path));
    let drain = table.milliseconds("drain_ms", 30_000, 0..=HOUR_MS);
    let drain_delay = table.milliseconds("drain_delay_ms", 0, 0..=HOUR_MS);
    let spot = table.spot;
    table.finish();

    let address = address?;
    let address_spot = address.spot;
    let (certificates, hosts): (Vec<_>, Vec<_>) = certificates.into_iter().unzip();
    let listen = Listen {
        address: socket_address(&address)?,
        threads: if threads == 0 { cores() } else { threads },
        certificates,
        proxy_protocol_from,
        handover: handover.unwrap_or_else(|| spot.resolve("run/handover.sock")),
        drain,
        drain_delay,
    };
    Some(Read { listen, address_spot, hosts: hosts.into_iter().flatten().collect() })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

type PlacedHosts<'a> = Vec<(HostPattern, Spot<'a>)>;

pub(super) fn certificate(mut table: Table<'_>) -> Option<(ServerCertificate, PlacedHosts<'_>)> {
    let hosts = placed_hosts(table.texts("hosts"));
    let chain = table.required_file("chain");
    let key = table.required_key("key");
    let min_tls = table.choice("tls", &[("1.3", TlsVersion::Tls13), ("1.2", TlsVersion::Tls12)]);
    table.finish();
    let certificate = ServerCertificate {
        hosts: hosts.iter().map(|(host, _)| host.clone()).collect(),
        chain: chain?,
        key: key?,
        min_tls: min_tls.unwrap_or(TlsVersion::Tls13),
    };
    Some((certificate, hosts))
}

/// Host patterns and where each stands.
pub(super) fn placed_hosts(texts: Vec<Text<'_>>) -> PlacedHosts<'_> {
    texts.into_iter().filter_map(|text| Some((host::pattern(&text)?, text.spot))).collect()
}

fn proxy_protocol(mut table: Table<'_>) -> Vec<IpNet> {
    let from = table.required_texts("from").iter().filter_map(network).collect();
    table.finish();
    from
}

fn network(text: &Text<'_>) -> Option<IpNet> {
    let expected = "a network such as `10.0.0.0/8` or `fd00::/8`";
    match text.parse::<IpNet>() {
        Ok(network) if network.addr() == network.network() => Some(network),
        Ok(network) => text.refuse(
            format!("`{network}` has bits beyond its prefix"),
            format!("`{}`, or a longer prefix", network.trunc()),
        ),
        Err(_) => text.refuse(format!("`{}` is not a network", &**text), expected),
    }
}

/// `0.0.0.0:8443`
pub(super) fn socket_address(text: &Text<'_>) -> Option<SocketAddr> {
    let refused =
        || text.refuse(format!("`{}` is not an address and port", &**text), "such as `0.0.0.0:8443` or `[::]:8443`");
    text.parse().ok().or_else(refused)
}
