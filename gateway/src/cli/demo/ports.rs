//! The demo's ports: what was asked for, what is free, and where the configuration names them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use serde::{Deserialize, Serialize};

use super::{DemoArgs, DemoError};

/// The ports of the demo, all on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// The gateway.
    pub gateway: u16,
    /// Metrics and health.
    pub management: u16,
    /// The control API.
    #[serde(default)]
    pub control: u16,
    /// The sample app `payroll`.
    pub payroll: u16,
    /// The sample app `wiki`.
    pub wiki: u16,
}

/// Free ports, those of the sample apps already bound.
pub(super) struct Bound {
    pub(super) ports: Ports,
    pub(super) payroll: TcpListener,
    pub(super) wiki: TcpListener,
}

impl Ports {
    /// What a new folder is made with unless the command line says otherwise; 0 means any.
    pub(super) const FIRST: Self = Self { gateway: 8443, management: 9090, control: 0, payroll: 0, wiki: 0 };

    /// Where the gateway listens.
    pub fn gateway_address(&self) -> SocketAddr {
        address(self.gateway)
    }

    /// Where metrics and health are.
    pub fn management_address(&self) -> SocketAddr {
        address(self.management)
    }

    /// Binds the sample apps and makes sure that the gateway will find its ports free. The sample apps move elsewhere if
    /// their ports are taken; the gateway's are known to the user and do not.
    pub(super) fn bind(wanted: Self, args: &DemoArgs) -> Result<Bound, DemoError> {
        let payroll = bind_or_any(wanted.payroll)?;
        let wiki = bind_or_any(wanted.wiki)?;
        let control = bind_or_any(wanted.control)?;
        // Held until both are known, so that two free ports are not the same one.
        let gateway = bind_exactly(args.port.unwrap_or(wanted.gateway), "--port")?;
        let management = bind_exactly(args.management_port.unwrap_or(wanted.management), "--management-port")?;
        let ports = Self {
            gateway: port_of(&gateway)?,
            management: port_of(&management)?,
            control: port_of(&control)?,
            payroll: port_of(&payroll)?,
            wiki: port_of(&wiki)?,
        };
        Ok(Bound { ports, payroll, wiki })
    }

    /// Each placeholder in the template of the configuration, and the text that stands for it.
    pub(super) fn places(&self) -> [(&'static str, String); 5] {
        [
            ("127.0.0.1:@GATEWAY_PORT@", self.gateway),
            ("127.0.0.1:@MANAGEMENT_PORT@", self.management),
            ("127.0.0.1:@CONTROL_PORT@", self.control),
            ("127.0.0.1:@PAYROLL_PORT@", self.payroll),
            ("127.0.0.1:@WIKI_PORT@", self.wiki),
        ]
        .map(|(place, port)| (place, format!("127.0.0.1:{port}")))
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn bind_exactly(port: u16, flag: &'static str) -> Result<TcpListener, DemoError> {
    TcpListener::bind(address(port)).map_err(|source| DemoError::PortTaken { port, flag, source })
}

fn bind_or_any(port: u16) -> Result<TcpListener, DemoError> {
    TcpListener::bind(address(port)).or_else(|_| TcpListener::bind(address(0))).map_err(no_port)
}

fn port_of(listener: &TcpListener) -> Result<u16, DemoError> {
    listener.local_addr().map(|address| address.port()).map_err(no_port)
}

fn no_port(source: io::Error) -> DemoError {
    DemoError::Io { action: "listen on", path: "127.0.0.1:0".into(), source }
}
