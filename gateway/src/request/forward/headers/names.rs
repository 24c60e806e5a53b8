//! Which field names pass. Names are lower-case: [`http::HeaderName`] sees to that.

/// Whether a field is between two neighbours only (RFC 9110 §7.6.1), or speaks of the connection that ends at us.
/// `proxy` itself is what CGI turns into the environment variable `HTTP_PROXY`.
pub(super) fn ends_at_us(name: &str) -> bool {
    matches!(
        name,
        "connection" | "keep-alive" | "te" | "transfer-encoding" | "upgrade" | "http2-settings" | "alt-svc" | "proxy"
    ) || name.starts_with("proxy-")
}

/// Whether a name is not of letters and digits joined by single hyphens. CGI, WSGI and their kin fold other characters
/// into the same variable (`X_User` and `X-User` are both `HTTP_X_USER`), so such a name can stand in for any other.
pub(crate) fn is_irregular(name: &str) -> bool {
    let is_word = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_alphanumeric);
    !name.as_bytes().split(|byte| *byte == b'-').all(is_word)
}

/// Whether the operator may choose a field to tell the upstream who asks: it means nothing else to it, or to us.
pub(crate) fn is_settable(name: &str) -> bool {
    let ours = matches!(
        name,
        "client-cert"
            | "forwarded"
            | "traceparent"
            | "tracestate"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "x-request-id"
    );
    !ours && !ends_at_us(name) && !is_reserved_for_us(name) && !is_end_to_end(name)
}

/// Whether an upstream may take a field for who is asking, from where, or for what else than the request line says.
pub(super) fn is_identity(name: &str) -> bool {
    let prefixes = match name.as_bytes().first() {
        Some(b'x') => IDENTITY_X,
        Some(b'a'..=b'f') => IDENTITY_A_TO_F,
        Some(b'g'..=b't') => IDENTITY_G_TO_T,
        _ => return false,
    };
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

const IDENTITY_A_TO_F: &[&str] =
    &["cf-access-", "cf-connecting-", "client-cert", "client-ip", "client-verify", "fastly-client-", "forwarded"];

const IDENTITY_G_TO_T: &[&str] = &["gaccong", "oidc-", "remote-", "ssl-", "tailscale-", "true-client-"];

const IDENTITY_X: &[&str] = &[
    "x-amzn-mtls-",
    "x-amzn-oidc-",
    "x-apigateway-",
    "x-arr-clientcert",
    "x-auth",
    "x-cert",
    "x-client",
    "x-cluster-client-",
    "x-device",
    "x-email",
    "x-endpoint-api-userinfo",
    "x-envoy-",
    "x-forward",
    "x-gaccong",
    "x-goog-authenticated",
    "x-goog-iap-",
    "x-group",
    "x-host",
    "x-http-method",
    "x-identity",
    "x-login",
    "x-method-override",
    "x-ms-client-principal",
    "x-ms-token-",
    "x-mtls-",
    "x-oidc-",
    "x-original-",
    "x-pomerium-",
    "x-preferred-username",
    "x-principal",
    "x-proxy-",
    "x-real-",
    "x-remote-",
    "x-request-id",
    "x-rewrite-",
    "x-role",
    "x-saml-",
    "x-spiffe",
    "x-ssl",
    "x-sso-",
    "x-subject",
    "x-tls-",
    "x-user",
    "x-vouch-",
    "x-webauth",
];

/// Whether a response field is one that only the gateway sets, in any spelling (`Gaccong_Reason`, `X-Gaccong.Reason`).
pub(super) fn is_reserved_for_us(name: &str) -> bool {
    let folded = || name.bytes().filter(u8::is_ascii_alphanumeric);
    starts_with(folded(), b"gaccong") || starts_with(folded(), b"xgaccong")
}

/// Whether a field stays although `Connection` names it.
pub(super) fn is_end_to_end(name: &str) -> bool {
    steers(name)
        || matches!(
            name,
            "origin"
                | "referer"
                | "user-agent"
                | "date"
                | "location"
                | "via"
                | "strict-transport-security"
                | "x-frame-options"
                | "x-content-type-options"
        )
        || ["accept", "content-", "if-", "sec-"].iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a field frames, routes or authenticates a message, and so has no place in trailers (RFC 9110 §6.5.1).
pub(super) fn steers(name: &str) -> bool {
    matches!(
        name,
        "authorization"
            | "cache-control"
            | "content-encoding"
            | "content-length"
            | "content-range"
            | "content-type"
            | "cookie"
            | "expect"
            | "host"
            | "max-forwards"
            | "pragma"
            | "range"
            | "set-cookie"
            | "trailer"
            | "www-authenticate"
    )
}

/// Whether a sequence of bytes begins with a prefix.
pub(super) fn starts_with(mut bytes: impl Iterator<Item = u8>, prefix: &[u8]) -> bool {
    prefix.iter().all(|expected| bytes.next() == Some(*expected))
}
