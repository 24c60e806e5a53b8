//! `[[app]]`: the internal services.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::uri::PathAndQuery;

use super::Mode;
use super::action::{self, ActionRule};
use super::clients::identifier;
use super::cors::{self, Cors, CrossSite, field_name};
use super::decision::mode;
use super::host::HostPattern;
use super::identity_headers::{self, IdentityHeader};
use super::listen::placed_hosts;
use super::rate::{self, RateLimit};
use super::reader::{Table, Text};
use super::source::Spot;
use super::upstream::{self, Scheme, Upstream, UpstreamTls};

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
    /// `strip_headers`: fields that are taken from every client, beside those that are known to name a person or device;
    /// and those of `[app.headers]`.
    pub strip_headers: Vec<HeaderName>,
    /// `cross_site`
    pub cross_site: CrossSite,
    /// `[app.cors]`
    pub cors: Option<Cors>,
    /// `assertion`: whether the upstream gets `Gaccong-Assertion`. Default as `[assertion] enabled` says.
    pub assertion: Option<bool>,
    /// `client_cert`: whether the upstream gets the client's certificate in `Client-Cert` (RFC 9440). Default false.
    pub client_cert: bool,
    /// `[app.headers]`
    pub headers: Vec<IdentityHeader>,
    /// `connect_timeout_ms`. Default 5 s.
    pub connect_timeout: Duration,
    /// `first_byte_timeout_ms`: from the end of the request to the response's head. Default 60 s.
    pub first_byte_timeout: Duration,
    /// `idle_timeout_ms`: between two pieces of a body or tunnel. Default 300 s.
    pub idle_timeout: Duration,
    /// `body_limit_bytes`: largest request body. Default 16 MiB; 0 in the file means no limit, here `None`.
    pub body_limit_bytes: Option<u64>,
    /// `rate_limit`: of each principal. Default none.
    pub rate_limit: Option<RateLimit>,
    /// `[app.health]`
    pub health: Option<Health>,
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
    /// All of them as they are spelt, the least first.
    pub const SCALE: [&str; 4] = ["public", "internal", "confidential", "secret"];

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

/// An app and where its parts stand.
pub(super) struct Read<'a> {
    pub(super) app: App,
    pub(super) name_spot: Spot<'a>,
    /// Each of the app's hosts.
    pub(super) hosts: Vec<(HostPattern, Spot<'a>)>,
}

const SENSITIVITIES: [Sensitivity; 4] =
    [Sensitivity::Public, Sensitivity::Internal, Sensitivity::Confidential, Sensitivity::Secret];
const POSTURES: [(&str, PostureMode); 2] = [("required", PostureMode::Required), ("policy", PostureMode::Policy)];
const HOUR_MS: u64 = 3_600_000;
const DEFAULT_BODY_LIMIT: u64 = 16 << 20;
const MAX_BODY_LIMIT: u64 = 1 << 50;

pub(super) fn read(mut table: Table<'_>) -> Option<Read<'_>> {
    let name = table.required_text("name");
    let hosts = placed_hosts(table.required_texts("hosts"));
    let upstreams = upstreams(&mut table);
    let owner = table.text("owner").map(|owner| owner.to_string());
    let sensitivity = table.choice("sensitivity", &SENSITIVITIES.map(|known| (known.as_str(), known)));
    let groups = table.texts("groups").iter().filter_map(identifier).collect();
    let posture = table.choice("posture", &POSTURES);
    let mode = mode(&mut table);
    let actions = action::read(table.tables("actions"));
    let mut strip_headers: Vec<_> = table.texts("strip_headers").iter().filter_map(field_name).collect();
    let cross_site = cors::cross_site(&mut table);
    let assertion = table.optional_flag("assertion");
    let client_cert = table.flag("client_cert", false);
    let connect_timeout = table.milliseconds("connect_timeout_ms", 5_000, 10..=HOUR_MS);
    let first_byte_timeout = table.milliseconds("first_byte_timeout_ms", 60_000, 10..=24 * HOUR_MS);
    let idle_timeout = table.milliseconds("idle_timeout_ms", 300_000, 10..=24 * HOUR_MS);
    let body_limit = table.integer("body_limit_bytes", DEFAULT_BODY_LIMIT, 0..=MAX_BODY_LIMIT);
    let upstream_tls = upstream_tls(&mut table, &upstreams);
    let rate_limit = table.table("rate_limit").and_then(rate::read);
    let cors = table.table("cors").and_then(cors::read);
    let headers = table.table("headers").map(identity_headers::read).unwrap_or_default();
    strip_headers.extend(headers.iter().flat_map(|header| [header.name.clone(), header.overflow.clone()]));
    let health = table.table("health").and_then(health);
    table.finish();

    let name = name?;
    let app = App {
        name: identifier(&name)?,
        hosts: hosts.iter().map(|(host, _)| host.clone()).collect(),
        upstreams: upstreams.into_iter().map(|(upstream, _)| upstream).collect(),
        upstream_tls,
        owner,
        sensitivity: sensitivity.unwrap_or(Sensitivity::Internal),
        groups,
        posture: posture.unwrap_or_default(),
        mode,
        actions,
        strip_headers,
        cross_site,
        cors,
        assertion,
        client_cert,
        headers,
        connect_timeout,
        first_byte_timeout,
        idle_timeout,
        body_limit_bytes: (body_limit > 0).then_some(body_limit),
        rate_limit,
        health,
    };
    Some(Read { app, name_spot: name.spot, hosts })
}

fn upstreams<'a>(table: &mut Table<'a>) -> Vec<(Upstream, Spot<'a>)> {
    let texts = table.required_texts("upstreams");
    let upstreams: Vec<_> = texts.iter().filter_map(|text| Some((upstream::read(text)?, text.spot))).collect();
    let Some((first, _)) = upstreams.first() else { return upstreams };
    if let Some((_, spot)) = upstreams.iter().find(|(other, _)| other.scheme != first.scheme) {
        spot.error("the upstreams of one app have different schemes", "the scheme of the first everywhere");
    }
    upstreams
}

/// `[app.tls]`: needed with `https`, and without it a sign that the upstream was meant to be `https`.
fn upstream_tls(table: &mut Table<'_>, upstreams: &[(Upstream, Spot<'_>)]) -> UpstreamTls {
    let https = upstreams.iter().find(|(upstream, _)| upstream.scheme == Scheme::Https);
    let Some(tls) = table.table("tls") else {
        if let Some((_, spot)) = https {
            spot.error("nothing says whom to trust as this upstream", "`[app.tls]` with `ca = \"….pem\"`");
        }
        return UpstreamTls::default();
    };
    let spot = tls.spot;
    match https {
        Some(_) if !tls.has("ca") => spot.error("nothing says whom to trust as this upstream", "`ca = \"….pem\"`"),
        None if !upstreams.is_empty() => spot.error("TLS is set and no upstream is `https`", "`https://` upstreams"),
        _ => {}
    }
    upstream::tls(tls)
}

fn health(mut table: Table<'_>) -> Option<Health> {
    let path = table.required_text("path").and_then(|text| health_path(&text));
    let interval = table.milliseconds("interval_ms", 5_000, 10..=HOUR_MS);
    let timeout = table.milliseconds("timeout_ms", 2_000, 10..=60_000);
    let healthy_after = table.count("healthy_after", 1, 1..=100);
    let unhealthy_after = table.count("unhealthy_after", 2, 1..=100);
    table.finish();
    Some(Health { path: path?, interval, timeout, healthy_after, unhealthy_after })
}

fn health_path(text: &Text<'_>) -> Option<PathAndQuery> {
    let parsed = text.parse().ok().filter(|_| text.starts_with('/') && !text.contains('#'));
    parsed.or_else(|| text.refuse(format!("`{}` is not a path", &**text), "a path such as `/healthz`"))
}
