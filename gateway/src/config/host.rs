//! Host names in the configuration.

use super::reader::Text;

/// A host name, lower-case, or a wildcard for exactly one label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// `app.example.org`
    Exact(String),
    /// `*.example.org`; holds `example.org`.
    Wildcard(String),
}

impl HostPattern {
    /// Whether `host` (normal form: lower-case, no port, no trailing dot) is meant.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Wildcard(parent) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent)
            }
        }
    }

    /// Whether every host that `other` means is meant.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self == other || matches!(other, Self::Exact(name) if self.matches(name))
    }
}

impl std::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(parent) => write!(f, "*.{parent}"),
        }
    }
}

/// `app.example.org` or `*.example.org`
pub(super) fn pattern(text: &Text<'_>) -> Option<HostPattern> {
    let (wildcard, name) = match text.strip_prefix("*.") {
        Some(parent) => (true, parent),
        None => (false, &**text),
    };
    if let Some((fault, expected)) = fault_of(name) {
        return text.refuse(format!("`{}` is not a host: {fault}", &**text), expected);
    }
    Some(if wildcard { HostPattern::Wildcard(name.to_owned()) } else { HostPattern::Exact(name.to_owned()) })
}

/// What is wrong with a host name (RFC 1123 §2.1, RFC 5890 §2.3.1), and what would be right.
fn fault_of(name: &str) -> Option<(&'static str, &'static str)> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let bad_label =
        |label: &str| label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-');
    if !name.is_ascii() {
        return Some(("it is not ASCII", "its A-label form, `xn--…`"));
    }
    if name.contains('*') {
        return Some(("`*` may only be the whole first label", "`*.example.org`"));
    }
    if name.contains(|c: char| c.is_ascii_uppercase()) {
        return Some(("it has upper-case letters", "lower-case"));
    }
    if name.contains(':') {
        return Some(("a port or an IPv6 address has no place here", "a name such as `app.example.org`"));
    }
    if name.ends_with('.') {
        return Some(("it ends with a dot", "the name without it"));
    }
    if name.split('.').any(|label| label.contains(|c| !allowed(c))) {
        return Some((
            "a label has other characters than letters, digits and hyphens",
            "a name such as `app.example.org`",
        ));
    }
    if name.len() > 253 || name.split('.').any(bad_label) {
        return Some(("a label is empty, too long, or begins or ends with a hyphen", "labels of 1 to 63 characters"));
    }
    None
}

/// Whether `name` is a host name in normal form.
pub(super) fn is_name(name: &str) -> bool {
    fault_of(name).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names() {
        for good in ["localhost", "a.example.org", "xn--bcher-kva.example", "1.example", "a--b.c"] {
            assert_eq!(fault_of(good), None, "{good}");
        }
        for bad in ["", ".", "a..b", "-a.b", "a-.b", "A.b", "bücher.example", "a_b.c", "a.b.", "a:1", "a.*.b", "a b"] {
            assert!(fault_of(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_wildcard_is_for_one_label() {
        let wildcard = HostPattern::Wildcard("example.org".into());
        assert!(wildcard.matches("a.example.org"));
        for host in ["example.org", "a.b.example.org", ".example.org", "aexample.org"] {
            assert!(!wildcard.matches(host), "{host}");
        }
        assert!(wildcard.covers(&HostPattern::Exact("a.example.org".into())));
        assert!(!HostPattern::Exact("a.example.org".into()).covers(&wildcard));
    }
}
