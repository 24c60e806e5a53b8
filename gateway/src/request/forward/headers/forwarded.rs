//! The fields that tell an upstream for whom we ask: `Forwarded` (RFC 7239) and its older kin.

use std::fmt::Write;
use std::net::IpAddr;

use bytes::BytesMut;
use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Sets the forwarding fields anew. What the client sent under these names has been removed before.
pub(super) fn insert(headers: &mut HeaderMap, client_ip: IpAddr, authority: &HeaderValue) {
    let client_ip = client_ip.to_canonical();
    if let Some(value) = value_of(format_args!("{client_ip}")) {
        headers.insert(X_FORWARDED_FOR, value);
    }
    headers.insert(X_FORWARDED_HOST, authority.clone());
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("https"));
    if let Some(value) = forwarded(client_ip, authority) {
        headers.insert(FORWARDED, value);
    }
}

/// An IPv6 address and a host with a port are no tokens and must be quoted. A normal host needs no escapes.
fn forwarded(client_ip: IpAddr, authority: &HeaderValue) -> Option<HeaderValue> {
    let host = authority.to_str().ok()?;
    let quote = if host.contains([':', '[']) { "\"" } else { "" };
    match client_ip {
        IpAddr::V4(ip) => value_of(format_args!("for={ip};host={quote}{host}{quote};proto=https")),
        IpAddr::V6(ip) => value_of(format_args!("for=\"[{ip}]\";host={quote}{host}{quote};proto=https")),
    }
}

fn value_of(text: std::fmt::Arguments<'_>) -> Option<HeaderValue> {
    let mut buffer = BytesMut::with_capacity(128);
    buffer.write_fmt(text).ok()?;
    HeaderValue::from_maybe_shared(buffer.freeze()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_hosts_are_quoted_where_they_must_be() {
        for (ip, host, plain, full) in [
            ("192.0.2.1", "app.test", "192.0.2.1", "for=192.0.2.1;host=app.test;proto=https"),
            ("::ffff:192.0.2.1", "app.test", "192.0.2.1", "for=192.0.2.1;host=app.test;proto=https"),
            ("2001:db8::1", "app.test:8443", "2001:db8::1", "for=\"[2001:db8::1]\";host=\"app.test:8443\";proto=https"),
            ("::1", "[::1]", "::1", "for=\"[::1]\";host=\"[::1]\";proto=https"),
        ] {
            let mut headers = HeaderMap::new();
            insert(&mut headers, ip.parse().unwrap(), &host.parse().unwrap());
            assert_eq!(headers["x-forwarded-for"], plain);
            assert_eq!(headers["x-forwarded-host"], host);
            assert_eq!(headers["x-forwarded-proto"], "https");
            assert_eq!(headers["forwarded"], full);
        }
    }
}
