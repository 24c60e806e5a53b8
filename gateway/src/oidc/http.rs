//! The crate `openidconnect` speaks through our own client: bounded, without redirects, over https only.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use tokio::sync::Semaphore;

use crate::outgoing::{Bounds, Client, NotUrl, OutgoingError, Url};

/// How much an answer of the provider may be and take.
const BOUNDS: Bounds = Bounds { max_bytes: 256 * 1024, timeout: Duration::from_secs(5) };
/// Questions to the provider at once, and how long a further one waits.
const MAX_QUESTIONS: usize = 32;
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Why the provider gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("`{0}` cannot be called: {1}")]
    Url(String, NotUrl),
    #[error("`{0}` is not https")]
    NotHttps(Url),
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("too many questions to it wait for their answers")]
    Busy,
}

/// Questions to one provider.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    bounds: Bounds,
    places: Semaphore,
}

impl Http {
    pub(super) fn new(client: Client) -> Self {
        Self { client, bounds: BOUNDS, places: Semaphore::new(MAX_QUESTIONS) }
    }

    #[cfg(test)]
    pub(super) fn patient_for(client: Client, timeout: Duration) -> Self {
        Self { bounds: Bounds { timeout, ..BOUNDS }, ..Self::new(client) }
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let url = https(request.uri())?;
        let place = tokio::time::timeout(MAX_WAIT, self.places.acquire()).await;
        let _place = place.ok().and_then(Result::ok).ok_or(HttpError::Busy)?;
        let (head, body) = request.into_parts();
        let answer = self.client.send(head.method, &url, head.headers, Bytes::from(body), self.bounds).await?;
        // What a server says while it fails is not its answer.
        if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS {
            return Err(HttpError::Status(answer.status));
        }
        let mut response = Response::new(answer.body.to_vec());
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

/// The address, if it proves who answers there.
pub(super) fn https(uri: &Uri) -> Result<Url, HttpError> {
    let text = uri.to_string();
    let url: Url = text.parse().map_err(|error| HttpError::Url(text, error))?;
    if url.is_https() { Ok(url) } else { Err(HttpError::NotHttps(url)) }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
