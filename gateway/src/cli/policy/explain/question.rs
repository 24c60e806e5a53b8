//! The question to explain: put by hand, from a file, or from a record. Whatever it comes from, it becomes the JSON that
//! records carry, which is then read with all its checks.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::audit::read;
use crate::audit::recorded::Unreadable;
use crate::cli::policy::inputs::Inputs;
use crate::cli::{EXIT_FAILED, EXIT_USAGE};
use crate::config::HostPattern;
use crate::request::action;

/// The longest question that is read, in bytes: no record is nearly as long.
const MAX_QUESTION_BYTES: u64 = 1 << 20;
/// The facts that are numbers; those that are neither that nor true or false are texts.
const NUMBERS: [&str; 3] = ["patch_age_days", "age_s", "auth_age_s"];
/// How long a certificate made up here is valid.
const CERTIFICATE_MS: i64 = 86_400_000;

/// Where the question comes from.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("from").required(true)))]
pub(super) struct QuestionArgs {
    /// A file with the question as records carry it (`unmapped.gaccong.question`); `-` for standard input.
    #[arg(long, value_name = "FILE", group = "from")]
    question: Option<PathBuf>,
    /// The id of a request that is on record.
    #[arg(long, value_name = "ID", group = "from")]
    request: Option<Uuid>,
    /// The directory of the records. Default: the one that the configuration names.
    #[arg(long, value_name = "DIR", requires = "request")]
    records: Option<PathBuf>,
    #[command(flatten)]
    by_hand: ByHand,
}

/// A question put by hand.
#[derive(Debug, Args)]
#[command(next_help_heading = "A question put by hand")]
struct ByHand {
    /// Who asks: a person, or a workload where it begins with `spiffe://`.
    #[arg(long, value_name = "NAME", group = "from", requires = "app")]
    principal: Option<String>,
    /// A group of the principal; may be repeated. Default: those that the configuration knows.
    #[arg(long, value_name = "NAME", requires = "principal")]
    group: Vec<String>,
    /// The app.
    #[arg(long, value_name = "NAME", requires = "principal")]
    app: Option<String>,
    /// The action. Default: that of method and path, as the configuration says.
    #[arg(long, value_name = "NAME", requires = "principal")]
    action: Option<String>,
    /// The method.
    #[arg(long, default_value = "GET")]
    method: Method,
    /// The path in its normal form.
    #[arg(long, default_value = "/")]
    path: String,
    /// The host. Default: the first of the app.
    #[arg(long, requires = "principal")]
    host: Option<String>,
    /// The address of the client.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)))]
    source_ip: IpAddr,
    /// From whose page a browser sends it: `same-origin`, `same-site`, `cross-site`, `none`.
    #[arg(long, requires = "principal")]
    site: Option<String>,
    /// The origin of that page.
    #[arg(long, requires = "principal")]
    origin: Option<String>,
    /// The device. Without this and any fact of it, there is none.
    #[arg(long, value_name = "ID", requires = "principal")]
    device: Option<String>,
    /// A fact of the device: `disk_encrypted=false`, `patch_age_days=41`; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", requires = "principal", value_parser = fact)]
    device_fact: Vec<(String, String)>,
    /// A fact of the login: `acr=…`, `auth_age_s=60`, `method=certificate`; may be repeated. Without any, there is no login.
    #[arg(long, value_name = "NAME=VALUE", requires = "principal", value_parser = fact)]
    session_fact: Vec<(String, String)>,
    /// The trust domain of the client certificate. Without it, there is none.
    #[arg(long, value_name = "NAME", requires = "principal")]
    trust_domain: Option<String>,
    /// The list of threats that the client's address is on.
    #[arg(long, value_name = "LIST", requires = "principal")]
    threat: Option<String>,
    /// The risk of the principal: `low`, `medium`, `high`.
    #[arg(long, value_name = "RISK", requires = "principal")]
    risk: Option<String>,
    /// The id of the grant by which the principal comes in in an emergency.
    #[arg(long, value_name = "ID", requires = "principal")]
    break_glass: Option<String>,
    /// The level of alert.
    #[arg(long, value_name = "LEVEL", default_value_t = 0)]
    alert_level: i64,
    /// Whether a stream of signals is quiet or paused.
    #[arg(long, requires = "principal")]
    signal_lost: bool,
    /// When (RFC 3339: `2026-01-31T08:00:00Z`). Default: now.
    #[arg(long, value_name = "TIME", requires = "principal")]
    now: Option<Timestamp>,
}

/// Why there is no question.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoQuestion {
    #[error("cannot read `{0}`: {1}")]
    Unreadable(String, io::Error),
    #[error("the question in `{0}` is longer than {MAX_QUESTION_BYTES} bytes")]
    TooLong(String),
    #[error("where the records are is not known: give `--records DIR`")]
    NoRecords,
    #[error("no record in `{1}` has the id {0}")]
    NotFound(Uuid, String),
    #[error("the record cannot be used: {0}")]
    Unusable(#[from] Unreadable),
    #[error("policy was not asked about this request: it was refused before")]
    NotAsked,
    #[error("the question was too long for its record and is not complete there: it cannot be asked again")]
    Incomplete,
    #[error("the configuration has no app `{0}` that would say which action this is; give `--action NAME`")]
    NoAction(String),
}

impl NoQuestion {
    /// The exit code that says the same.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::NoRecords | Self::NoAction(_) => EXIT_USAGE,
            _ => EXIT_FAILED,
        }
    }
}

impl QuestionArgs {
    /// The question as JSON.
    pub(super) fn json(&self, inputs: &Inputs) -> Result<String, NoQuestion> {
        match (&self.question, self.request) {
            (Some(file), _) => read_file(file),
            (None, Some(id)) => {
                let directory = self.records.as_ref().or(inputs.records.as_ref()).ok_or(NoQuestion::NoRecords)?;
                recorded(directory, id)
            }
            (None, None) => self.by_hand.json(inputs).map(|question| question.to_string()),
        }
    }
}

fn read_file(file: &Path) -> Result<String, NoQuestion> {
    let name = file.display().to_string();
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => io::stdin().lock().take(MAX_QUESTION_BYTES + 1).read_to_string(&mut text),
        false => std::fs::File::open(file).and_then(|file| file.take(MAX_QUESTION_BYTES + 1).read_to_string(&mut text)),
    };
    match read {
        Ok(bytes) if bytes as u64 > MAX_QUESTION_BYTES => Err(NoQuestion::TooLong(name)),
        Ok(_) => Ok(text),
        Err(error) => Err(NoQuestion::Unreadable(name, error)),
    }
}

fn recorded(directory: &Path, id: Uuid) -> Result<String, NoQuestion> {
    let shown = || directory.display().to_string();
    let found = read::find(directory, id).map_err(|error| NoQuestion::Unreadable(shown(), error))?;
    // Opening and final record carry the same question.
    let record = found.last().ok_or_else(|| NoQuestion::NotFound(id, shown()))?.record()?;
    let ours = record.unmapped.gaccong;
    let question = ours.question.ok_or(NoQuestion::NotAsked)?;
    if !ours.question_complete {
        return Err(NoQuestion::Incomplete);
    }
    serde_json::to_string(&question).map_err(|error| Unreadable::from(error).into())
}

impl ByHand {
    fn json(&self, inputs: &Inputs) -> Result<Value, NoQuestion> {
        let id = self.principal.as_deref().unwrap_or_default();
        let app = self.app.as_deref().unwrap_or_default();
        let kind = if id.starts_with("spiffe://") { "workload" } else { "user" };
        let known = inputs.groups.as_ref().filter(|_| self.group.is_empty()).map(|groups| groups.of(id));
        let groups = known.map_or_else(|| json!(self.group), |groups| json!(groups));
        Ok(json!({
            "principal": { "kind": kind, "id": id, "groups": groups },
            "action": self.action(app, inputs)?,
            "app": app,
            "context": self.context(app, inputs),
        }))
    }

    fn action(&self, app: &str, inputs: &Inputs) -> Result<String, NoQuestion> {
        match (&self.action, inputs.app(app)) {
            (Some(action), _) => Ok(action.clone()),
            (None, Some(app)) => Ok(action::of(app, &self.method, &self.path, false).to_string()),
            (None, None) => Err(NoQuestion::NoAction(app.to_owned())),
        }
    }

    fn context(&self, app: &str, inputs: &Inputs) -> Value {
        let now = self.now.unwrap_or_else(Timestamp::now).as_millisecond();
        let first = inputs.app(app).and_then(|app| app.hosts.first()).map(HostPattern::to_string);
        let host = self.host.clone().or(first).unwrap_or_default();
        let (method, source_ip) = (self.method.as_str(), self.source_ip);
        let certificate = |trust_domain: &String| {
            let not_after_ms = now.saturating_add(CERTIFICATE_MS);
            json!({ "trust_domain": trust_domain, "fingerprint": "", "issuer": "", "serial": "", "not_after_ms": not_after_ms })
        };
        json!({
            "device": self.device(),
            "certificate": self.trust_domain.as_ref().map(certificate),
            "session": self.session(),
            "threat": self.threat.as_ref().map(|list| json!({ "list": list })),
            "risk": self.risk,
            "break_glass": self.break_glass.as_ref().map(|grant| json!({ "grant": grant })),
            "alert_level": self.alert_level,
            "signal_lost": self.signal_lost,
            "request": {
                "host": host, "path": self.path, "method": method, "source_ip": source_ip,
                "site": self.site, "origin": self.origin,
            },
            "now_ms": now,
        })
    }

    fn device(&self) -> Option<Value> {
        let is_there = self.device.is_some() || !self.device_fact.is_empty();
        let id = self.device.as_deref().unwrap_or("unnamed");
        is_there.then(|| with_facts(json!({ "id": id }), &self.device_fact))
    }

    fn session(&self) -> Option<Value> {
        let usual = || json!({ "method": "oidc", "auth_age_s": 0 });
        (!self.session_fact.is_empty()).then(|| with_facts(usual(), &self.session_fact))
    }
}

/// Adds facts to a part of the context. Whether they exist is seen when the question is read.
fn with_facts(part: Value, facts: &[(String, String)]) -> Value {
    let mut part: Map<_, _> = part.as_object().cloned().unwrap_or_default();
    for (name, value) in facts {
        let number = || value.parse::<i64>().ok().filter(|_| NUMBERS.contains(&name.as_str())).map(Value::from);
        let typed = value.parse::<bool>().ok().map(Value::from).or_else(number);
        part.insert(name.clone(), typed.unwrap_or_else(|| Value::from(value.as_str())));
    }
    Value::Object(part)
}

fn fact(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected `name=value`, as in `disk_encrypted=false`")?;
    Ok((name.to_owned(), value.to_owned()))
}
