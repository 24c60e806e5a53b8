//! SPIFFE IDs (the SPIFFE-ID and X509-SVID specifications).

/// How every SPIFFE ID begins.
pub(super) const SCHEME: &str = "spiffe://";
const MAX_ID_BYTES: usize = 2_048;
const MAX_TRUST_DOMAIN_BYTES: usize = 255;

/// Whether `uri` is the SPIFFE ID of a workload: a trust domain and a path, in the one form they may have. User info,
/// port, query, fragment and escapes need characters that are in neither.
pub(super) fn is_workload_id(uri: &str) -> bool {
    let Some((trust_domain, path)) = uri.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    uri.len() <= MAX_ID_BYTES && is_trust_domain(trust_domain) && path.split('/').all(is_segment)
}

fn is_trust_domain(name: &str) -> bool {
    (1..=MAX_TRUST_DOMAIN_BYTES).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_'))
}

fn is_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workload_ids() {
        for id in ["spiffe://prod/a", "spiffe://prod.example.org/ns/pay/sa/Worker_1", "spiffe://a_b-1/..a/b.c"] {
            assert!(is_workload_id(id), "{id}");
        }
    }

    #[test]
    fn what_is_no_workload_id() {
        for id in [
            "",
            "spiffe://",
            "spiffe:///a",
            "spiffe://prod",
            "spiffe://prod/",
            "spiffe://prod/a/",
            "spiffe://prod//a",
            "spiffe://prod/./a",
            "spiffe://prod/a/..",
            "spiffe://Prod/a",
            "spiffe://prod:80/a",
            "spiffe://u@prod/a",
            "spiffe://prod/a?b",
            "spiffe://prod/a#b",
            "spiffe://prod/%61",
            "spiffe://prod/é",
            "SPIFFE://prod/a",
            "https://prod/a",
        ] {
            assert!(!is_workload_id(id), "{id}");
        }
        assert!(!is_workload_id(&format!("spiffe://{}/a", "a".repeat(256))));
        assert!(!is_workload_id(&format!("spiffe://prod/{}", "a".repeat(2_048))));
    }
}
