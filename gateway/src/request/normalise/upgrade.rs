//! Upgrades: WebSocket over HTTP/1.1 (RFC 6455 §4.2.1) and nothing else.

use http::header::{CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Version};

use super::Rejected;
use crate::reason::Reason;
use crate::request::list;

/// Whether the request opens a WebSocket. An offer of `h2c` is one that a server may ignore, and we do; any other
/// upgrade is refused, since a tunnel of unknown content could not be cut cleanly.
pub(super) fn is_websocket(head: &Parts) -> Result<bool, Rejected> {
    let mut protocols = list::items(&head.headers, UPGRADE).filter(|item| !item.eq_ignore_ascii_case(b"h2c"));
    let Some(protocol) = protocols.next() else { return Ok(false) };
    if !protocol.eq_ignore_ascii_case(b"websocket") || protocols.next().is_some() {
        return Err(upgrade("a protocol other than WebSocket"));
    }
    if head.method != Method::GET || head.version != Version::HTTP_11 {
        return Err(upgrade("not a GET of HTTP/1.1"));
    }
    if !list::contains(&head.headers, CONNECTION, "upgrade") {
        return Err(upgrade("no `Connection: upgrade`"));
    }
    if has_body(&head.headers) {
        return Err(upgrade("a handshake with a body"));
    }
    if only(&head.headers, SEC_WEBSOCKET_VERSION) != Some(b"13") {
        return Err(upgrade("`Sec-WebSocket-Version` is not 13"));
    }
    if !only(&head.headers, SEC_WEBSOCKET_KEY).is_some_and(is_key) {
        return Err(upgrade("no valid `Sec-WebSocket-Key`"));
    }
    Ok(true)
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}

/// The value of a field that stands exactly once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&[u8]> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    lines.next().is_none().then(|| first.as_bytes())
}

/// Sixteen bytes in base64: the 22nd digit holds two bits and four zeros.
fn is_key(key: &[u8]) -> bool {
    let Some((last, digits)) = key.strip_suffix(b"==").and_then(<[u8]>::split_last) else { return false };
    digits.len() == 21
        && digits.iter().all(|digit| digit.is_ascii_alphanumeric() || matches!(digit, b'+' | b'/'))
        && matches!(last, b'A' | b'Q' | b'g' | b'w')
}

fn upgrade(detail: &'static str) -> Rejected {
    Rejected::new(Reason::RequestUpgrade, detail)
}
