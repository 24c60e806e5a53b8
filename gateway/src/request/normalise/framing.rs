//! Framing: the fields that say where a request's body ends must say it once. hyper has resolved or refused most
//! contradictions before; this holds whatever it lets through.

use http::header::{CONTENT_LENGTH, TE, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, Version};

use super::Rejected;
use crate::reason::Reason;
use crate::request::list;

/// Refuses a head whose body two servers could cut at different places.
pub(super) fn check(head: &Parts) -> Result<(), Rejected> {
    let chunked = has_transfer_encoding(head)?;
    let length = has_length(&head.headers)?;
    if chunked && length {
        return Err(framing("both `Content-Length` and `Transfer-Encoding`"));
    }
    if head.version == Version::HTTP_2 && list::items(&head.headers, TE).any(|item| item != b"trailers") {
        return Err(framing("a `TE` other than `trailers` in HTTP/2"));
    }
    Ok(())
}

fn has_transfer_encoding(head: &Parts) -> Result<bool, Rejected> {
    let mut lines = head.headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = lines.next() else { return Ok(false) };
    if head.version != Version::HTTP_11 {
        return Err(framing("a `Transfer-Encoding` outside HTTP/1.1"));
    }
    if lines.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err(framing("a `Transfer-Encoding` other than `chunked`"));
    }
    Ok(true)
}

fn has_length(headers: &HeaderMap) -> Result<bool, Rejected> {
    let mut lines = headers.get_all(CONTENT_LENGTH).iter();
    let Some(length) = lines.next() else { return Ok(false) };
    if lines.next().is_some() {
        return Err(framing("two `Content-Length` fields"));
    }
    // `parse` also takes `+5`.
    let digits = length.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|text| text.parse::<u64>().ok()) {
        Some(_) => Ok(true),
        None => Err(framing("an invalid `Content-Length`")),
    }
}

fn framing(detail: &'static str) -> Rejected {
    Rejected::new(Reason::RequestFraming, detail)
}
