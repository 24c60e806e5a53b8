//! Commands that ask a running gateway: a client of its control API, with a certificate.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{EXIT_FAILED, EXIT_NO, EXIT_USAGE, Format, fail};
use crate::config::KeyRef;
use crate::config::source::{read_bounded, words};
use crate::outgoing::{Bounds, Client, OutgoingError, Response, Url};
use crate::text::printable;

/// How much one answer may be and take.
const BOUNDS: Bounds = Bounds { max_bytes: 256 << 20, timeout: Duration::from_secs(120) };

/// No honest profile is larger.
const MAX_PROFILE_BYTES: u64 = 64 << 10;

/// How much of a text is shown.
const MAX_SHOWN_BYTES: usize = 256;

/// What cannot stand in one segment of a path, nor in a value of a query (RFC 3986 §3.3 and §3.4).
const RESERVED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'/')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Where the control API is, and who asks.
#[derive(Debug, Clone, Args)]
pub struct RemoteArgs {
    /// A file of TOML with the keys `control`, `cert`, `key` and `ca`. What is given otherwise comes before it.
    #[arg(long, value_name = "FILE", env = "GACCONG_PROFILE")]
    pub profile: Option<PathBuf>,
    /// The control API, such as `https://control.example.org:8444`.
    #[arg(long, value_name = "URL", env = "GACCONG_CONTROL")]
    pub control: Option<String>,
    /// The certificate that is shown to it: a chain in PEM, leaf first.
    #[arg(long, value_name = "FILE", env = "GACCONG_CERT")]
    pub cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", env = "GACCONG_KEY")]
    pub key: Option<PathBuf>,
    /// The CA of the gateway's own certificate, in PEM.
    #[arg(long, value_name = "FILE", env = "GACCONG_CA")]
    pub ca: Option<PathBuf>,
}

/// A gateway's control API.
#[derive(Debug)]
pub struct Remote {
    client: Client,
    /// Without a `/` at its end.
    base: String,
}

/// Why a call has no result.
#[derive(Debug)]
pub enum RemoteError {
    /// The command line does not say whom to ask, or as whom.
    Usage(String),
    /// There is no answer.
    Unreachable(String),
    /// The answer is no.
    Refused(Box<Problem>),
}

/// What the gateway says when the answer is no (RFC 9457).
#[derive(Debug, Default, Deserialize)]
pub struct Problem {
    /// The status.
    #[serde(default)]
    pub status: u16,
    /// The code of the reason, as docs/REASONS.md explains it.
    pub reason: Option<String>,
    /// What is wrong.
    #[serde(default)]
    pub detail: String,
    /// How to mend it.
    pub advice: Option<String>,
    /// The id of the call, for `gaccong why`.
    #[serde(skip)]
    pub request_id: Option<String>,
    /// When to ask again.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

/// `--profile`
#[derive(Debug, Default, Deserialize)]
struct Profile {
    control: Option<String>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
}

impl Remote {
    /// A client. Nothing is sent yet.
    ///
    /// # Errors
    /// Something is not given, or a file cannot be used.
    pub fn new(args: &RemoteArgs) -> Result<Self, RemoteError> {
        let profile = args.profile.as_deref().map(Profile::read).transpose()?.unwrap_or_default();
        let missing = |name: &str| {
            let variable = name.to_uppercase();
            RemoteError::Usage(format!("`--{name}` is missing (or `GACCONG_{variable}`, or `{name}` in a `--profile`)"))
        };
        let file = |name, given: &Option<PathBuf>, profile: Option<PathBuf>| {
            given.clone().or(profile).ok_or_else(|| missing(name))
        };
        let base = args.control.clone().or(profile.control).ok_or_else(|| missing("control"))?;
        let base = base.trim_end_matches('/').to_owned();
        let url: Url = base.parse().map_err(|error| RemoteError::Usage(format!("`{base}` is no address: {error}")))?;
        if !url.is_https() {
            return Err(RemoteError::Usage(format!("`{base}` is not `https://`: a certificate could not be shown")));
        }
        let cert = file("cert", &args.cert, profile.cert)?;
        let key = KeyRef::File(file("key", &args.key, profile.key)?);
        let ca = file("ca", &args.ca, profile.ca)?;
        let client = Client::with_certificate(&[ca], &cert, &key);
        let client = client.map_err(|diagnostic| RemoteError::Unreachable(diagnostic.to_string()))?;
        Ok(Self { client, base })
    }

    /// Makes a call of the control API and reads its result; `()` where it has none.
    ///
    /// # Errors
    /// There is no answer, or it is no.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, RemoteError> {
        let unreachable = |error: &dyn fmt::Display| RemoteError::Unreachable(format!("{}: {error}", self.base));
        let url: Url = format!("{}{path}", self.base).parse().map_err(|error| unreachable(&error))?;
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        headers.insert(ACCEPT, json.clone());
        let body = match body {
            None => Bytes::new(),
            Some(body) => {
                headers.insert(CONTENT_TYPE, json);
                body.to_string().into()
            }
        };
        let answer = self.client.send(method, &url, headers, body, BOUNDS).await;
        result(answer.map_err(|error: OutgoingError| unreachable(&error))?).map_err(|error| match error {
            RemoteError::Unreachable(words) => unreachable(&words),
            other => other,
        })
    }
}

fn result<T: DeserializeOwned>(answer: Response) -> Result<T, RemoteError> {
    if answer.status.is_success() {
        let body: &[u8] = if answer.body.is_empty() { b"null" } else { &answer.body };
        return serde_json::from_slice(body)
            .map_err(|error| RemoteError::Unreachable(format!("its answer is none of this call's: {error}")));
    }
    let field = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let said: Problem = serde_json::from_slice(&answer.body).unwrap_or_default();
    Err(RemoteError::Refused(Box::new(Problem {
        status: answer.status.as_u16(),
        reason: said.reason.or_else(|| field("gaccong-reason")),
        request_id: field("x-request-id"),
        retry_after: field(RETRY_AFTER.as_str()).and_then(|text| text.parse().ok()).map(Duration::from_secs),
        ..said
    })))
}

/// Whom or what a call is about.
#[derive(Debug)]
pub struct About<'a> {
    /// `revocations`, `lockdowns` …
    pub what: &'static str,
    /// `user`, `app` …
    pub kind: &'static str,
    /// Its name.
    pub id: &'a str,
}

/// Makes a call that changes something and has nothing to show; the exit code of the command.
pub fn change(args: &RemoteArgs, method: Method, about: &About<'_>, body: Option<&Value>) -> ExitCode {
    let path = format!("/v1/{}?kind={}&id={}", about.what, about.kind, segment(about.id));
    finish(args, async |remote| remote.call::<Value>(method, &path, body).await.map(drop))
}

/// Puts a value; the exit code of the command.
pub fn put(args: &RemoteArgs, path: &str, body: &Value) -> ExitCode {
    finish(args, async |remote| remote.call::<Value>(Method::PUT, path, Some(body)).await.map(drop))
}

/// Prints one object; the exit code of the command.
pub fn show(args: &RemoteArgs, path: &str, format: Format) -> ExitCode {
    finish(args, async |remote| {
        let object: Map<String, Value> = remote.call(Method::GET, path, None).await?;
        let mut out = io::stdout().lock();
        match format {
            Format::Json => writeln!(out, "{:#}", Value::Object(object)),
            Format::Text => writeln!(out, "{}", fields(&object, "\n")),
        }
        .map_err(|error| RemoteError::Unreachable(format!("cannot print: {error}")))
    })
}

/// Prints what stands under `key`, a line each; the exit code of the command.
pub fn list(args: &RemoteArgs, path: &str, key: &str, format: Format) -> ExitCode {
    finish(args, async |remote| {
        let all: Map<String, Value> = remote.call(Method::GET, path, None).await?;
        let mut out = io::stdout().lock();
        let printed = match format {
            Format::Json => writeln!(out, "{:#}", Value::Object(all)),
            Format::Text => {
                let lines = all.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
                lines.map(|line| fields(line, "\t")).try_for_each(|line| writeln!(out, "{line}"))
            }
        };
        printed.map_err(|error| RemoteError::Unreachable(format!("cannot print: {error}")))
    })
}

fn fields(object: &Map<String, Value>, between: &str) -> String {
    let fields: Vec<_> = object.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
    fields.join(between)
}

/// A value without quotes, a text as [`safe`] shows it.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), safe)
}

/// A text of others that cannot move the terminal's cursor.
pub fn safe(text: &str) -> String {
    printable(text, MAX_SHOWN_BYTES)
}

fn finish(args: &RemoteArgs, run: impl AsyncFnOnce(&Remote) -> Result<(), RemoteError>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(EXIT_FAILED, error),
    };
    match runtime.block_on(async { run(&Remote::new(args)?).await }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error.exit_code(), error),
    }
}

/// A name as one segment of a path.
pub fn segment(name: &str) -> impl fmt::Display {
    utf8_percent_encode(name, RESERVED)
}

impl Profile {
    /// Relative paths in it start from its folder.
    fn read(path: &Path) -> Result<Self, RemoteError> {
        let unreadable =
            |why: String| RemoteError::Usage(format!("cannot use the profile `{}`: {why}", path.display()));
        let text = read_bounded(path, MAX_PROFILE_BYTES).map_err(|error| unreadable(words(&error)))?;
        let mut root = toml_span::parse(&text).map_err(|error| unreadable(error.to_string()))?;
        let toml_span::value::ValueInner::Table(mut table) = root.take() else {
            return Err(unreadable("it is no table".to_owned()));
        };
        let mut take = |key: &str| table.remove(key).and_then(|value| value.as_str().map(str::to_owned));
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut profile = Self { control: take("control"), ..Self::default() };
        let mut file = |key| take(key).map(|name| folder.join(name));
        (profile.cert, profile.key, profile.ca) = (file("cert"), file("key"), file("ca"));
        match table.keys().next() {
            None => Ok(profile),
            Some(unknown) => Err(unreadable(format!("unknown key `{}`", unknown.name))),
        }
    }
}

impl RemoteError {
    /// The exit code of a command that ends with it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => EXIT_USAGE,
            Self::Unreachable(_) => EXIT_FAILED,
            Self::Refused(problem) => match StatusCode::from_u16(problem.status) {
                // It could not answer.
                Ok(status) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => EXIT_FAILED,
                _ => EXIT_NO,
            },
        }
    }

    /// Whether the same call may succeed a little later.
    pub fn may_pass(&self) -> bool {
        self.exit_code() == EXIT_FAILED
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(words) | Self::Unreachable(words) => f.write_str(words),
            Self::Refused(problem) => problem.fmt(f),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the gateway answers {}", self.status)?;
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        let words = [Some(&self.detail), self.advice.as_ref()].into_iter().flatten().filter(|words| !words.is_empty());
        for (index, words) in words.enumerate() {
            write!(f, "{}{words}", if index == 0 { ": " } else { " " })?;
        }
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
