//! `[management]`: metrics and health.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use super::KeyRef;
use super::listen::socket_address;
use super::reader::Table;
use super::source::Spot;

/// `[management]`: metrics and health.
#[derive(Debug, Clone)]
pub struct Management {
    /// `address`. Default 127.0.0.1:9090.
    pub address: SocketAddr,
    /// `[management.tls]`: required unless the address is loopback.
    pub tls: Option<ManagementTls>,
}

/// `[management.tls]`
#[derive(Debug, Clone)]
pub struct ManagementTls {
    /// `chain`
    pub chain: PathBuf,
    /// `key`
    pub key: KeyRef,
    /// `trust`: names of trust domains whose certificates are admitted.
    pub trust: Vec<Arc<str>>,
}

/// `[management]` and where its parts stand.
pub(super) struct Read<'a> {
    pub(super) management: Management,
    /// Where `address` stands, if it is written.
    pub(super) address_spot: Option<Spot<'a>>,
    /// Each name of `trust`.
    pub(super) trust: Vec<(Arc<str>, Spot<'a>)>,
}

const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);

pub(super) fn read(mut table: Table<'_>) -> Read<'_> {
    let text = table.text("address");
    let address = text.as_ref().and_then(socket_address).unwrap_or(DEFAULT_ADDRESS);
    let address_spot = text.map(|text| text.spot);
    let tls_table = table.table("tls");
    table.finish();

    let needs_tls = !address.ip().is_loopback() && tls_table.is_none();
    if let Some(spot) = address_spot.filter(|_| needs_tls) {
        spot.error(
            format!("`{address}` is not loopback, and metrics and health would be open to the network"),
            "`[management.tls]`, or a loopback address such as `127.0.0.1:9090`",
        );
    }
    let (tls, trust) = tls_table.map(tls).unwrap_or_default();
    Read { management: Management { address, tls }, address_spot, trust }
}

fn tls(mut table: Table<'_>) -> (Option<ManagementTls>, Vec<(Arc<str>, Spot<'_>)>) {
    let chain = table.required_file("chain");
    let key = table.required_key("key");
    let texts = table.required_texts("trust");
    table.finish();
    let trust: Vec<_> = texts.iter().map(|text| (Arc::from(&**text), text.spot)).collect();
    let names = trust.iter().map(|(name, _): &(Arc<str>, _)| name.clone()).collect();
    (chain.zip(key).map(|(chain, key)| ManagementTls { chain, key, trust: names }), trust)
}
