//! `gaccong session`: who is logged in, over the control API.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::remote::{Remote, RemoteArgs, RemoteError, safe, segment};
use super::{EXIT_FAILED, Format, fail};

/// What to do with sessions.
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// Who is logged in. `gaccong revoke session ID` ends one.
    List(ListArgs),
}

/// Lists.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    /// Only those of this person.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Only those on this device.
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Does it.
pub fn run(command: &SessionCommand) -> ExitCode {
    let SessionCommand::List(args) = command;
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(EXIT_FAILED, error),
    };
    let printed = runtime.block_on(all(args)).and_then(|sessions| {
        print(&sessions, args.format).map_err(|error| RemoteError::Unreachable(format!("cannot print: {error}")))
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error.exit_code(), error),
    }
}

/// Page by page.
async fn all(args: &ListArgs) -> Result<Vec<Session>, RemoteError> {
    let remote = Remote::new(&args.remote)?;
    let (mut sessions, mut after) = (Vec::new(), None);
    loop {
        let filters = [("user", &args.user), ("device", &args.device), ("after", &after)];
        let filters = filters.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)));
        let query: Vec<_> = filters.map(|(key, value)| format!("{key}={}", segment(value))).collect();
        let page: Page = remote.call(Method::GET, &format!("/v1/sessions?{}", query.join("&")), None).await?;
        sessions.extend(page.sessions);
        after = match page.next {
            Some(next) => Some(next),
            None => return Ok(sessions),
        };
    }
}

#[derive(Deserialize)]
struct Page {
    sessions: Vec<Session>,
    /// After which session the next page begins.
    #[serde(default)]
    next: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Session {
    id: String,
    user: String,
    #[serde(default)]
    groups: Vec<String>,
    method: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    trust_domain: String,
    holder_kind: String,
    holder: String,
    auth_time_ms: i64,
    established_at_ms: i64,
    used_at_ms: i64,
    expires_at_ms: i64,
}

fn print(sessions: &[Session], format: Format) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if format == Format::Json {
        writeln!(out, "{:#}", json!({"sessions": sessions}))?;
        return out.flush();
    }
    for it in sessions {
        let (user, holder) = (safe(&it.user), safe(&it.holder));
        let acr = safe(it.acr.as_deref().unwrap_or("-"));
        let (since, until) = (time(it.established_at_ms), time(it.expires_at_ms));
        writeln!(out, "{}\t{user}\t{}:{holder}\t{}\t{acr}\t{since}\t{until}", safe(&it.id), it.holder_kind, it.method)?;
    }
    out.flush()
}

fn time(ms: i64) -> Timestamp {
    let of_second = Timestamp::from_millisecond(ms - ms.rem_euclid(1000));
    of_second.unwrap_or_default()
}
