//! One list, from its address to a file that nobody reads yet.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{Method, StatusCode};
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;

use super::{FetchError, Source};
use crate::outgoing::Bounds;

/// By what the server knows which edition we have (RFC 9110 §8.8).
#[derive(Debug, Default)]
pub(super) struct Validators {
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

/// A list that was fetched and not judged.
pub(super) struct Download {
    pub(super) unfinished: Unfinished,
    pub(super) validators: Validators,
}

/// A file that is removed unless it becomes another.
pub(super) struct Unfinished(PathBuf);

impl Unfinished {
    /// Beside `file`, of this process.
    fn beside(file: &Path) -> Self {
        Self(file.with_extension(format!("{}.unfinished", std::process::id())))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It is gone where it has become another.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Fetches a list; `None` where the server says that it has not changed.
pub(super) async fn download(source: &Source, known: &Validators) -> Result<Option<Download>, FetchError> {
    let settings = &source.settings;
    let bounds = Bounds { max_bytes: settings.max_bytes, timeout: settings.timeout };
    // A list that somebody has removed must be fetched whole.
    let asked = if settings.file.exists() { known.conditions() } else { HeaderMap::new() };
    let mut answer = source.client.stream(Method::GET, &settings.url, asked, Bytes::new(), bounds).await?;
    match answer.status {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED => return Ok(None),
        status => return Err(FetchError::Status(status)),
    }
    let unfinished = Unfinished::beside(&settings.file);
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(unfinished.path()).await?;
    while let Some(bytes) = answer.chunk().await? {
        file.write_all(&bytes).await?;
    }
    file.sync_all().await?;
    let field = |name: HeaderName| answer.headers.get(name).cloned();
    let validators = Validators { etag: field(ETAG), last_modified: field(LAST_MODIFIED) };
    Ok(Some(Download { unfinished, validators }))
}

impl Validators {
    fn conditions(&self) -> HeaderMap {
        let conditions = [(IF_NONE_MATCH, &self.etag), (IF_MODIFIED_SINCE, &self.last_modified)];
        conditions.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }
}
