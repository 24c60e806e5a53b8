//! The bodies of forms that are sent to the gateway itself.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use crate::reason::Reason;
use crate::request::decide::Refused;

/// The largest form.
const MAX_BYTES: usize = 16 * 1024;

/// How long a form may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The whole of a small form.
pub(super) async fn form(body: &mut Incoming) -> Result<Bytes, Box<Refused>> {
    match tokio::time::timeout(TIMEOUT, Limited::new(body, MAX_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(Reason::RequestBodyTooLarge.into()),
        Err(_) => Err(Reason::RequestBodyTooSlow.into()),
    }
}
