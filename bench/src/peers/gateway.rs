//! The gateway with everything it does: identity, groups, posture, policy, audit, metrics.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use super::credential::{self, Field};
use super::process::CommandLine;
use super::{Addresses, Site};
use crate::certificates::{DEVICE, HOST, PERSON};

/// Policies that concern every app.
const GLOBAL_FORBIDS: u32 = 20;
/// Policies of the one app.
const APP_POLICIES: u32 = 10;
const GROUP: &str = "engineering";

/// What clients bring beside their certificate, which names the person already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    Certificate,
    Session,
    Token,
}

/// Writes `gaccong.toml` and all it names; returns the command that runs it, and what every request is to have.
pub(super) fn write(site: &Site<'_>, addresses: &Addresses, variant: Variant) -> Result<(CommandLine, Option<Field>)> {
    let folder = &site.folder;
    let brought = match variant {
        Variant::Certificate => None,
        Variant::Session => Some(credential::session(folder, site.certificates)?),
        Variant::Token => Some(credential::token(folder, site.certificates)?),
    };
    let (more, field) = brought.map_or_else(Default::default, |(more, field)| (more, Some(field)));
    fs::write(folder.join("gaccong.toml"), configuration(site, addresses) + &more)?;
    fs::create_dir_all(folder.join("policies"))?;
    fs::write(folder.join("policies/global.cedar"), global_policies())?;
    fs::write(folder.join("policies/app.cedar"), app_policies())?;
    fs::write(folder.join("groups.json"), json!({ "groups": { GROUP: [PERSON] } }).to_string())?;
    fs::write(folder.join("posture.json"), posture())?;
    let binary = site.gateway.display().to_string();
    Ok(([binary.as_str(), "run", "-c", "gaccong.toml"].map(String::from).to_vec(), field))
}

/// Limits, time-outs and audit are the defaults; request bodies may be of any size, as at the peers.
fn configuration(site: &Site<'_>, addresses: &Addresses) -> String {
    let certificates = site.certificates;
    format!(
        r#"[listen]
address = "{listen}"
threads = 1

[[listen.certificates]]
chain = "{chain}"
key = "file:{key}"

[clients]
certificate = "required"

[[clients.trust]]
name = "laptops"
ca = ["{client_ca}"]
crl = ["{client_crl}"]
device = "uri:urn:device:{{id}}"
person = "email"

[[app]]
name = "bench"
hosts = ["{HOST}"]
upstreams = ["http://{upstream}"]
sensitivity = "internal"
groups = ["internal-tools"]
posture = "required"
body_limit_bytes = 0

[policy]
directory = "policies"

[identity]
groups = "groups.json"

[posture]
file = "posture.json"

[management]
address = "{management}"

[audit]
directory = "audit"

"#,
        listen = addresses.listen,
        management = addresses.management,
        chain = certificates.server_chain.display(),
        key = certificates.server_key.display(),
        client_ca = certificates.client_ca.display(),
        client_crl = certificates.client_crl.display(),
        upstream = site.upstream,
    )
}

/// None of them applies, all of them are evaluated. They look at what real ones look at: posture, address, path.
fn global_policies() -> String {
    let conditions = [
        r#"unless { context has device && context.device has disk_encrypted && context.device.disk_encrypted }"#,
        r#"unless { context has device && context.device has patch_age_days && context.device.patch_age_days < LIMIT }"#,
        r#"when { context.request.source_ip.isInRange(ip("203.0.NUMBER.0/24")) }"#,
        r#"when { context.request.path like "/internal/NUMBER/*" && !(principal in Group::"operators") }"#,
    ];
    let policy = |(number, condition): (u32, &&str)| {
        let condition = condition.replace("NUMBER", &number.to_string()).replace("LIMIT", &(100 + number).to_string());
        format!("@id(\"global-{number}\")\nforbid (principal, action, resource)\n{condition};\n")
    };
    (0..GLOBAL_FORBIDS).zip(conditions.iter().cycle()).map(policy).collect()
}

/// One permits, the others are for other groups, actions and devices.
fn app_policies() -> String {
    let permit = format!(
        r#"@id("app-0")
permit (principal in Group::"{GROUP}", action in [Action::"read", Action::"write"], resource == App::"bench")
when {{ context has device && context.device has managed && context.device.managed }};
"#
    );
    let others = (1..APP_POLICIES).map(|number| {
        format!(
            r#"@id("app-{number}")
permit (principal in Group::"team-{number}", action == Action::"read", resource == App::"bench")
when {{ context.request.path like "/team/{number}/*" && context has device && context.device has risk && context.device.risk == "low" }};
"#
        )
    });
    std::iter::once(permit).chain(others).collect()
}

fn posture() -> String {
    let device = json!({
        "source": "mdm",
        "owner": PERSON,
        "observed_at": jiff::Timestamp::now().to_string(),
        "facts": {
            "managed": true,
            "platform": "linux",
            "os_version": "12.7",
            "disk_encrypted": true,
            "firewall": true,
            "screen_lock": true,
            "patch_age_days": 3,
            "compliant": true,
            "risk": "low",
        },
    });
    json!({ "devices": { DEVICE: device } }).to_string()
}

/// What the gateway says it has spent on decisions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DecisionTime {
    seconds: f64,
    decisions: f64,
}

impl DecisionTime {
    /// Microseconds per decision since `earlier`.
    pub(crate) fn us_per_decision_since(self, earlier: Self) -> f64 {
        (self.seconds - earlier.seconds) * 1e6 / (self.decisions - earlier.decisions)
    }

    fn parse(metrics: &str) -> Result<Self> {
        let value = |name: &str| -> Result<f64> {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name));
            let number = line.with_context(|| format!("no `{name}` among the metrics"))?;
            number.trim().parse().with_context(|| format!("`{name}` is no number: `{number}`"))
        };
        Ok(Self {
            seconds: value("gaccong_decision_duration_seconds_sum")?,
            decisions: value("gaccong_decision_duration_seconds_count")?,
        })
    }
}

/// Reads the metrics.
pub(super) async fn decision_time(management: SocketAddr) -> Result<DecisionTime> {
    DecisionTime::parse(&get(management, "/metrics").await?)
}

/// Whether `readyz` says 200.
pub(super) async fn is_ready(management: SocketAddr) -> bool {
    get(management, "/readyz").await.is_ok()
}

async fn get(address: SocketAddr, path: &str) -> Result<String> {
    let tcp = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(tcp)).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header("host", address.to_string()).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    ensure!(response.status().is_success(), "`GET {path}` of the management listener got {}", response.status());
    Ok(String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decision_time_is_read_from_the_histogram() {
        let metrics = "# TYPE gaccong_decision_duration_seconds histogram\n\
            gaccong_decision_duration_seconds_bucket{le=\"+Inf\"} 4\n\
            gaccong_decision_duration_seconds_sum 0.0002\n\
            gaccong_decision_duration_seconds_count 4\n";
        let time = DecisionTime::parse(metrics).unwrap();
        assert!((time.us_per_decision_since(DecisionTime::default()) - 50.0).abs() < 1e-9);
        assert!(DecisionTime::parse("").is_err());
    }

    #[test]
    fn policies_are_as_many_as_said() {
        assert_eq!(global_policies().matches("forbid (").count(), 20);
        assert_eq!(app_policies().matches("permit (").count(), 10);
    }
}
