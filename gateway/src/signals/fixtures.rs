//! A transmitter for tests.

use std::time::Duration;

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::event::EventType;
use crate::config::{Delivery, JwksSource, NameFormat, SerialBase, SignalStream, SubjectNames};
pub(crate) use crate::jose::fixtures::Signer;

/// When the tokens of tests are issued, milliseconds since the Unix epoch: a whole second.
pub(crate) const NOW_MS: i64 = 1_795_330_800_000;
pub(crate) const ISSUER: &str = "https://idp.example.org/";
pub(crate) const AUDIENCE: &str = "https://gate.example.org/";

/// `typ` of its tokens.
pub(crate) const TYP: &str = "secevent+jwt";

/// The claims of a token that is good in every way: Alice's session has ended.
pub(crate) fn claims() -> Value {
    claims_of("caep/event-type/session-revoked", json!({"event_timestamp": NOW_MS / 1000 - 5}))
}

/// The same of another event.
pub(crate) fn claims_of(uri: &str, event: Value) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "jti": "token-1", "iat": NOW_MS / 1000,
        "sub_id": {"format": "email", "email": "Alice@Example.org"},
        "events": { format!("https://schemas.openid.net/secevent/{uri}"): event },
    })
}

/// A stream that names people by e-mail address and devices by an opaque id.
pub(crate) fn stream() -> SignalStream {
    SignalStream {
        name: "idp".into(),
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        algorithms: vec![Algorithm::ES256],
        jwks: JwksSource::File("jwks.json".into()),
        delivery: Delivery::Push { bearer: None },
        names: SubjectNames {
            users: Some(NameFormat::Email),
            devices: Some(NameFormat::Opaque),
            issuer: ISSUER.into(),
            lower_case: false,
            tenant: None,
            serials: SerialBase::Hexadecimal,
        },
        events: EventType::ALL.to_vec(),
        max_age: Duration::from_secs(3600),
        fact_max_age: Duration::from_secs(86_400),
        quiet: None,
    }
}
