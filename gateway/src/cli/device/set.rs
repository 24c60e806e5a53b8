//! `gaccong device set` and `remove`: what a person or a script reports of a device.

use std::io::{self, Write};

use clap::Args;
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::unwritable;
use crate::cli::Format;
use crate::cli::remote::{Remote, RemoteArgs, RemoteError, segment};
use crate::facts::posture::FactName;

/// Reports facts of a device.
#[derive(Debug, Args)]
pub struct SetArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    /// The device.
    #[arg(value_name = "DEVICE")]
    device: String,
    /// Facts, such as `disk_encrypted=true` or `patch_age_days=12`. They replace those that this source reported before.
    #[arg(value_name = "FACT=VALUE", required = true, value_parser = fact)]
    facts: Vec<(FactName, Value)>,
    /// The person that the device is assigned to.
    #[arg(long, value_name = "PERSON")]
    owner: Option<String>,
    /// When it was observed (RFC 3339). Default: now.
    #[arg(long, value_name = "TIME")]
    observed_at: Option<Timestamp>,
    /// The source, where the certificate stands for several.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Forgets what was reported of a device.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    /// The device.
    #[arg(value_name = "DEVICE")]
    device: String,
    /// Only what this source reported.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
}

pub(super) async fn run(args: &SetArgs) -> Result<(), RemoteError> {
    let facts: Map<_, _> = args.facts.iter().map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect();
    let observed_at = args.observed_at.unwrap_or_else(Timestamp::now).to_string();
    let mut body = json!({"observed_at": observed_at, "facts": facts});
    for (key, value) in [("owner", &args.owner), ("source", &args.source)] {
        if let (Some(object), Some(value)) = (body.as_object_mut(), value) {
            object.insert(key.to_owned(), json!(value));
        }
    }
    let remote = Remote::new(&args.remote)?;
    let path = format!("/v1/devices/{}/posture", segment(&args.device));
    let taken: Taken = remote.call(Method::PUT, &path, Some(&body)).await?;
    let mut out = io::stdout().lock();
    match args.format {
        Format::Json => writeln!(out, "{:#}", json!(taken)),
        Format::Text => writeln!(out, "reported as {}", taken.source),
    }
    .map_err(unwritable)
}

pub(super) async fn remove(args: &RemoveArgs) -> Result<(), RemoteError> {
    let mut path = format!("/v1/devices/{}/posture", segment(&args.device));
    if let Some(source) = &args.source {
        path = format!("{path}?source={}", segment(source));
    }
    Remote::new(&args.remote)?.call(Method::DELETE, &path, None).await
}

/// A report that was taken.
#[derive(Serialize, Deserialize)]
struct Taken {
    /// The source that it counts as.
    source: String,
}

/// `disk_encrypted=true`
fn fact(text: &str) -> Result<(FactName, Value), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not of the form `fact=value`"))?;
    let name = FactName::parse(name).ok_or_else(|| {
        let known: Vec<_> = FactName::ALL.iter().map(|fact| fact.as_str()).collect();
        format!("unknown fact `{name}`; expected one of {}", known.join(", "))
    })?;
    let value = match value.parse::<i64>() {
        Ok(number) if name == FactName::PatchAgeDays => json!(number),
        _ => value.parse::<bool>().map_or_else(|_| json!(value), |flag| json!(flag)),
    };
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_on_the_command_line() {
        assert_eq!(fact("disk_encrypted=true"), Ok((FactName::DiskEncrypted, json!(true))));
        assert_eq!(fact("patch_age_days=12"), Ok((FactName::PatchAgeDays, json!(12))));
        assert_eq!(fact("os_version=15"), Ok((FactName::OsVersion, json!("15"))));
        assert_eq!(fact("risk=high"), Ok((FactName::Risk, json!("high"))));
        assert!(fact("disk=true").unwrap_err().contains("unknown fact `disk`"));
        assert!(fact("firewall").is_err());
    }
}
