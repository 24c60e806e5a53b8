//! Addresses of the services that the gateway itself calls.

use std::str::FromStr;

use http::Uri;

/// `https://host/path` or `http://host/path`: nothing else, without a user's name, a password or a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(Uri);

/// Why a text is no [`Url`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotUrl {
    /// It cannot be read, or names no host.
    #[error("it is not a URL with a host")]
    Malformed,
    /// Another scheme than http and https.
    #[error("it is neither `https://` nor `http://`")]
    Scheme,
    /// What has no place in the URL of a service.
    #[error("it has a user name, a password or a fragment")]
    Superfluous,
}

impl Url {
    /// For a request.
    pub fn uri(&self) -> &Uri {
        &self.0
    }

    /// Whether it is `https`.
    pub fn is_https(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }
}

impl FromStr for Url {
    type Err = NotUrl;

    fn from_str(text: &str) -> Result<Self, NotUrl> {
        let url: Uri = text.parse().map_err(|_| NotUrl::Malformed)?;
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            return Err(NotUrl::Scheme);
        }
        if url.host().is_none_or(str::is_empty) {
            return Err(NotUrl::Malformed);
        }
        if url.authority().is_some_and(|authority| authority.as_str().contains('@')) || text.contains('#') {
            return Err(NotUrl::Superfluous);
        }
        Ok(Self(url))
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_services() {
        for good in ["http://pki.example.org/list.crl", "https://[::1]:8443", "https://a.example/?q=1"] {
            assert!(good.parse::<Url>().is_ok(), "{good}");
        }
        for (bad, why) in [
            ("pki.example.org", NotUrl::Scheme),
            ("/list.crl", NotUrl::Scheme),
            ("ftp://pki.example.org/", NotUrl::Scheme),
            ("http://", NotUrl::Malformed),
            ("http://a b/", NotUrl::Malformed),
            ("https://user:secret@a.example/", NotUrl::Superfluous),
            ("https://a.example/#part", NotUrl::Superfluous),
        ] {
            assert_eq!(bad.parse::<Url>(), Err(why), "{bad}");
        }
    }
}
