//! Entity Management (class 3004): policies came into force, or did not load (activity Activate).

use std::sync::Arc;

use serde::Serialize;

use super::objects::{Actor, Metadata};
use super::text::{Bounds, Text, Texts};
use super::unmapped::{Unmapped, VERSION};
use crate::audit::event::PoliciesEvent;

pub(super) const CLASS_UID: u32 = 3004;
pub(super) const ACTIVATE: u32 = 10;

/// The event. `P` is `unmapped.gaccong` of what it is about.
#[derive(Debug, Serialize)]
pub(super) struct EntityManagement<'a, P> {
    pub(super) class_uid: u32,
    pub(super) category_uid: u8,
    pub(super) activity_id: u32,
    pub(super) activity_name: &'static str,
    pub(super) type_uid: u32,
    pub(super) time: i64,
    pub(super) metadata: Metadata<'a>,
    #[serde(flatten)]
    pub(super) result: LoadResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status_detail: Option<Text<'a>>,
    pub(super) entity: Entity<'a>,
    /// Who did it, where that is known: of policies, the author of the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actor: Option<Actor<'a>>,
    pub(super) unmapped: Unmapped<P>,
}

#[derive(Debug, Serialize)]
pub(super) struct LoadResult {
    pub(super) status_id: u8,
    pub(super) status: &'static str,
    pub(super) severity_id: u8,
    pub(super) severity: &'static str,
}

const IN_FORCE: LoadResult = LoadResult { status_id: 1, status: "Success", severity_id: 1, severity: "Informational" };
const REFUSED: LoadResult = LoadResult { status_id: 2, status: "Failure", severity_id: 3, severity: "Medium" };

/// `entity`: what came into force, or did not.
#[derive(Debug, Serialize)]
pub(super) struct Entity<'a> {
    pub(super) name: &'static str,
    pub(super) r#type: &'static str,
    pub(super) uid: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
}

/// `unmapped.gaccong` of a load of policies.
#[derive(Debug, Serialize)]
pub(super) struct PoliciesPart<'a> {
    version: u64,
    phase: &'static str,
    result: &'static str,
    policy_digest: Text<'a>,
    policy_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<BundlePart<'a>>,
    error_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Texts<'a, String>>,
}

/// The signed bundle that the policies in force are.
#[derive(Debug, Serialize)]
struct BundlePart<'a> {
    sequence: u64,
    manifest_sha256: Text<'a>,
    author: Text<'a>,
    approvers: Texts<'a, Arc<str>>,
}

impl<'a> EntityManagement<'a, PoliciesPart<'a>> {
    /// The event, with texts cut at `bounds`.
    pub(super) fn of(event: &'a PoliciesEvent, bounds: &'static Bounds) -> Self {
        let refused = !event.errors.is_empty();
        let author = event.bundle.as_ref().filter(|_| !refused).map(|bundle| &*bundle.author);
        Self {
            class_uid: CLASS_UID,
            category_uid: 3,
            activity_id: ACTIVATE,
            activity_name: "Activate",
            type_uid: CLASS_UID * 100 + ACTIVATE,
            time: event.time_ms,
            metadata: Metadata::of_gateway(event.id),
            result: if refused { REFUSED } else { IN_FORCE },
            status_detail: event.errors.first().map(|error| bounds.detail(error)),
            entity: Entity {
                name: "policies",
                r#type: "policy",
                uid: bounds.token(&event.digest),
                version: event.bundle.as_ref().map(|bundle| bundle.sequence.to_string()),
            },
            actor: author.map(|author| Actor::of(gaccong_policy::PrincipalKind::User, author, &[], bounds)),
            unmapped: Unmapped { gaccong: PoliciesPart::of(event, bounds) },
        }
    }
}

impl<'a> PoliciesPart<'a> {
    fn of(event: &'a PoliciesEvent, bounds: &Bounds) -> Self {
        let some = |values: &'a [String]| Texts { values, max: bounds.detail, count: bounds.details };
        Self {
            version: VERSION,
            phase: "final",
            result: if event.errors.is_empty() { "in_force" } else { "refused" },
            policy_digest: bounds.token(&event.digest),
            policy_count: event.policies,
            bundle: event.bundle.as_ref().map(|bundle| BundlePart {
                sequence: bundle.sequence,
                manifest_sha256: bounds.token(&bundle.manifest),
                author: bounds.name(&bundle.author),
                approvers: Texts { values: &bundle.approvers, max: bounds.token, count: bounds.policies },
            }),
            error_count: event.errors.len(),
            errors: (!event.errors.is_empty()).then(|| some(&event.errors)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::audit::event::{Event, PoliciesEvent};
    use crate::audit::ocsf::{LINE_LIMIT, write_line};
    use crate::process::policies::Bundle;

    fn event() -> PoliciesEvent {
        PoliciesEvent {
            id: Uuid::from_u128(3),
            time_ms: 5,
            digest: "ab".into(),
            policies: 12,
            bundle: Some(Bundle {
                sequence: 7,
                manifest: "cd".into(),
                author: "lan".into(),
                approvers: vec!["minh".into(), "hoa".into()],
            }),
            errors: Vec::new(),
        }
    }

    fn line(event: PoliciesEvent) -> Vec<u8> {
        let mut line = Vec::new();
        write_line(&Event::from(event), &mut line).unwrap();
        line
    }

    fn record(event: PoliciesEvent) -> Value {
        serde_json::from_slice(&line(event)).unwrap()
    }

    #[test]
    fn policies_that_came_into_force() {
        let record = record(event());
        let expected = json!({
            "class_uid": 3004, "category_uid": 3, "activity_id": 10, "activity_name": "Activate", "type_uid": 300_410,
            "time": 5,
            "metadata": {
                "version": "1.8.0",
                "product": {"name": "Gác Cổng", "vendor_name": "Gác Cổng", "version": env!("CARGO_PKG_VERSION")},
                "uid": "00000000-0000-0000-0000-000000000003",
            },
            "status_id": 1, "status": "Success", "severity_id": 1, "severity": "Informational",
            "entity": {"name": "policies", "type": "policy", "uid": "ab", "version": "7"},
            "actor": {"user": {"uid": "lan", "type_id": 1, "type": "User"}},
            "unmapped": {"gaccong": {
                "version": 1, "phase": "final", "result": "in_force", "policy_digest": "ab", "policy_count": 12,
                "bundle": {"sequence": 7, "manifest_sha256": "cd", "author": "lan", "approvers": ["minh", "hoa"]},
                "error_count": 0,
            }},
        });
        assert_eq!(record, expected);
    }

    #[test]
    fn policies_that_did_not_load_name_the_faults_and_no_author() {
        let errors: Vec<_> = (0..1000).map(|number| format!("a.cedar:{number}:1: {}", "x\n".repeat(5000))).collect();
        let refused = PoliciesEvent { errors, ..event() };
        let bytes = line(refused.clone());
        assert!(bytes.len() <= LINE_LIMIT && bytes.iter().filter(|byte| **byte == b'\n').count() == 1);
        let record = record(refused);
        assert_eq!((record["status"].as_str(), record.get("actor")), (Some("Failure"), None));
        assert_eq!(record["unmapped"]["gaccong"]["error_count"], 1000);
        assert!(record["status_detail"].as_str().unwrap().starts_with("a.cedar:0:1: x"));
    }
}
