//! What endpoints answer with: redirects that lead nowhere else, and cookies.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};

use super::Answer;
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::request::identify::credential::Shown;

/// Sends the browser elsewhere with a GET (RFC 9110 §15.4.4).
pub fn see_other(url: &str) -> Answer {
    let location = HeaderValue::try_from(url).map_err(|_| Refused::because(Reason::GatewayInternal, "unusable URL"))?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let fields = response.headers_mut();
    fields.insert(LOCATION, location);
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    Ok(response)
}

/// The longest path that a browser is sent back to.
const LOCAL_MAX_BYTES: usize = 1024;

/// Whether a browser would read it as a path of this host, and a query: neither `//host` nor `/\host`.
pub fn is_local(path: &str) -> bool {
    let mut bytes = path.bytes();
    path.len() <= LOCAL_MAX_BYTES
        && bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Adds the session's cookie anew, where it is time to.
pub(super) fn with_renewed(response: Response<Bytes>, shown: Option<Shown>) -> Response<Bytes> {
    match shown.and_then(|shown| shown.renewed) {
        Some(cookie) => with_cookie(response, cookie),
        None => response,
    }
}

/// Adds a cookie to a response.
pub fn with_cookie(mut response: Response<Bytes>, cookie: HeaderValue) -> Response<Bytes> {
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}
