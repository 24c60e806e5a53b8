//! A question that stands by itself: read back from a record, from a file, or made for a test.
//!
//! Its JSON is that of [`Question`], so that what was once decided can be asked again. Text is borrowed from what it was
//! read from wherever that is possible. Unknown members are refused: a fact that is passed over could change the answer.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::question::{
    BreakGlass, Certificate, Context, Device, Principal, PrincipalKind, Question, Request, Session, Target, Threat,
    is_default,
};

/// As [`Question`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented at the type that it owns, as are those below")]
pub struct QuestionBuf<'a> {
    #[serde(borrow)]
    pub principal: PrincipalBuf<'a>,
    #[serde(borrow)]
    pub action: Cow<'a, str>,
    #[serde(borrow)]
    pub app: Cow<'a, str>,
    #[serde(borrow)]
    pub context: ContextBuf<'a>,
}

/// As [`Principal`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as above")]
pub struct PrincipalBuf<'a> {
    pub kind: PrincipalKind,
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(default)]
    pub groups: Vec<Arc<str>>,
}

/// As [`Context`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as above")]
pub struct ContextBuf<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceBuf<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateBuf<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionBuf<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub threat: Option<ThreatBuf<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetBuf<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlassBuf<'a>>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub alert_level: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub signal_lost: bool,
    #[serde(borrow)]
    pub request: RequestBuf<'a>,
    pub now_ms: i64,
}

/// As [`Device`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as above")]
pub struct DeviceBuf<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<bool>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_encrypted: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firewall: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen_lock: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edr_running: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch_age_days: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compliant: Option<bool>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_s: Option<i64>,
}

/// As [`Certificate`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as above")]
pub struct CertificateBuf<'a> {
    #[serde(borrow)]
    pub trust_domain: Cow<'a, str>,
    #[serde(borrow)]
    pub fingerprint: Cow<'a, str>,
    #[serde(borrow)]
    pub issuer: Cow<'a, str>,
    #[serde(borrow)]
    pub serial: Cow<'a, str>,
    pub not_after_ms: i64,
}

/// As [`Session`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as above")]
pub struct SessionBuf<'a> {
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Cow<'a, str>>,
    pub auth_age_s: i64,
}

/// As [`Threat`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as above")]
pub struct ThreatBuf<'a> {
    #[serde(borrow)]
    pub list: Cow<'a, str>,
}

/// As [`Target`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as above")]
pub struct TargetBuf<'a> {
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub id: Cow<'a, str>,
}

/// As [`BreakGlass`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as above")]
pub struct BreakGlassBuf<'a> {
    #[serde(borrow)]
    pub grant: Cow<'a, str>,
}

/// As [`Request`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as above")]
pub struct RequestBuf<'a> {
    #[serde(borrow)]
    pub host: Cow<'a, str>,
    #[serde(borrow)]
    pub path: Cow<'a, str>,
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    pub source_ip: IpAddr,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Cow<'a, str>>,
}

impl QuestionBuf<'_> {
    /// The question, lent for one decision.
    pub fn lend(&self) -> Question<'_> {
        let Self { principal, action, app, context } = self;
        Question {
            principal: Principal { kind: principal.kind, id: &principal.id, groups: &principal.groups },
            action,
            app,
            context: context.lend(),
        }
    }
}

impl ContextBuf<'_> {
    fn lend(&self) -> Context<'_> {
        Context {
            device: self.device.as_ref().map(DeviceBuf::lend),
            certificate: self.certificate.as_ref().map(|it| Certificate {
                trust_domain: &it.trust_domain,
                fingerprint: &it.fingerprint,
                issuer: &it.issuer,
                serial: &it.serial,
                not_after_ms: it.not_after_ms,
            }),
            session: self.session.as_ref().map(|it| Session {
                method: &it.method,
                acr: it.acr.as_deref(),
                auth_age_s: it.auth_age_s,
            }),
            threat: self.threat.as_ref().map(|it| Threat { list: &it.list }),
            target: self.target.as_ref().map(|it| Target { kind: &it.kind, id: &it.id }),
            risk: self.risk.as_deref(),
            break_glass: self.break_glass.as_ref().map(|it| BreakGlass { grant: &it.grant }),
            alert_level: self.alert_level,
            signal_lost: self.signal_lost,
            request: Request {
                host: &self.request.host,
                path: &self.request.path,
                method: &self.request.method,
                source_ip: self.request.source_ip,
                site: self.request.site.as_deref(),
                origin: self.request.origin.as_deref(),
            },
            now_ms: self.now_ms,
        }
    }
}

impl DeviceBuf<'_> {
    fn lend(&self) -> Device<'_> {
        Device {
            id: &self.id,
            managed: self.managed,
            platform: self.platform.as_deref(),
            os_version: self.os_version.as_deref(),
            disk_encrypted: self.disk_encrypted,
            firewall: self.firewall,
            screen_lock: self.screen_lock,
            secure_boot: self.secure_boot,
            edr_running: self.edr_running,
            patch_age_days: self.patch_age_days,
            compliant: self.compliant,
            risk: self.risk.as_deref(),
            owner: self.owner.as_deref(),
            source: self.source.as_deref(),
            age_s: self.age_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{groups, question};

    #[test]
    fn what_is_recorded_can_be_asked_again() {
        let groups = groups(&["staff", "tổ \"một\""]);
        let recorded = serde_json::to_string(&question(&groups)).unwrap();
        let read: QuestionBuf<'_> = serde_json::from_str(&recorded).unwrap();
        assert_eq!(serde_json::to_string(&read.lend()).unwrap(), recorded);
        assert_eq!(serde_json::to_string(&read).unwrap(), recorded);
        assert!(matches!(read.app, Cow::Borrowed("hr")));
    }

    #[test]
    fn a_fact_that_is_not_known_is_an_error() {
        let recorded = serde_json::to_string(&question(&[])).unwrap().replace("\"age_s\"", "\"age_min\"");
        assert!(serde_json::from_str::<QuestionBuf<'_>>(&recorded).unwrap_err().to_string().contains("age_min"));
    }
}
