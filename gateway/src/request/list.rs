//! Header fields that hold a comma-separated list (RFC 9110 §5.6.1), over one line or several.

use http::{HeaderMap, HeaderName};

/// The items of all lines of a field, trimmed, without empty ones. Commas in quoted strings split too: no field that is
/// read with this has any that matter.
pub(super) fn items(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    headers.get_all(name).into_iter().flat_map(|line| split(line.as_bytes()))
}

/// The items of one line.
pub(super) fn split(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

/// Whether a list has an item, in upper or lower case.
pub(super) fn contains(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    items(headers, name).any(|item| item.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// An item such as `text/html;q=0.8`: what stands before the parameters, and its weight in thousandths
/// (RFC 9110 §12.4.2). A weight that cannot be read is 0.
pub(super) fn weighted(item: &[u8]) -> (&[u8], u16) {
    let mut parts = item.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let value = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q=")));
    (value, weight.map_or(1000, thousandths))
}

fn thousandths(weight: &[u8]) -> u16 {
    let weight = std::str::from_utf8(weight).ok().and_then(|text| text.parse::<f32>().ok());
    weight.filter(|weight| (0.0..=1.0).contains(weight)).map_or(0, |weight| (weight * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_from_all_lines() {
        let mut headers = HeaderMap::new();
        headers.append("te", " trailers ,, gzip".parse().unwrap());
        headers.append("te", "deflate".parse().unwrap());
        let found: Vec<_> = items(&headers, http::header::TE).collect();
        assert_eq!(found, [&b"trailers"[..], b"gzip", b"deflate"]);
        assert!(contains(&headers, http::header::TE, "GZIP"));
        assert!(!contains(&headers, http::header::TE, "gz"));
    }

    #[test]
    fn weights() {
        assert_eq!(weighted(b"vi"), (&b"vi"[..], 1000));
        assert_eq!(weighted(b"en ; q=0.5"), (&b"en"[..], 500));
        assert_eq!(weighted(b"text/html;level=1;Q=0"), (&b"text/html"[..], 0));
        for broken in ["en;q=", "en;q=x", "en;q=2", "en;q=-1", "en;q=NaN"] {
            assert_eq!(weighted(broken.as_bytes()).1, 0, "{broken}");
        }
    }
}
