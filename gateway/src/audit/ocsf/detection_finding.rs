//! Detection Finding (class 2004), activity Create: policy decided otherwise than Cedar does.

use gaccong_policy::{Cause, PolicyId};
use serde::Serialize;

use super::objects::{Id, Metadata};
use super::text::{Bounds, Text, Texts};
use super::unmapped::{Unmapped, VERSION};
use crate::audit::event::ShadowMismatch;
use crate::request::shadow::Answer;

const CLASS_UID: u32 = 2004;
const CREATE: u32 = 1;

/// The event of a mismatch. The question stands in the record of the request.
#[derive(Debug, Serialize)]
pub(super) struct DetectionFinding<'a> {
    class_uid: u32,
    category_uid: u8,
    activity_id: u32,
    activity_name: &'static str,
    type_uid: u32,
    time: i64,
    metadata: Metadata<'a>,
    severity_id: u8,
    severity: &'static str,
    status_id: u8,
    status: &'static str,
    finding_info: FindingInfo,
    unmapped: Unmapped<MismatchPart<'a>>,
}

#[derive(Debug, Serialize)]
struct FindingInfo {
    uid: Id,
    title: &'static str,
    types: [&'static str; 1],
}

/// `unmapped.gaccong` of a mismatch.
#[derive(Debug, Serialize)]
struct MismatchPart<'a> {
    version: u64,
    phase: &'static str,
    request: Id,
    app: Text<'a>,
    policy_digest: Text<'a>,
    decided: AnswerPart<'a>,
    by_cedar: AnswerPart<'a>,
}

#[derive(Debug, Serialize)]
struct AnswerPart<'a> {
    permitted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    policies: Texts<'a, PolicyId>,
    observed: Texts<'a, PolicyId>,
}

impl<'a> DetectionFinding<'a> {
    /// The event, with texts cut at `bounds`.
    pub(super) fn of(event: &'a ShadowMismatch, bounds: &'static Bounds) -> Self {
        Self {
            class_uid: CLASS_UID,
            category_uid: 2,
            activity_id: CREATE,
            activity_name: "Create",
            type_uid: CLASS_UID * 100 + CREATE,
            time: event.time_ms,
            metadata: Metadata::of_gateway(event.id),
            severity_id: 4,
            severity: "High",
            status_id: 1,
            status: "New",
            finding_info: FindingInfo {
                uid: Id(event.id),
                title: "policy decided otherwise than Cedar",
                types: ["policy.shadow_mismatch"],
            },
            unmapped: Unmapped {
                gaccong: MismatchPart {
                    version: VERSION,
                    phase: "final",
                    request: Id(event.request),
                    app: bounds.name(&event.app),
                    policy_digest: bounds.token(&event.policy_digest),
                    decided: AnswerPart::of(&event.decided, bounds),
                    by_cedar: AnswerPart::of(&event.by_cedar, bounds),
                },
            },
        }
    }
}

impl<'a> AnswerPart<'a> {
    fn of(answer: &'a Answer, bounds: &Bounds) -> Self {
        Self {
            permitted: answer.permitted,
            cause: answer.cause,
            policies: bounds.policies(&answer.policies),
            observed: bounds.policies(&answer.observed),
        }
    }
}

#[cfg(test)]
mod tests {
    use gaccong_policy::PolicyIds;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::audit::event::Event;
    use crate::audit::ocsf::write_line;

    #[test]
    fn a_mismatch_names_both_answers_and_the_request() {
        let answer = |permitted, cause, policy: &str| Answer {
            permitted,
            cause,
            policies: [policy.into()].into_iter().collect(),
            observed: PolicyIds::new(),
        };
        let event = ShadowMismatch {
            id: Uuid::from_u128(3),
            time_ms: 5,
            request: Uuid::from_u128(1),
            app: "payroll".into(),
            policy_digest: "ab".into(),
            decided: answer(true, None, "p"),
            by_cedar: answer(false, Some(Cause::Forbid), "f"),
        };
        let mut line = Vec::new();
        write_line(&Event::from(event), &mut line).unwrap();
        let record: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(
            (&record["class_uid"], &record["type_uid"], &record["severity"]),
            (&json!(2004), &json!(200_401), &json!("High"))
        );
        let part = &record["unmapped"]["gaccong"];
        assert_eq!(part["request"], "00000000-0000-0000-0000-000000000001");
        assert_eq!(part["decided"], json!({"permitted": true, "policies": ["p"], "observed": []}));
        assert_eq!(part["by_cedar"], json!({"permitted": false, "cause": "forbid", "policies": ["f"], "observed": []}));
    }
}
