//! Cookies of the gateway's own: the upstream neither sees nor sets them.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use smallvec::SmallVec;

use super::names::starts_with;

/// How the names of our cookies begin, folded as [`is_ours`] folds.
const OUR_PREFIXES: [&[u8]; 3] = [b"--host-gaccong", b"--secure-gaccong", b"gaccong"];

/// Takes our cookies out of `Cookie` and leaves the others byte for byte. Several lines, as HTTP/2 may send, become one
/// (RFC 9113 §8.2.3).
pub(super) fn remove_from_request(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(COOKIE).iter();
    let Some(first) = lines.next() else { return };
    if lines.next().is_none() && !cookies(first).any(is_ours) {
        return;
    }
    let mut kept = Vec::with_capacity(first.len());
    for cookie in headers.get_all(COOKIE).iter().flat_map(cookies).filter(|cookie| !is_ours(cookie)) {
        if !kept.is_empty() {
            kept.extend_from_slice(b"; ");
        }
        kept.extend_from_slice(cookie);
    }
    headers.remove(COOKIE);
    if let Some(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(kept)).ok().filter(|value| !value.is_empty())
    {
        headers.insert(COOKIE, value);
    }
}

/// Drops each `Set-Cookie` that would set one of ours.
pub(super) fn remove_from_response(headers: &mut HeaderMap) {
    if !headers.get_all(SET_COOKIE).iter().any(|value| is_ours(value.as_bytes())) {
        return;
    }
    let lines = headers.get_all(SET_COOKIE).iter();
    let kept: SmallVec<[HeaderValue; 4]> = lines.filter(|value| !is_ours(value.as_bytes())).cloned().collect();
    headers.remove(SET_COOKIE);
    for value in kept {
        headers.append(SET_COOKIE, value);
    }
}

/// The cookies of one line, without the white space around them.
fn cookies(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|cookie| !cookie.is_empty())
}

/// Whether `name=value` is a cookie of ours, as lax parsers would read its name: percent-decoded, any case, `_` and `.`
/// as `-`, and without the `=` with which browsers send a cookie that has no name.
fn is_ours(cookie: &[u8]) -> bool {
    let start = cookie.iter().position(|byte| *byte != b'=' && !byte.is_ascii_whitespace()).unwrap_or_default();
    let name = cookie.get(start..).unwrap_or_default().split(|byte| *byte == b'=').next().unwrap_or_default();
    OUR_PREFIXES.iter().any(|prefix| starts_with(percent_encoding::percent_decode(name).map(fold), prefix))
}

fn fold(byte: u8) -> u8 {
    match byte {
        b'_' | b'.' => b'-',
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, line.parse().unwrap());
        }
        remove_from_request(&mut headers);
        assert!(headers.get_all(COOKIE).iter().count() <= 1);
        headers.get(COOKIE).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn ours_go_and_others_stay() {
        for (lines, expected) in [
            (&["a=b; c=\"d e\" ;x"][..], Some("a=b; c=\"d e\" ;x")),
            (&["__Host-gaccong=s; a=b"], Some("a=b")),
            (&["a=b;__Host-gaccong-session=s;c=d=e"], Some("a=b; c=d=e")),
            (&["__Secure-Gaccong=s;  gaccong_theme=x"], None),
            (&["__host-GACCONG=s; a=b"], Some("a=b")),
            (&["%5F%5fHost-gaccong=s; a=b"], Some("a=b")),
            (&["=__Host-gaccong=s; a=b"], Some("a=b")),
            (&["gaccong.x=s; gaccong=y; xgaccong=z"], Some("xgaccong=z")),
            (&["a=b", "__Host-gaccong=s", "c=d"], Some("a=b; c=d")),
            (&["a=__Host-gaccong"], Some("a=__Host-gaccong")),
            (&["; ;"], Some("; ;")),
            (&[], None),
        ] {
            assert_eq!(request(lines).as_deref(), expected, "{lines:?}");
        }
    }

    #[test]
    fn an_upstream_cannot_set_ours() {
        let mut headers = HeaderMap::new();
        for line in ["a=b; Secure", "__Host-gaccong=evil; Secure; Path=/", " =__HOST-Gaccong=evil", "c=d"] {
            headers.append(SET_COOKIE, line.parse().unwrap());
        }
        remove_from_response(&mut headers);
        let left: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
        assert_eq!(left, ["a=b; Secure", "c=d"]);
    }
}
