//! The target of a request: a path in normal form, and a query that passes untouched.

use std::borrow::Cow;
use std::sync::Arc;

use http::Uri;
use http::Version;
use http::request::Parts;
use http::uri::PathAndQuery;

use super::Rejected;
use crate::reason::Reason;

const PATH_BYTES_MAX: usize = 8 * 1024;
const QUERY_BYTES_MAX: usize = 16 * 1024;

/// Where a request goes, below its host.
pub(super) struct Target {
    /// The normal path.
    pub(super) path: Arc<str>,
    /// The normal path and the query as it came.
    pub(super) path_and_query: PathAndQuery,
}

/// A target is a path, alone or after `https://host`; not `*`, and not a host alone.
pub(super) fn check_form(head: &Parts) -> Result<(), Rejected> {
    let authority_form = head.uri.authority().is_some() && head.uri.scheme().is_none();
    if authority_form && head.version != Version::HTTP_2 || !head.uri.path().starts_with('/') {
        return Err(Rejected::new(Reason::RequestTarget, "the target is not a path"));
    }
    Ok(())
}

/// The normal form of a target.
pub(super) fn target(uri: &Uri) -> Result<Target, Rejected> {
    let path = normal(uri.path())?;
    let query = uri.query();
    query.map_or(Ok(()), check_query)?;
    let unchanged = matches!(path, Cow::Borrowed(_));
    let path_and_query = match uri.path_and_query() {
        // An absent path reads as `/`, but is not equal to it.
        _ if &*path == "/" && query.is_none() => PathAndQuery::from_static("/"),
        Some(original) if unchanged && original.as_str().starts_with('/') => original.clone(),
        _ => join(&path, query)?,
    };
    Ok(Target { path: path.into(), path_and_query })
}

fn join(path: &str, query: Option<&str>) -> Result<PathAndQuery, Rejected> {
    let text = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    PathAndQuery::try_from(text).map_err(|_| Rejected::new(Reason::RequestMalformed, "an invalid target"))
}

fn check_query(query: &str) -> Result<(), Rejected> {
    if query.len() > QUERY_BYTES_MAX {
        return Err(Rejected::new(Reason::RequestHeadTooLarge, "a query that is too long"));
    }
    if query.bytes().any(|byte| byte.is_ascii_control() || byte == b' ' || byte == b'#') {
        return Err(Rejected::new(Reason::RequestMalformed, "a raw control character, space or `#` in the query"));
    }
    Ok(())
}

/// The normal form of a path (RFC 3986 §6.2.2): escapes of unreserved characters decoded, characters that have no place
/// in a path escaped, hexadecimal digits in upper case. Borrowed where the path is already normal.
pub(crate) fn normal(raw: &str) -> Result<Cow<'_, str>, Rejected> {
    check_length(raw)?;
    if raw.bytes().all(|byte| byte == b'/' || is_path_character(byte)) {
        check_segments(raw.as_bytes())?;
        return Ok(Cow::Borrowed(raw));
    }
    let mut normal = String::with_capacity(raw.len());
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((octet, after)) = next_octet(rest)? {
        check_octet(octet)?;
        decoded.push(octet.byte);
        octet.write(&mut normal);
        rest = after;
    }
    check_decoded(&decoded)?;
    check_segments(&decoded)?;
    check_length(&normal)?;
    Ok(if normal == raw { Cow::Borrowed(raw) } else { Cow::Owned(normal) })
}

fn check_length(path: &str) -> Result<(), Rejected> {
    if path.len() > PATH_BYTES_MAX {
        return Err(Rejected::new(Reason::RequestHeadTooLarge, "a path that is too long"));
    }
    Ok(())
}

/// One byte of a path as the upstream will see it.
#[derive(Clone, Copy)]
struct Octet {
    byte: u8,
    escaped: bool,
}

impl Octet {
    /// Appends the octet in its normal spelling.
    fn write(self, normal: &mut String) {
        let plain =
            if self.escaped { is_unreserved(self.byte) } else { self.byte == b'/' || is_path_character(self.byte) };
        if plain {
            normal.push(char::from(self.byte));
        } else {
            normal.push_str(percent_encoding::percent_encode_byte(self.byte));
        }
    }
}

fn next_octet(rest: &[u8]) -> Result<Option<(Octet, &[u8])>, Rejected> {
    match rest {
        [] => Ok(None),
        [b'%', high, low, after @ ..] => match (hex_value(*high), hex_value(*low)) {
            (Some(high), Some(low)) => Ok(Some((Octet { byte: high << 4 | low, escaped: true }, after))),
            _ => Err(ambiguous("a malformed percent-escape")),
        },
        [b'%', ..] => Err(ambiguous("a malformed percent-escape")),
        [byte, after @ ..] => Ok(Some((Octet { byte: *byte, escaped: false }, after))),
    }
}

/// Refuses what some servers take for a separator.
fn check_octet(octet: Octet) -> Result<(), Rejected> {
    match octet.byte {
        b'/' if octet.escaped => Err(ambiguous("an escaped slash")),
        b'\\' => Err(ambiguous("a backslash")),
        b';' => Err(ambiguous("a path parameter")),
        byte if byte.is_ascii_control() => Err(ambiguous("a control character")),
        byte if !byte.is_ascii() && !octet.escaped => Err(ambiguous("a raw byte beyond ASCII")),
        _ => Ok(()),
    }
}

/// Refuses what a second decoding would change, and what is not text.
fn check_decoded(decoded: &[u8]) -> Result<(), Rejected> {
    let is_escape = |three: &[u8]| matches!(three, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    if decoded.windows(3).any(is_escape) {
        return Err(ambiguous("a percent-escape that is itself escaped"));
    }
    match std::str::from_utf8(decoded) {
        Ok(text) if text.chars().any(char::is_control) => Err(ambiguous("a control character")),
        Ok(_) => Ok(()),
        Err(_) => Err(ambiguous("escapes that are not UTF-8")),
    }
}

/// Refuses `//` and dot segments. Only the last segment may be empty.
fn check_segments(path: &[u8]) -> Result<(), Rejected> {
    let inner = path.strip_prefix(b"/").ok_or(Rejected::new(Reason::RequestTarget, "the target is not a path"))?;
    let inner = inner.strip_suffix(b"/").unwrap_or(inner);
    if path == b"/" {
        return Ok(());
    }
    for segment in inner.split(|byte| *byte == b'/') {
        match segment {
            b"" => return Err(ambiguous("an empty segment")),
            b"." | b".." => return Err(ambiguous("a dot segment")),
            _ => {}
        }
    }
    Ok(())
}

/// `pchar` of RFC 3986 §3.3 without escapes and without `;`, which is refused.
fn is_path_character(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@')
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn ambiguous(detail: &'static str) -> Rejected {
    Rejected::new(Reason::RequestPathAmbiguous, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_normal_form() {
        for (raw, expected) in [
            ("/", "/"),
            ("/a/b.html", "/a/b.html"),
            ("/a/", "/a/"),
            ("/%61%2Db", "/a-b"),
            ("/%7euser", "/~user"),
            ("/a%2bb+c", "/a%2Bb+c"),
            ("/a%40b@c", "/a%40b@c"),
            ("/a%20b", "/a%20b"),
            ("/ti%e1%ba%bfng", "/ti%E1%BA%BFng"),
            ("/100%25", "/100%25"),
            ("/a|b[0]{c}", "/a%7Cb%5B0%5D%7Bc%7D"),
            ("/...", "/..."),
            ("/.well-known/x", "/.well-known/x"),
            ("/a..b", "/a..b"),
        ] {
            assert_eq!(normal(raw).as_deref(), Ok(expected), "{raw}");
        }
    }

    #[test]
    fn a_normal_path_is_not_copied() {
        for raw in ["/a/b", "/a%20b", "/ti%E1%BA%BFng"] {
            assert!(matches!(normal(raw), Ok(Cow::Borrowed(_))), "{raw}");
        }
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        for raw in [
            "/.",
            "/..",
            "/a/.",
            "/a/..",
            "/a/../b",
            "/./a",
            "/a/./",
            "/a/../",
            "/%2e",
            "/%2E%2e/a",
            "/.%2e/a",
            "/%2e./a",
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/a%2fb",
            "/a%2Fb",
            "/a\\b",
            "/a%5cb",
            "/a%5Cb",
            "/a;b",
            "/a;b=c/d",
            "/a%3bb",
            "/..;/a",
            "/a%00",
            "/a%0d%0a",
            "/a%7f",
            "/a\u{1}",
            "/a\u{7f}",
            "/a%c2%80",
            "/%",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%u0041",
            "/a%U002e",
            "/%%32e",
            "/%c0%ae%c0%ae/",
            "/%c0%af",
            "/%e0%80%af",
            "/%f0%80%80%af",
            "/%ff",
            "/%c3",
            "/%ed%a0%80",
            "/tiếng",
            "/%252e",
            "/%25%32%65",
            "/%252f",
            "/a%25%36%31",
            "/%25%41%41",
        ] {
            assert_eq!(normal(raw).map_err(|e| e.reason), Err(Reason::RequestPathAmbiguous), "{raw:?}");
        }
    }

    #[test]
    fn lengths_are_bounded() {
        let longest = format!("/{}", "a".repeat(PATH_BYTES_MAX - 1));
        assert!(normal(&longest).is_ok());
        for too_long in [format!("{longest}a"), longest.replacen("aa", "||", 1)] {
            assert_eq!(normal(&too_long).unwrap_err().reason, Reason::RequestHeadTooLarge);
        }
        assert_eq!(check_query(&"q".repeat(QUERY_BYTES_MAX + 1)).unwrap_err().reason, Reason::RequestHeadTooLarge);
    }

    fn decode(path: &str) -> Vec<u8> {
        percent_encoding::percent_decode_str(path).collect()
    }

    /// Paths out of the pieces that normalisers stumble over.
    fn tricky_path() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("/".to_owned()),
            Just(".".to_owned()),
            Just("%".to_owned()),
            prop::sample::select(vec![
                "%2e",
                "%2F",
                "%5c",
                "%25",
                "%3B",
                ";",
                "\\",
                "%c0%ae",
                "%E1%BA%BF",
                "%41",
                "2e",
                "|"
            ])
            .prop_map(str::to_owned),
            "[a-zA-Z0-9._~@:!+ -]{1,3}",
            any::<u8>().prop_map(|byte| format!("%{byte:02x}")),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
    }

    proptest! {
        #[test]
        fn normalisation_is_idempotent(raw in tricky_path()) {
            if let Ok(once) = normal(&raw) {
                let twice = normal(&once);
                prop_assert!(matches!(twice, Ok(Cow::Borrowed(_))), "{} became {:?}", once, twice);
            }
        }

        /// The normal path names what the raw path named: same segments, whatever an upstream decodes once.
        #[test]
        fn normalisation_never_widens(raw in tricky_path()) {
            if let Ok(once) = normal(&raw) {
                prop_assert_eq!(decode(&once), decode(&raw));
                prop_assert_eq!(once.matches('/').count(), raw.matches('/').count());
                let decoded = String::from_utf8(decode(&once)).unwrap();
                prop_assert!(decoded.split('/').all(|segment| segment != "." && segment != ".."));
                prop_assert_eq!(decode(&decoded), decoded.as_bytes(), "a second decoding changes nothing");
            }
        }

        #[test]
        fn two_spellings_have_one_form(text in "[a-zA-Z0-9._~-]{1,8}") {
            let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let (plain, escaped) = (format!("/{text}"), format!("/{escaped}"));
            prop_assert_eq!(normal(&plain).ok(), normal(&escaped).ok());
        }

        #[test]
        fn no_path_panics(raw in any::<String>()) {
            let _ = normal(&raw);
        }
    }
}
