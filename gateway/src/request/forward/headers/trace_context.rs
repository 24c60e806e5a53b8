//! Trace context (W3C): passed on where it is well-formed, dropped where it is not.

use http::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

const TRACESTATE_BYTES_MAX: usize = 512;
const TRACESTATE_MEMBERS_MAX: usize = 32;

/// Drops a trace context that is not well-formed. Without a parent the state means nothing.
pub(super) fn remove_malformed(headers: &mut HeaderMap) {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let parent = parents.next().is_some_and(|value| is_parent(value.as_bytes())) && parents.next().is_none();
    if !parent {
        headers.remove(TRACEPARENT);
    }
    if !parent || !is_state(headers) {
        headers.remove(TRACESTATE);
    }
}

/// `version-trace-parent-flags`. Versions after 00 may say more after another hyphen; version ff is none.
fn is_parent(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b'-');
    let mut next_hex = |digits| parts.next().filter(|part| part.len() == digits && part.iter().all(is_lower_hex));
    let (Some(version), Some(trace), Some(parent), Some(_flags)) =
        (next_hex(2), next_hex(32), next_hex(16), next_hex(2))
    else {
        return false;
    };
    let ends_here = parts.next().is_none();
    version != b"ff" && !is_zero(trace) && !is_zero(parent) && (ends_here || version != b"00")
}

fn is_lower_hex(digit: &u8) -> bool {
    matches!(digit, b'0'..=b'9' | b'a'..=b'f')
}

fn is_zero(digits: &[u8]) -> bool {
    digits.iter().all(|digit| *digit == b'0')
}

fn is_state(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(TRACESTATE).iter();
    let bytes: usize = lines.map(HeaderValue::len).sum();
    let members =
        || headers.get_all(TRACESTATE).into_iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    bytes <= TRACESTATE_BYTES_MAX
        && members().count() <= TRACESTATE_MEMBERS_MAX
        && members().map(<[u8]>::trim_ascii).all(|member| member.is_empty() || is_member(member))
}

/// `key=value`, or `tenant@system=value`.
fn is_member(member: &[u8]) -> bool {
    let mut halves = member.splitn(2, |byte| *byte == b'=');
    let (Some(key), Some(value)) = (halves.next(), halves.next()) else { return false };
    let key_byte = |byte: &u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@')
    };
    !key.is_empty()
        && key.iter().all(key_byte)
        && !value.is_empty()
        && value.iter().all(|b| matches!(b, b' '..=b'<' | b'>'..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn parents() {
        assert!(is_parent(PARENT.as_bytes()));
        assert!(is_parent(PARENT.replacen("00", "01", 1).as_bytes()));
        assert!(is_parent(format!("{}-more", PARENT.replacen("00", "01", 1)).as_bytes()));
        for broken in [
            "",
            "00",
            &PARENT.to_uppercase(),
            &PARENT.replacen("00", "ff", 1),
            &format!("{PARENT}-more"),
            &format!("{PARENT}0"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        ] {
            assert!(!is_parent(broken.as_bytes()), "{broken}");
        }
    }

    #[test]
    fn a_state_needs_a_parent_and_a_form() {
        for (parents, state, left) in [
            (&[PARENT][..], "rojo=00f067, t61@congo=x y", true),
            (&[PARENT], "", true),
            (&[PARENT], "rojo", false),
            (&[PARENT], "Rojo=1", false),
            (&[PARENT], "a=b=c", false),
            (&[], "rojo=1", false),
            (&["evil"], "rojo=1", false),
            (&[PARENT, PARENT], "rojo=1", false),
        ] {
            let mut headers = HeaderMap::new();
            for parent in parents {
                headers.append(TRACEPARENT, parent.parse().unwrap());
            }
            headers.append(TRACESTATE, state.parse().unwrap());
            remove_malformed(&mut headers);
            assert_eq!(headers.contains_key(TRACESTATE), left, "{parents:?} {state}");
            assert_eq!(headers.contains_key(TRACEPARENT), parents == [PARENT]);
        }
    }
}
