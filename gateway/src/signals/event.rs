//! Events by type: CAEP 1.0, RISC 1.0, and those of the Shared Signals Framework itself.

use serde::Deserialize;
use serde_json::Value;

use super::error::SetError;
use crate::jose::numeric_date::NumericDate;
use crate::text::printable;

/// How much of a reason is kept, in bytes.
const MAX_REASON_BYTES: usize = 256;

/// The types that are understood, by the last part of their URIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each has the name of its URI, and its meaning at `Event`")]
pub enum EventType {
    SessionRevoked,
    TokenClaimsChange,
    CredentialChange,
    AssuranceLevelChange,
    DeviceComplianceChange,
    RiskLevelChange,
    AccountPurged,
    AccountDisabled,
    AccountEnabled,
    CredentialCompromise,
    SessionsRevoked,
    Verification,
    StreamUpdated,
}

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type/";

impl EventType {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::SessionRevoked,
        Self::TokenClaimsChange,
        Self::CredentialChange,
        Self::AssuranceLevelChange,
        Self::DeviceComplianceChange,
        Self::RiskLevelChange,
        Self::AccountPurged,
        Self::AccountDisabled,
        Self::AccountEnabled,
        Self::CredentialCompromise,
        Self::SessionsRevoked,
        Self::Verification,
        Self::StreamUpdated,
    ];

    /// The last part of the URI: how configuration, metrics and records name the type.
    pub const fn as_str(self) -> &'static str {
        self.family_and_name().1
    }

    /// The type of a URI.
    pub fn of_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| {
            let (family, name) = known.family_and_name();
            uri.strip_prefix(family) == Some(name)
        })
    }

    /// The URI of the type.
    pub fn uri(self) -> String {
        let (family, name) = self.family_and_name();
        format!("{family}{name}")
    }

    const fn family_and_name(self) -> (&'static str, &'static str) {
        match self {
            Self::SessionRevoked => (CAEP, "session-revoked"),
            Self::TokenClaimsChange => (CAEP, "token-claims-change"),
            Self::CredentialChange => (CAEP, "credential-change"),
            Self::AssuranceLevelChange => (CAEP, "assurance-level-change"),
            Self::DeviceComplianceChange => (CAEP, "device-compliance-change"),
            Self::RiskLevelChange => (CAEP, "risk-level-change"),
            Self::AccountPurged => (RISC, "account-purged"),
            Self::AccountDisabled => (RISC, "account-disabled"),
            Self::AccountEnabled => (RISC, "account-enabled"),
            Self::CredentialCompromise => (RISC, "credential-compromise"),
            Self::SessionsRevoked => (RISC, "sessions-revoked"),
            Self::Verification => (SSF, "verification"),
            Self::StreamUpdated => (SSF, "stream-updated"),
        }
    }
}

/// What an event says. Members that change nothing here are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A session has ended at the transmitter (CAEP 1.0 §3.1).
    SessionRevoked,
    /// What a token said of somebody no longer holds (CAEP 1.0 §3.2).
    TokenClaimsChange,
    /// A credential was made, changed or withdrawn (CAEP 1.0 §3.3).
    CredentialChange(CredentialChange),
    /// Somebody is authenticated better or less well than before (CAEP 1.0 §3.4).
    AssuranceLevelChange {
        /// The direction, where it is told.
        direction: Option<Direction>,
    },
    /// A device began or ceased to be as it should be (CAEP 1.0 §3.5).
    DeviceComplianceChange {
        /// Whether it is now.
        compliant: bool,
    },
    /// Something became more or less risky (CAEP 1.0 §3.8).
    RiskLevelChange {
        /// What did.
        principal: RiskPrincipal,
        /// How risky it is now.
        level: RiskLevel,
    },
    /// An account was deleted for good (RISC 1.0 §2.2).
    AccountPurged,
    /// An account was disabled (RISC 1.0 §2.3).
    AccountDisabled,
    /// An account was enabled again (RISC 1.0 §2.4).
    AccountEnabled,
    /// Somebody else has a credential of an account's (RISC 1.0 §2.7).
    CredentialCompromise,
    /// All sessions of an account have ended (RISC 1.0 §2.10).
    SessionsRevoked,
    /// The stream works (Shared Signals Framework 1.0 §8.1.4).
    Verification {
        /// What was asked for, given back.
        state: Option<String>,
    },
    /// The transmitter has begun, paused or ended the stream (Shared Signals Framework 1.0 §8.1.5).
    StreamUpdated {
        /// What the stream is now.
        status: StreamStatus,
    },
}

/// `credential-change`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CredentialChange {
    /// What became of it.
    pub change_type: CredentialChangeType,
    /// `password`, `x509`, `fido2-roaming` …
    pub credential_type: String,
    /// The issuer of the certificate that it is, as a distinguished name.
    pub x509_issuer: Option<String>,
    /// The serial number of the certificate that it is.
    pub x509_serial: Option<String>,
}

/// What became of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of CAEP 1.0 §3.3.1")]
pub enum CredentialChangeType {
    Create,
    Revoke,
    Update,
    Delete,
}

/// Where an assurance level moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of CAEP 1.0 §3.4.1")]
pub enum Direction {
    Increase,
    Decrease,
}

/// What a risk is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RiskPrincipal {
    /// A person or workload.
    User,
    /// A machine.
    Device,
    /// A session, tenant, group …: of these no risk is kept.
    Other,
}

/// A level of risk, by its name in policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of CAEP 1.0 §3.8.1")]
pub enum RiskLevel {
    Low,
    Medium,
    High,
}

/// What a stream is at its transmitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of Shared Signals Framework 1.0 §8.1.2.1")]
pub enum StreamStatus {
    Enabled,
    Paused,
    Disabled,
}

/// What every event may say besides (CAEP 1.0 §2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// `event_timestamp`: when it happened.
    pub happened_at: Option<NumericDate>,
    /// `initiating_entity`: who brought it about.
    pub initiating_entity: Option<String>,
    /// `reason_admin`: why, for those who read records.
    pub reason_admin: Option<String>,
}

impl RiskLevel {
    /// The name in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl Event {
    /// Reads the payload of an event of a type that is understood.
    ///
    /// # Errors
    /// The payload is not what the type defines.
    pub fn read(event_type: EventType, payload: &Value) -> Result<Self, SetError> {
        Ok(match event_type {
            EventType::SessionRevoked => Self::SessionRevoked,
            EventType::TokenClaimsChange => Self::TokenClaimsChange,
            EventType::CredentialChange => Self::CredentialChange(whole(payload)?),
            EventType::AssuranceLevelChange => {
                Self::AssuranceLevelChange { direction: optional(payload, "change_direction")? }
            }
            EventType::DeviceComplianceChange => Self::DeviceComplianceChange { compliant: compliant(payload)? },
            EventType::RiskLevelChange => {
                Self::RiskLevelChange { principal: risk_principal(payload)?, level: risk_level(payload)? }
            }
            EventType::AccountPurged => Self::AccountPurged,
            EventType::AccountDisabled => Self::AccountDisabled,
            EventType::AccountEnabled => Self::AccountEnabled,
            EventType::CredentialCompromise => Self::CredentialCompromise,
            EventType::SessionsRevoked => Self::SessionsRevoked,
            EventType::Verification => Self::Verification { state: optional(payload, "state")? },
            EventType::StreamUpdated => Self::StreamUpdated { status: required(payload, "status")? },
        })
    }
}

impl Circumstances {
    /// Reads what every event may say. What is only for people is dropped where it does not have its form: a revocation
    /// must not fail for its commentary.
    ///
    /// # Errors
    /// `event_timestamp` is not a time.
    pub fn read(payload: &Value) -> Result<Self, SetError> {
        let text = |value: &Value| value.as_str().map(|text| printable(text, MAX_REASON_BYTES));
        let reason = payload.get("reason_admin");
        let in_some_language = || reason?.as_object()?.values().next();
        let in_english = || reason?.get("en");
        Ok(Self {
            happened_at: optional(payload, "event_timestamp")?,
            initiating_entity: payload.get("initiating_entity").and_then(text),
            reason_admin: in_english().or_else(in_some_language).or(reason).and_then(text),
        })
    }
}

fn compliant(payload: &Value) -> Result<bool, SetError> {
    match required::<String>(payload, "current_status")?.as_str() {
        "compliant" => Ok(true),
        "not-compliant" => Ok(false),
        _ => Err(SetError::invalid_request("`current_status` is neither `compliant` nor `not-compliant`")),
    }
}

fn risk_principal(payload: &Value) -> Result<RiskPrincipal, SetError> {
    Ok(match required::<String>(payload, "principal")?.as_str() {
        "USER" => RiskPrincipal::User,
        "DEVICE" => RiskPrincipal::Device,
        _ => RiskPrincipal::Other,
    })
}

fn risk_level(payload: &Value) -> Result<RiskLevel, SetError> {
    match required::<String>(payload, "current_level")?.as_str() {
        "LOW" => Ok(RiskLevel::Low),
        "MEDIUM" => Ok(RiskLevel::Medium),
        "HIGH" => Ok(RiskLevel::High),
        _ => Err(SetError::invalid_request("`current_level` is not `LOW`, `MEDIUM` or `HIGH`")),
    }
}

fn required<'a, T: Deserialize<'a>>(payload: &'a Value, member: &str) -> Result<T, SetError> {
    optional(payload, member)?.ok_or_else(|| SetError::invalid_request(format!("the event has no `{member}`")))
}

fn optional<'a, T: Deserialize<'a>>(payload: &'a Value, member: &str) -> Result<Option<T>, SetError> {
    let read = payload.get(member).map(T::deserialize).transpose();
    read.map_err(|error| SetError::invalid_request(format!("`{member}` of the event: {error}")))
}

fn whole<'a, T: Deserialize<'a>>(payload: &'a Value) -> Result<T, SetError> {
    T::deserialize(payload).map_err(|error| SetError::invalid_request(format!("the event: {error}")))
}

#[cfg(test)]
mod tests;
