//! The configuration: `gaccong.toml`, read once into the types below, every one of which is already valid.
//!
//! Nothing behind this module meets a string that still has to be parsed, a path that is relative to something unknown,
//! or a number out of its bounds. `raw` reads the TOML with spans, `check` turns it into these types and gathers
//! *all* errors; `diagnostic` prints them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use ipnet::IpNet;

pub use gaccong_policy::Mode;

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from, absolute.
    pub file: PathBuf,
    /// `[listen]`
    pub listen: Listen,
    /// `[clients]`
    pub clients: Clients,
    /// `[[app]]`, in the order of the file.
    pub apps: Vec<Arc<App>>,
    /// `[policy]`
    pub policy: Policy,
    /// `[identity]`
    pub identity: Identity,
    /// `[posture]`
    pub posture: Posture,
    /// `[management]`
    pub management: Management,
    /// `[audit]`
    pub audit: Audit,
    /// `[limits]`
    pub limits: Limits,
    /// Every file that was read or will be read while loading (configuration, includes, certificates, keys, CRLs, groups,
    /// posture) and the policy directory: what a reload watches.
    pub watched: Vec<PathBuf>,
}

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

/// A host name, lower-case, or a wildcard for exactly one label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// `app.example.org`
    Exact(String),
    /// `*.example.org`; holds `example.org`.
    Wildcard(String),
}

impl HostPattern {
    /// Whether `host` (normal form: lower-case, no port, no trailing dot) is meant.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Wildcard(parent) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent)
            }
        }
    }
}

/// Where a private key is: `file:…` now; `credential:…` and `pkcs11:…` have their place here.
#[derive(Debug, Clone)]
pub enum KeyRef {
    /// A PEM file.
    File(PathBuf),
}

/// The lowest TLS version accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246), for smartcards and TPMs that cannot sign RSA-PSS.
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// `[clients]`: whose certificates are accepted.
#[derive(Debug, Clone)]
pub struct Clients {
    /// `certificate = "required" | "optional"`. Default required.
    pub certificate: CertificateMode,
    /// `on_invalid = "page" | "alert"`. Default alert.
    pub on_invalid: OnInvalid,
    /// `[[clients.trust]]`: at least one, names unique.
    pub trust: Vec<TrustDomain>,
}

/// Whether a client must present a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateMode {
    /// The handshake fails without one.
    Required,
    /// A connection without one is unauthenticated.
    Optional,
}

/// What becomes of a certificate that is genuine but expired or revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnInvalid {
    /// The handshake completes as unauthenticated and every request gets the page that says so.
    Page,
    /// A TLS alert.
    Alert,
}

/// `[[clients.trust]]`: a trust domain: CAs, their revocation lists, and how its certificates name devices and principals.
#[derive(Debug, Clone)]
pub struct TrustDomain {
    /// `name`
    pub name: Arc<str>,
    /// `ca`: PEM files.
    pub ca: Vec<PathBuf>,
    /// `crl`: PEM or DER files; empty means that revocation is not checked.
    pub crl: Vec<PathBuf>,
    /// `device`
    pub device: Option<NameRule>,
    /// `person`
    pub person: Option<NameRule>,
    /// `workload`
    pub workload: Option<NameRule>,
}

/// Which part of which name of a certificate names the subject: `"email"`, `"dns"`, `"uri:urn:device:{id}"`, `"cn"`.
/// Without a pattern the whole name is taken. A pattern has exactly one `{id}`, which stands for one or more characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameRule {
    /// Which kind of name.
    pub source: NameSource,
    /// What stands before `{id}`; empty without a pattern.
    pub prefix: String,
    /// What stands after `{id}`; empty without a pattern.
    pub suffix: String,
    /// Whether the whole name is taken (`uri:spiffe://prod/{*}`: the prefix must match, the name is the whole URI).
    pub whole: bool,
}

/// The kinds of names in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameSource {
    /// `uri`: uniformResourceIdentifier of the SAN.
    Uri,
    /// `email`: rfc822Name of the SAN.
    Email,
    /// `upn`: otherName 1.3.6.1.4.1.311.20.2.3 of the SAN.
    Upn,
    /// `dns`: dNSName of the SAN.
    Dns,
    /// `cn`: common name of the subject; only when the configuration says so.
    CommonName,
}

/// `[[app]]`: an internal service.
#[derive(Debug, Clone)]
pub struct App {
    /// `name`
    pub name: Arc<str>,
    /// `hosts`: at least one.
    pub hosts: Vec<HostPattern>,
    /// `upstreams`: at least one, all of one scheme.
    pub upstreams: Vec<Upstream>,
    /// `[app.tls]`
    pub upstream_tls: UpstreamTls,
    /// `owner`
    pub owner: Option<String>,
    /// `sensitivity`: `public`, `internal`, `confidential`, `secret`. Default internal.
    pub sensitivity: Sensitivity,
    /// `groups`: the app groups policies speak of.
    pub groups: Vec<Arc<str>>,
    /// `posture`
    pub posture: PostureMode,
    /// `mode`: overrides `[policy] mode`.
    pub mode: Option<Mode>,
    /// `actions`: the first that matches names the action.
    pub actions: Vec<ActionRule>,
    /// `connect_timeout_ms`. Default 5 s.
    pub connect_timeout: Duration,
    /// `first_byte_timeout_ms`: from the end of the request's head to the response's head. Default 60 s.
    pub first_byte_timeout: Duration,
    /// `idle_timeout_ms`: between two pieces of a body or tunnel. Default 300 s.
    pub idle_timeout: Duration,
    /// `body_limit_bytes`: largest request body; `None` (file: 0) for no limit. Default 16 MiB... `None` only if asked for.
    pub body_limit_bytes: Option<u64>,
    /// `[app.health]`
    pub health: Option<Health>,
}

/// One upstream address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The scheme.
    pub scheme: Scheme,
    /// Where to connect.
    pub target: Target,
}

/// How to speak to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http://`: HTTP/1.1 in clear; also `unix:`.
    Http,
    /// `https://`: HTTP/2 or HTTP/1.1 over TLS, by ALPN.
    Https,
    /// `h2c://`: HTTP/2 in clear with prior knowledge (RFC 9113 §3.3).
    H2c,
}

/// Where an upstream listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A name or address and a port. Names are resolved at each new connection.
    Tcp {
        /// Name or address, without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// A Unix socket: `unix:/run/app.sock` (HTTP/1.1).
    Unix(PathBuf),
}

/// `[app.tls]`: how an `https` upstream proves itself and what we present.
#[derive(Debug, Clone, Default)]
pub struct UpstreamTls {
    /// `ca`: PEM file; required for `https`.
    pub ca: Option<PathBuf>,
    /// `server_name`: what the certificate must name. Default: the upstream's host.
    pub server_name: Option<String>,
    /// `chain` and `key`: the client certificate we present.
    pub client: Option<(PathBuf, KeyRef)>,
}

/// How much harm a leak from an app would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sensitivity {
    /// `public`
    Public,
    /// `internal`
    Internal,
    /// `confidential`
    Confidential,
    /// `secret`
    Secret,
}

impl Sensitivity {
    /// As the configuration and policies spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Confidential => "confidential",
            Self::Secret => "secret",
        }
    }
}

/// `posture`: what an app demands of devices before policy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PostureMode {
    /// A person's device must have its required facts, fresh.
    #[default]
    Required,
    /// Policy alone decides.
    Policy,
}

/// `actions = [{ method = "POST", path = "/approve/*", action = "approve" }]`
#[derive(Debug, Clone)]
pub struct ActionRule {
    /// `method`: upper-case; `None` for any.
    pub method: Option<String>,
    /// `path`: a normal path, exact, or a prefix where it ends in `*`; `None` for any.
    pub path: Option<PathPattern>,
    /// `action`: `read`, `write`, or a name of the operator's.
    pub action: Arc<str>,
}

/// A path, exact or as a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPattern {
    /// `/a/b`
    Exact(String),
    /// `/a/*`; holds `/a/`.
    Prefix(String),
}

/// `[app.health]`: active health checks.
#[derive(Debug, Clone)]
pub struct Health {
    /// `path`: a 2xx answer is healthy.
    pub path: PathAndQuery,
    /// `interval_ms`. Default 5 s.
    pub interval: Duration,
    /// `timeout_ms`. Default 2 s.
    pub timeout: Duration,
    /// `healthy_after`: consecutive successes. Default 1.
    pub healthy_after: u32,
    /// `unhealthy_after`: consecutive failures. Default 2.
    pub unhealthy_after: u32,
}

/// `[policy]`
#[derive(Debug, Clone)]
pub struct Policy {
    /// `directory`: `*.cedar` below it, and optionally `*.cedarschema` that extend the schema.
    pub directory: PathBuf,
    /// `mode`. Default enforce.
    pub mode: Mode,
}

/// `[identity]`
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// `groups`: a JSON file: `{"groups": {"finance": ["alice@example.org", "spiffe://…"]}}`.
    pub groups: Option<PathBuf>,
}

/// `[posture]`
#[derive(Debug, Clone)]
pub struct Posture {
    /// `file`: a JSON file of facts by device.
    pub file: Option<PathBuf>,
    /// `max_age_s.default`. Default 24 h.
    pub default_max_age: Duration,
    /// `max_age_s.<fact>`: by fact.
    pub max_age: BTreeMap<String, Duration>,
    /// `required`: the facts that must be present and fresh for an app with `posture = "required"`. Empty (the default)
    /// means: at least one fact, and none that was reported may be stale.
    pub required: Vec<String>,
}

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

/// `[audit]`
#[derive(Debug, Clone)]
pub struct Audit {
    /// `directory` (segments) or `"stdout"`.
    pub sink: AuditSink,
    /// `segment_bytes`: a segment is closed at this size. Default 256 MiB.
    pub segment_bytes: u64,
    /// `segment_age_s`: or at this age. Default 1 h.
    pub segment_age: Duration,
    /// `keep_segments`: the oldest beyond this number are deleted; 0 (the default) keeps all.
    pub keep_segments: usize,
    /// `queue_records`: how many records may wait to be written. Default 65 536.
    pub queue_records: usize,
    /// `query_strings`: record them. Default false.
    pub query_strings: bool,
}

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditSink {
    /// Segments in a directory.
    Directory(PathBuf),
    /// Standard output.
    Stdout,
}

/// `[limits]`: every bound on what clients may cost. The defaults serve a few thousand employees a node.
#[derive(Debug, Clone)]
pub struct Limits {
    /// `connections`: in all. Default 50 000.
    pub connections: usize,
    /// `connections_per_source`: by IPv4 address or IPv6 /64. Default 1 000.
    pub connections_per_source: usize,
    /// `handshake_ms`: from accept to the end of the handshake, PROXY header included. Default 10 s.
    pub handshake: Duration,
    /// `header_ms`: from the first byte of a request's head to its last. Default 10 s.
    pub header: Duration,
    /// `header_bytes`: of a request's head in all. Default 64 KiB.
    pub header_bytes: usize,
    /// `headers`: number of header fields. Default 100.
    pub headers: usize,
    /// `idle_ms`: of a connection without a request. Default 75 s.
    pub idle: Duration,
    /// `min_body_bytes_per_s`: a body slower than this, over any stretch of ten seconds spent waiting for the client, is cut. Default 240.
    pub min_body_bytes_per_s: u32,
    /// `streams`: concurrent HTTP/2 streams a connection. Default 128.
    pub streams: u32,
    /// `control_frames_per_10s`: HTTP/2 frames that carry no request (SETTINGS, PING, PRIORITY, RST_STREAM, WINDOW_UPDATE
    /// beyond data, empty DATA, CONTINUATION) a connection in ten seconds. Default 1 000.
    pub control_frames_per_10s: u32,
    /// `unauthenticated_records_per_min`: audit records a source prefix may cause before it is authenticated;
    /// beyond it they become one record with a count. Default 60.
    pub unauthenticated_records_per_min: u32,
}
