//! nginx, with and without a decision.

use std::fs;

use anyhow::Result;

use super::process::CommandLine;
use super::{Addresses, Site};
use crate::certificates::HOST;

/// Where Debian installs it; not on everyone's `PATH`.
pub(super) const BINARY: &str = "/usr/sbin/nginx";

/// How nginx is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// Whoever has a certificate of the CA may do everything; the log has the gateway's fields.
    Plain,
    /// The same, but nothing of the certificate is in the log: nginx reads it anew for every line.
    ShortLog,
    /// As `Plain`, and a local server is asked about each request.
    AuthRequest,
}

/// Writes `nginx.conf`; returns the command that runs it in the foreground.
pub(super) fn write(site: &Site<'_>, addresses: &Addresses, variant: Variant) -> Result<CommandLine> {
    let folder = site.folder.display();
    let text = configuration(site, addresses, variant);
    fs::write(site.folder.join("nginx.conf"), text)?;
    fs::create_dir_all(site.folder.join("temp"))?;
    Ok([BINARY, "-p", &format!("{folder}/"), "-c", "nginx.conf", "-e", "error.log"].map(String::from).to_vec())
}

fn configuration(site: &Site<'_>, addresses: &Addresses, variant: Variant) -> String {
    let (ask, location) = match variant {
        Variant::Plain | Variant::ShortLog => ("", ""),
        Variant::AuthRequest => ("auth_request /authorize;", AUTHORIZE_LOCATION),
    };
    let certificates = site.certificates;
    format!(
        r#"daemon off;
worker_processes 1;
pid nginx.pid;
events {{ worker_connections 8192; }}
http {{
{temporary_folders}
    log_format record escape=json '{log_format}';
    access_log access.log record buffer=64k flush=1s;

    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    ssl_conf_command Options -SessionTicket;
    ssl_ecdh_curve X25519;
    ssl_session_cache off;
    ssl_session_tickets off;

    keepalive_timeout 600s;
    keepalive_requests 100000000;
    client_max_body_size 0;

    upstream app {{ server {upstream}; keepalive 128; keepalive_requests 100000000; }}
    upstream authorization {{ server {authorization}; keepalive 128; keepalive_requests 100000000; }}

    server {{
        listen {listen} ssl http2 backlog=4096;
        server_name {HOST};
        ssl_certificate {chain};
        ssl_certificate_key {key};
        ssl_client_certificate {client_ca};
        ssl_crl {client_crl};
        ssl_verify_client on;

        location / {{
            {ask}
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Request-Id $request_id;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header X-Forwarded-Host $host;
        }}
        {location}
    }}
}}
"#,
        temporary_folders = temporary_folders(),
        log_format = log_format(variant),
        upstream = site.upstream,
        authorization = site.authorization,
        listen = addresses.listen,
        chain = certificates.server_chain.display(),
        key = certificates.server_key.display(),
        client_ca = certificates.client_ca.display(),
        client_crl = certificates.client_crl.display(),
    )
}

/// The server that is asked gets what the gateway's policies see of a request.
const AUTHORIZE_LOCATION: &str = r#"location = /authorize {
            internal;
            proxy_pass http://authorization/auth;
            proxy_http_version 1.1;
            proxy_pass_request_body off;
            proxy_set_header Connection "";
            proxy_set_header Content-Length "";
            proxy_set_header X-Subject $ssl_client_s_dn;
            proxy_set_header X-Fingerprint $ssl_client_fingerprint;
            proxy_set_header X-Method $request_method;
            proxy_set_header X-Path $request_uri;
            proxy_set_header X-Source $remote_addr;
        }"#;

/// Distributions compile in folders that only root may write to.
fn temporary_folders() -> String {
    ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path temp/{kind};"))
        .join("\n")
}

/// The fields of the gateway's record that nginx knows.
fn log_format(variant: Variant) -> String {
    let fields = [
        ("time", "$msec"),
        ("request_id", "$request_id"),
        ("source", "$remote_addr"),
        ("source_port", "$remote_port"),
        ("local", "$server_addr"),
        ("local_port", "$server_port"),
        ("connection", "$connection"),
        ("tls_version", "$ssl_protocol"),
        ("tls_cipher", "$ssl_cipher"),
        ("tls_group", "$ssl_curve"),
        ("alpn", "$ssl_alpn_protocol"),
        ("sni", "$ssl_server_name"),
        ("certificate_subject", "$ssl_client_s_dn"),
        ("certificate_issuer", "$ssl_client_i_dn"),
        ("certificate_serial", "$ssl_client_serial"),
        ("certificate_fingerprint", "$ssl_client_fingerprint"),
        ("certificate_not_after", "$ssl_client_v_end"),
        ("certificate_verified", "$ssl_client_verify"),
        ("method", "$request_method"),
        ("version", "$server_protocol"),
        ("host", "$host"),
        ("path", "$uri"),
        ("user_agent", "$http_user_agent"),
        ("correlation", "$http_x_request_id"),
        ("status", "$status"),
        ("bytes_in", "$request_length"),
        ("bytes_out", "$body_bytes_sent"),
        ("duration_s", "$request_time"),
        ("upstream", "$upstream_addr"),
        ("upstream_s", "$upstream_response_time"),
    ];
    let wanted = |name: &str| variant != Variant::ShortLog || !name.starts_with("certificate_");
    let members = fields.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| format!(r#""{name}":"{value}""#));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}
