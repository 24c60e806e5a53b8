//! `WWW-Authenticate`: what would answer a 401 (RFC 9110 §11.6.1).

use std::fmt::Write as _;

use http::HeaderValue;

use crate::reason::Reason;
use crate::session::tickets::Demand;

/// `ClientCertificate` is in no registry: every 401 needs a challenge, none that is registered means TLS, and browsers
/// ignore one they do not know.
const CERTIFICATE: HeaderValue = HeaderValue::from_static("ClientCertificate realm=\"gaccong\"");

/// The challenge of a 401. One that a token has earned says so (RFC 6750 §3); one that a stronger login would answer says
/// which (RFC 9470 §3).
pub(super) fn challenge(reason: Reason, demand: Option<&Demand>) -> HeaderValue {
    match reason {
        Reason::TokenMalformed
        | Reason::TokenUntrusted
        | Reason::TokenExpired
        | Reason::TokenAudience
        | Reason::TokenBinding
        | Reason::TokenPrincipalAbsent => HeaderValue::from_static("Bearer realm=\"gaccong\", error=\"invalid_token\""),
        Reason::SessionStepUp => stronger(demand).unwrap_or(CERTIFICATE),
        _ => CERTIFICATE,
    }
}

/// A class has no character that would end the quotation: policies with such a one do not load.
fn stronger(demand: Option<&Demand>) -> Option<HeaderValue> {
    let mut value = "Bearer realm=\"gaccong\", error=\"insufficient_user_authentication\"".to_owned();
    if let Some(acr) = demand.and_then(|demand| demand.acr.as_ref()) {
        write!(value, ", acr_values=\"{acr}\"").ok()?;
    }
    if let Some(max_age_s) = demand.and_then(|demand| demand.max_age_s) {
        write!(value, ", max_age=\"{max_age_s}\"").ok()?;
    }
    HeaderValue::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_says_what_would_answer_it() {
        let demand = Demand { acr: Some("phr".into()), max_age_s: Some(300), login_again: false };
        for (reason, demand, expected) in [
            (Reason::PrincipalAbsent, None, "ClientCertificate realm=\"gaccong\""),
            (Reason::SessionAbsent, Some(&demand), "ClientCertificate realm=\"gaccong\""),
            (Reason::TokenExpired, None, "Bearer realm=\"gaccong\", error=\"invalid_token\""),
            (Reason::SessionStepUp, None, "Bearer realm=\"gaccong\", error=\"insufficient_user_authentication\""),
            (
                Reason::SessionStepUp,
                Some(&demand),
                "Bearer realm=\"gaccong\", error=\"insufficient_user_authentication\", acr_values=\"phr\", max_age=\"300\"",
            ),
        ] {
            assert_eq!(challenge(reason, demand), expected, "{reason}");
        }
    }
}
