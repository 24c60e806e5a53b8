//! The reasons for which a connection, a request or a stream is refused: stable codes, documented in `docs/REASONS.md`.

use http::StatusCode;
use serde::{Serialize, Serializer};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $status:ident;)+) => {
        /// Why something is refused. The code is what clients, records and metrics see; it never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Reason {
            /// Every reason, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The status of a response that carries this reason. Reasons of a connection or of a stream that has
            /// already been answered have one too, for the rare case that they meet a request.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }

            /// Its place in [`Self::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

reasons! {
    /// The connection has no client certificate and the app needs one.
    CertificateAbsent = "certificate.absent", UNAUTHORIZED;
    /// The certificate's validity has ended.
    CertificateExpired = "certificate.expired", UNAUTHORIZED;
    /// The certificate's validity has not begun.
    CertificateNotYetValid = "certificate.not_yet_valid", UNAUTHORIZED;
    /// The certificate, or a CA between it and the root, is on a revocation list.
    CertificateRevoked = "certificate.revoked", UNAUTHORIZED;
    /// No trust domain vouches for the certificate.
    CertificateUntrusted = "certificate.untrusted", UNAUTHORIZED;
    /// The certificate is not for client authentication.
    CertificateWrongUsage = "certificate.wrong_usage", UNAUTHORIZED;
    /// The key of the certificate or of an issuer is too weak.
    CertificateWeakKey = "certificate.weak_key", UNAUTHORIZED;
    /// A CA of the chain is expired, or may not sign certificates.
    CertificateIssuerInvalid = "certificate.issuer_invalid", UNAUTHORIZED;
    /// The certificate cannot be parsed, or is larger than any honest one.
    CertificateMalformed = "certificate.malformed", UNAUTHORIZED;
    /// The certificate names no principal or device by the rules of its trust domain, or more than one.
    CertificateUnnamed = "certificate.unnamed", UNAUTHORIZED;
    /// The revocation list that covers the certificate is past its nextUpdate.
    CrlStale = "certificate.crl_stale", SERVICE_UNAVAILABLE;
    /// The trust domain checks revocation and no list covers the certificate's issuer.
    CrlAbsent = "certificate.crl_absent", SERVICE_UNAVAILABLE;
    /// The trust domain's OCSP responder has not said that the certificate is good, or that was too long ago.
    OcspUnknown = "certificate.ocsp_unknown", SERVICE_UNAVAILABLE;

    /// What arrived was not TLS.
    HandshakeNotTls = "handshake.not_tls", BAD_REQUEST;
    /// The handshake did not end in time.
    HandshakeTimeout = "handshake.timeout", REQUEST_TIMEOUT;
    /// The client closed the connection or sent an alert.
    HandshakeAborted = "handshake.aborted", BAD_REQUEST;
    /// No version, cipher, group or protocol in common.
    HandshakeIncompatible = "handshake.incompatible", BAD_REQUEST;
    /// No server certificate for the name that the client asked for.
    HandshakeUnknownName = "handshake.unknown_name", MISDIRECTED_REQUEST;
    /// The client's proof of its key did not verify, or the handshake failed otherwise.
    HandshakeFailed = "handshake.failed", BAD_REQUEST;

    /// Too many connections in all.
    ConnectionLimit = "connection.limit", SERVICE_UNAVAILABLE;
    /// Too many connections from one source.
    ConnectionSourceLimit = "connection.source_limit", TOO_MANY_REQUESTS;
    /// A connection from a listed network did not begin with a valid PROXY protocol v2 header.
    ConnectionProxyHeader = "connection.proxy_header", BAD_REQUEST;
    /// The client flooded the connection with HTTP/2 control frames.
    ConnectionFlood = "connection.flood", TOO_MANY_REQUESTS;
    /// Too many requests at once from one source.
    RequestSourceLimit = "request.source_limit", TOO_MANY_REQUESTS;
    /// The client did not complete a request's head in time.
    RequestHeadTimeout = "request.head_timeout", REQUEST_TIMEOUT;

    /// The request could not be parsed.
    RequestMalformed = "request.malformed", BAD_REQUEST;
    /// The request's head is too large.
    RequestHeadTooLarge = "request.head_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE;
    /// The request names no host.
    RequestHostAbsent = "request.host_absent", BAD_REQUEST;
    /// The request names two hosts, or one that cannot be read in one way only.
    RequestHostAmbiguous = "request.host_ambiguous", BAD_REQUEST;
    /// The request's host is not of this connection's server certificate.
    RequestHostMisdirected = "request.host_misdirected", MISDIRECTED_REQUEST;
    /// No app has the request's host.
    RequestHostUnknown = "request.host_unknown", MISDIRECTED_REQUEST;
    /// The path can be read in more than one way.
    RequestPathAmbiguous = "request.path_ambiguous", BAD_REQUEST;
    /// The target is not a path (`*`, authority-form).
    RequestTarget = "request.target", BAD_REQUEST;
    /// TRACE, CONNECT, or a method that no app understands.
    RequestMethod = "request.method", METHOD_NOT_ALLOWED;
    /// The framing headers contradict each other.
    RequestFraming = "request.framing", BAD_REQUEST;
    /// An upgrade other than WebSocket, or a malformed one.
    RequestUpgrade = "request.upgrade", BAD_REQUEST;
    /// The request authenticates its connection (NTLM, Negotiate), which a shared upstream connection would give to others.
    RequestConnectionAuth = "request.connection_auth", FORBIDDEN;
    /// The body is larger than the app takes.
    RequestBodyTooLarge = "request.body_too_large", PAYLOAD_TOO_LARGE;
    /// The body arrives too slowly.
    RequestBodyTooSlow = "request.body_too_slow", REQUEST_TIMEOUT;
    /// The body's encoding is broken.
    RequestBodyMalformed = "request.body_malformed", BAD_REQUEST;
    /// The principal has made more requests of the app than its `rate_limit` allows.
    RequestRateLimited = "request.rate_limited", TOO_MANY_REQUESTS;
    /// Another site has made the browser send the request.
    RequestCrossSite = "request.cross_site", FORBIDDEN;
    /// The path is of the gateway's own prefix and names nothing there.
    RequestOwnPath = "request.own_path", NOT_FOUND;

    /// The certificate is for emergencies only, and no grant lets its holder reach the app now.
    BreakGlassNoGrant = "break_glass.no_grant", FORBIDDEN;

    /// A device is known, a person is not.
    PrincipalAbsent = "principal.absent", UNAUTHORIZED;
    /// The person or workload is revoked.
    PrincipalRevoked = "principal.revoked", FORBIDDEN;
    /// What was proven is too long ago: the person, workload or device must authenticate again.
    SessionRevoked = "session.revoked", UNAUTHORIZED;
    /// Nobody is logged in.
    SessionAbsent = "session.absent", UNAUTHORIZED;
    /// The session has come to its end.
    SessionExpired = "session.expired", UNAUTHORIZED;
    /// The session was not used for too long.
    SessionIdle = "session.idle", UNAUTHORIZED;
    /// The session's cookie is none that this gateway has set for the host, or there are several.
    SessionInvalid = "session.invalid", UNAUTHORIZED;
    /// The session was begun on another device.
    SessionOtherDevice = "session.other_device", UNAUTHORIZED;
    /// The session is one person's, the certificate another's.
    SessionPrincipalMismatch = "session.principal_mismatch", FORBIDDEN;
    /// A stronger or newer login would be enough.
    SessionStepUp = "session.step_up", UNAUTHORIZED;

    /// The login was begun by another browser or device, too long ago, or not here.
    LoginStateInvalid = "login.state_invalid", BAD_REQUEST;
    /// The code that ends a login was used before, is too old, or is of another host, device or browser.
    LoginCodeInvalid = "login.code_invalid", BAD_REQUEST;
    /// The identity provider does not answer, or not as it should.
    LoginProviderUnavailable = "login.provider_unavailable", SERVICE_UNAVAILABLE;
    /// The identity provider has refused the login.
    LoginProviderRefused = "login.provider_refused", FORBIDDEN;
    /// What the identity provider says of the person does not verify.
    LoginTokenInvalid = "login.token_invalid", BAD_GATEWAY;
    /// What the identity provider says names no person.
    LoginPrincipalAbsent = "login.principal_absent", FORBIDDEN;
    /// There are as many sessions as `auth.max_sessions` allows.
    LoginLimit = "login.limit", SERVICE_UNAVAILABLE;

    /// The access token cannot be parsed, or is larger than any honest one.
    TokenMalformed = "token.malformed", UNAUTHORIZED;
    /// The access token is of an issuer, an algorithm or a key that is not trusted, or its signature does not verify.
    TokenUntrusted = "token.untrusted", UNAUTHORIZED;
    /// The access token has expired, or is not valid yet.
    TokenExpired = "token.expired", UNAUTHORIZED;
    /// The access token is for another audience.
    TokenAudience = "token.audience", UNAUTHORIZED;
    /// The access token is bound to another certificate, or to none.
    TokenBinding = "token.binding", UNAUTHORIZED;
    /// The access token's key is not known yet.
    TokenKeysUnavailable = "token.keys_unavailable", SERVICE_UNAVAILABLE;
    /// The access token names no principal.
    TokenPrincipalAbsent = "token.principal_absent", UNAUTHORIZED;

    /// The device is revoked.
    DeviceRevoked = "device.revoked", FORBIDDEN;
    /// The app needs a device with a posture and the connection proves none.
    DeviceAbsent = "device.absent", FORBIDDEN;
    /// Nothing is known of the device's state.
    PostureAbsent = "device.posture_absent", FORBIDDEN;
    /// What is known of the device's state is too old.
    PostureStale = "device.posture_stale", FORBIDDEN;
    /// A fact that every device must report was not reported.
    PostureIncomplete = "device.posture_incomplete", FORBIDDEN;

    /// The app, or whoever asks, is under lockdown.
    Lockdown = "access.lockdown", FORBIDDEN;

    /// No `permit` of the policy was satisfied.
    PolicyNoPermit = "policy.no_permit", FORBIDDEN;
    /// A `forbid` of the policy was satisfied.
    PolicyForbid = "policy.forbid", FORBIDDEN;
    /// The evaluation of a policy failed.
    PolicyError = "policy.error", FORBIDDEN;

    /// No upstream is healthy.
    UpstreamUnavailable = "upstream.unavailable", BAD_GATEWAY;
    /// The upstream refused the connection or its TLS failed.
    UpstreamConnect = "upstream.connect", BAD_GATEWAY;
    /// The upstream did not answer in time.
    UpstreamTimeout = "upstream.timeout", GATEWAY_TIMEOUT;
    /// The upstream's answer was not HTTP, or ended early.
    UpstreamProtocol = "upstream.protocol", BAD_GATEWAY;
    /// The upstream asks to authenticate the connection (NTLM, Negotiate).
    UpstreamConnectionAuth = "upstream.connection_auth", BAD_GATEWAY;

    /// Nothing has moved on the stream for too long, and not for the upstream's fault.
    StreamIdle = "stream.idle", REQUEST_TIMEOUT;
    /// The audit queue is full: what cannot be recorded is not done.
    AuditQueueFull = "audit.queue_full", SERVICE_UNAVAILABLE;
    /// The gateway is shutting down and the time for running requests is over.
    GatewayDraining = "gateway.draining", SERVICE_UNAVAILABLE;
    /// The gateway failed.
    GatewayInternal = "gateway.internal", INTERNAL_SERVER_ERROR;
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}
