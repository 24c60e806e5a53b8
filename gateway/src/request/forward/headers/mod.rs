//! The fields of a message as they cross the gateway: what ends here, what we set, what passes untouched.
//!
//! No field that a client sends can set what an upstream takes for identity, in any spelling; forwarding fields are
//! rebuilt; nothing of the gateway's own leaks through in either direction.

mod cookies;
mod forwarded;
pub(crate) mod identity;
mod names;
mod trace_context;

use std::net::IpAddr;

use http::header::{CONNECTION, HOST, HeaderName, TE, UPGRADE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use smallvec::SmallVec;
use uuid::Uuid;

use crate::request::list;
pub(crate) use names::{is_irregular, is_settable};

/// `X-Request-Id`, always ours on both sides.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the upstream is told of a request, beside the request itself.
#[derive(Debug, Clone, Copy)]
pub struct Forwarding<'a> {
    /// The client's address.
    pub client_ip: IpAddr,
    /// The normal host and port.
    pub authority: &'a HeaderValue,
    /// The request's id.
    pub request_id: &'a HeaderValue,
    /// Whether the request opens a WebSocket.
    pub websocket: bool,
    /// Fields that the operator wants removed beside those we know.
    pub also_removed: &'a [HeaderName],
}

/// A request's id as a field bears it.
pub fn request_id_value(id: Uuid) -> HeaderValue {
    let mut buffer = Uuid::encode_buffer();
    // Hexadecimal digits and hyphens are always a value.
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut buffer)).unwrap_or(HeaderValue::from_static("-"))
}

/// Makes a client's request fields into those that the upstream gets.
pub fn to_upstream(headers: &mut HeaderMap, forwarding: &Forwarding<'_>) {
    // Without it some upstreams send no trailers, and gRPC lives by them.
    let trailers = list::contains(headers, TE, "trailers");
    remove(headers, |name| {
        names::ends_at_us(name.as_str())
            || names::is_irregular(name.as_str())
            || names::is_identity(name.as_str())
            || forwarding.also_removed.contains(name)
    });
    cookies::remove_from_request(headers);
    trace_context::remove_malformed(headers);

    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if forwarding.websocket {
        insert_websocket(headers);
    }
    headers.insert(HOST, forwarding.authority.clone());
    headers.insert(X_REQUEST_ID, forwarding.request_id.clone());
    forwarded::insert(headers, forwarding.client_ip, forwarding.authority);
}

/// Makes an upstream's response fields into those that the client gets. `switched` says that the upstream has accepted
/// a WebSocket.
pub fn to_client(headers: &mut HeaderMap, request_id: &HeaderValue, switched: bool) {
    remove(headers, |name| names::ends_at_us(name.as_str()) || names::is_reserved_for_us(name.as_str()));
    cookies::remove_from_response(headers);
    if switched {
        insert_websocket(headers);
    }
    headers.insert(X_REQUEST_ID, request_id.clone());
}

/// Strips the trailers of a request. `also_removed` is as in [`Forwarding`].
pub fn trailers_to_upstream(trailers: &mut HeaderMap, also_removed: &[HeaderName]) {
    remove(trailers, |name| {
        names::ends_at_us(name.as_str())
            || names::is_irregular(name.as_str())
            || names::is_identity(name.as_str())
            || names::steers(name.as_str())
            || also_removed.contains(name)
    });
}

/// Strips the trailers of a response.
pub fn trailers_to_client(trailers: &mut HeaderMap) {
    remove(trailers, |name| {
        names::ends_at_us(name.as_str()) || names::is_reserved_for_us(name.as_str()) || names::steers(name.as_str())
    });
}

/// Whether a response asks to authenticate the connection. Over a pooled connection the next person's requests would
/// run under the name of the first.
pub fn asks_connection_auth(headers: &HeaderMap) -> bool {
    headers.get_all(WWW_AUTHENTICATE).iter().any(names_connection_auth)
}

/// Whether credentials or challenges are of a scheme that authenticates a connection instead of a request. A comma in
/// a quoted realm may make this true where it is not: then a request is refused that could have passed.
pub(crate) fn names_connection_auth(value: &HeaderValue) -> bool {
    list::split(value.as_bytes()).any(|challenge| {
        let scheme = challenge.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"ntlm") || scheme.eq_ignore_ascii_case(b"negotiate")
    })
}

/// Removes the fields that `is_removed` names and those that `Connection` names.
fn remove(headers: &mut HeaderMap, is_removed: impl Fn(&HeaderName) -> bool) {
    let mut doomed: SmallVec<[HeaderName; 8]> = headers.keys().filter(|name| is_removed(name)).cloned().collect();
    doomed.extend(named_by_connection(headers));
    for name in doomed {
        headers.remove(name);
    }
}

/// The fields that a sender declares hop-by-hop (RFC 9110 §7.6.1). Naming a field on which the other side relies does
/// not remove it: that would let a client take away what a proxy before us has set, or make a request mean another.
fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    list::items(headers, CONNECTION)
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| headers.contains_key(name) && !names::is_end_to_end(name.as_str()))
}

fn insert_websocket(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

#[cfg(test)]
mod tests;
