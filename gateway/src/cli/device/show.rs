//! `gaccong device show`.

use std::io::{self, Write};

use clap::Args;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::unwritable;
use crate::cli::Format;
use crate::cli::remote::{Remote, RemoteArgs, RemoteError, plain, safe, segment};

/// All that is known of a device.
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    /// The device.
    #[arg(value_name = "DEVICE")]
    device: String,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(args: &ShowArgs) -> Result<(), RemoteError> {
    let path = format!("/v1/devices/{}", segment(&args.device));
    let device: Device = Remote::new(&args.remote)?.call(Method::GET, &path, None).await?;
    print(&device, args.format).map_err(unwritable)
}

#[derive(Serialize, Deserialize)]
struct Device {
    id: String,
    owner: Option<String>,
    /// Every reported fact; of one name, that which counts first.
    facts: Vec<Fact>,
}

#[derive(Serialize, Deserialize)]
struct Fact {
    name: String,
    value: Value,
    source: Option<String>,
    observed_at: String,
    /// Whether policy sees this one.
    counts: bool,
}

fn print(device: &Device, format: Format) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if format == Format::Json {
        writeln!(out, "{:#}", json!(device))?;
        return out.flush();
    }
    writeln!(out, "{}  owner: {}", safe(&device.id), safe(device.owner.as_deref().unwrap_or("-")))?;
    for Fact { name, value, source, observed_at, counts } in &device.facts {
        let standing = if *counts { "" } else { "  (does not count)" };
        let source = safe(source.as_deref().unwrap_or("-"));
        writeln!(out, "  {name:<15} {:<8} by {source}, seen {observed_at}{standing}", plain(value))?;
    }
    out.flush()
}
