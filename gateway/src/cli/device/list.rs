//! `gaccong device list`.

use std::io::{self, Write};

use clap::Args;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::unwritable;
use crate::cli::Format;
use crate::cli::remote::{Remote, RemoteArgs, RemoteError, plain, safe, segment};

/// Every device of which something is known.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(args: &ListArgs) -> Result<(), RemoteError> {
    let devices = all(&Remote::new(&args.remote)?).await?;
    print(&devices, args.format).map_err(unwritable)
}

/// Page by page.
async fn all(remote: &Remote) -> Result<Vec<Device>, RemoteError> {
    let (mut devices, mut path) = (Vec::new(), "/v1/devices".to_owned());
    loop {
        let page: Page = remote.call(Method::GET, &path, None).await?;
        devices.extend(page.devices);
        match page.next {
            Some(next) => path = format!("/v1/devices?after={}", segment(&next)),
            None => return Ok(devices),
        }
    }
}

#[derive(Deserialize)]
struct Page {
    devices: Vec<Device>,
    /// After which device the next page begins.
    #[serde(default)]
    next: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Device {
    id: String,
    owner: Option<String>,
    facts: Map<String, Value>,
    sources: Vec<String>,
}

fn print(devices: &[Device], format: Format) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if format == Format::Json {
        writeln!(out, "{:#}", json!({"devices": devices}))?;
        return out.flush();
    }
    for Device { id, owner, facts, sources } in devices {
        let facts: Vec<_> = facts.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
        let (id, owner) = (safe(id), safe(owner.as_deref().unwrap_or("-")));
        writeln!(out, "{id}\t{owner}\t{}\t{}", sources.join(","), facts.join(" "))?;
    }
    out.flush()
}
