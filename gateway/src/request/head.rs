//! The head of a request: what its record says of the request itself.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use http::request::Parts;
use http::{Method, Version};
use uuid::Uuid;

use crate::clock;

/// What is known of a request before it is decided on.
#[derive(Debug)]
pub struct Head {
    /// Our own id: what `X-Request-Id` says.
    pub id: Uuid,
    /// When the head was complete, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The same on the monotonic clock.
    pub started: Instant,
    /// The method as sent.
    pub method: Method,
    /// HTTP version on the client's side.
    pub version: Version,
    /// The normal host; what was sent, bounded, until it is normal.
    pub host: Option<Arc<str>>,
    /// The normal path; what was sent, bounded, until it is normal.
    pub path: Arc<str>,
    /// The query string, where it is recorded.
    pub query: Option<Arc<str>>,
    /// The app, once it is known.
    pub app: Option<Arc<str>>,
    /// `User-Agent`, bounded.
    pub user_agent: Option<Arc<str>>,
    /// The client's own `X-Request-Id`, bounded.
    pub correlation: Option<Arc<str>>,
}

/// The longest piece of a request that is kept for its record, in bytes.
const KEPT_BYTES: usize = 512;

impl Head {
    /// Takes from the head what the record needs.
    pub fn of(parts: &Parts, record_query: bool) -> Self {
        let header =
            |name: &str| parts.headers.get(name).map(|value| bounded(&String::from_utf8_lossy(value.as_bytes())));
        Self {
            id: Uuid::now_v7(),
            time_ms: clock::now_ms(),
            started: Instant::now(),
            method: parts.method.clone(),
            version: parts.version,
            host: None,
            path: bounded(parts.uri.path()),
            query: parts.uri.query().filter(|_| record_query).map(bounded),
            app: None,
            user_agent: header("user-agent"),
            correlation: header("x-request-id"),
        }
    }
}

/// What stands for the method of a request that could not be parsed.
static UNPARSED: LazyLock<Method> = LazyLock::new(|| Method::from_bytes(b"UNPARSED").unwrap_or_default());

impl Head {
    /// A request that could not be parsed: nothing of it is known.
    pub fn unparsed(version: Version) -> Self {
        Self {
            id: Uuid::now_v7(),
            time_ms: clock::now_ms(),
            started: Instant::now(),
            method: UNPARSED.clone(),
            version,
            host: None,
            path: Arc::from(""),
            query: None,
            app: None,
            user_agent: None,
            correlation: None,
        }
    }
}

fn bounded(text: &str) -> Arc<str> {
    let end = text.floor_char_boundary(KEPT_BYTES);
    Arc::from(text.get(..end).unwrap_or_default())
}
