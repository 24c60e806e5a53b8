//! haproxy with an ACL on the client certificate.

use std::fs;

use anyhow::Result;

use super::process::CommandLine;
use super::{Addresses, Site};
use crate::certificates::HOST;

/// Where Debian installs it; not on everyone's `PATH`.
pub(super) const BINARY: &str = "/usr/sbin/haproxy";

/// Writes `haproxy.cfg`; returns the command that runs it in the foreground, as one process. Its log goes to its output.
pub(super) fn write(site: &Site<'_>, addresses: &Addresses) -> Result<CommandLine> {
    fs::write(site.folder.join("haproxy.cfg"), configuration(site, addresses))?;
    Ok([BINARY, "-db", "-f", "haproxy.cfg"].map(String::from).to_vec())
}

fn configuration(site: &Site<'_>, addresses: &Addresses) -> String {
    let certificates = site.certificates;
    format!(
        r#"global
    nbthread 1
    maxconn 3500
    log stdout format raw local0
    tune.ssl.cachesize 0
    ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets
    ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
    ssl-default-bind-curves X25519

defaults
    mode http
    log global
    option http-keep-alive
    option http-ignore-probes
    option dontlognull
    http-reuse always
    timeout connect 5s
    timeout client 600s
    timeout server 600s
    timeout http-keep-alive 600s

frontend clients
    bind {listen} ssl crt {bundle} ca-file {client_ca} crl-file {client_crl} verify required alpn h2,http/1.1
    unique-id-format %[uuid()]
    unique-id-header X-Request-Id
    log-format '{log_format}'
    acl for_us hdr(host) -i {HOST}
    acl verified ssl_c_verify 0
    acl of_our_ca ssl_c_i_dn(CN) -m str "bench client CA"
    acl known ssl_c_s_dn(CN) -m str "alice on laptop-1"
    http-request deny deny_status 403 unless for_us verified of_our_ca known
    http-request set-header X-Forwarded-Proto https
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    option forwardfor
    default_backend app

backend app
    server app {upstream} maxconn 1024
"#,
        listen = addresses.listen,
        bundle = certificates.server_bundle.display(),
        client_ca = certificates.client_ca.display(),
        client_crl = certificates.client_crl.display(),
        log_format = log_format(),
        upstream = site.upstream,
    )
}

/// The fields of the gateway's record that haproxy knows.
fn log_format() -> String {
    let fields = [
        ("time", "%Ts.%ms"),
        ("request_id", "%ID"),
        ("source", "%ci"),
        ("source_port", "%cp"),
        ("local", "%fi"),
        ("local_port", "%fp"),
        ("tls_version", "%sslv"),
        ("tls_cipher", "%sslc"),
        ("alpn", "%[ssl_fc_alpn]"),
        ("sni", "%[ssl_fc_sni]"),
        ("certificate_subject", "%[ssl_c_s_dn,json(utf8s)]"),
        ("certificate_issuer", "%[ssl_c_i_dn,json(utf8s)]"),
        ("certificate_serial", "%[ssl_c_serial,hex]"),
        ("certificate_fingerprint", "%[ssl_c_sha1,hex]"),
        ("certificate_not_after", "%[ssl_c_notafter]"),
        ("certificate_verified", "%[ssl_c_verify]"),
        ("method", "%HM"),
        ("version", "%HV"),
        ("path", "%[capture.req.uri,json(utf8s)]"),
        ("status", "%ST"),
        ("bytes_in", "%U"),
        ("bytes_out", "%B"),
        ("duration_ms", "%Ta"),
        ("upstream", "%si:%sp"),
        ("upstream_ms", "%Tr"),
    ];
    let members = fields.map(|(name, value)| format!(r#""{name}":"{value}""#));
    format!("{{{}}}", members.join(","))
}
