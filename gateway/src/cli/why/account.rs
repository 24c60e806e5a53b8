//! What there is to say about one request, gathered from its record, the configuration and the policies.

use gaccong_policy::{Considered, Decision, Mode, QuestionBuf, Remedy, Words};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::words;
use crate::audit::event::{Phase, Verdict};
use crate::audit::recorded::{Gaccong, Record};
use crate::cli::policy::inputs::Inputs;
use crate::pages::Language;
use crate::process::policies;
use crate::reason::Reason;
use crate::request::decide::reason_of;
use crate::request::refuse::{Message, Refusal};

/// How many of the permits that come nearest are shown.
const NEAREST: usize = 3;

/// What is said.
#[derive(Debug, Serialize)]
pub(super) struct Account {
    pub(super) request_id: String,
    pub(super) found: bool,
    pub(super) kind: Kind,
    pub(super) time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<String>,
    /// Who answers for the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner: Option<String>,
    pub(super) result: Outcome,
    /// Why it was refused, or would have been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<Said>,
    /// The policies that made the decision.
    pub(super) policies: Vec<String>,
    /// Whether the policies at hand are those that decided; `None` where there are none at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policies_unchanged: Option<bool>,
    /// Which conditions would have to be others, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) conditions: Vec<Conditions>,
    /// What was known of the device.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) device: Vec<Fact>,
    pub(super) end: End,
    /// How many attempts the record stands for.
    pub(super) count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) personal: Option<Personal>,
}

/// Of what the record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Request,
    ConnectionAttempt,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Permitted,
    /// Let through, although enforcement would have refused.
    Observed,
    Refused,
}

/// A reason, as the person was told it.
#[derive(Debug, Serialize)]
pub(super) struct Said {
    pub(super) reason: String,
    pub(super) title: String,
    pub(super) why: String,
    /// One or more things, in the order in which they are said.
    pub(super) what_to_do: Vec<String>,
}

/// The conditions of one policy that keep the request from being let through, as they are written.
#[derive(Debug, Serialize)]
pub(super) struct Conditions {
    pub(super) policy: String,
    pub(super) conditions: Vec<String>,
}

/// What is shown beyond the usual.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// Who asked, from which device and address, and for which path.
    pub(super) personal: bool,
    /// The policies' conditions.
    pub(super) conditions: bool,
}

/// What the policies at hand say of a request that was refused.
#[derive(Debug, Default)]
struct Explained {
    words: Words,
    remedies: Vec<Remedy>,
    conditions: Vec<Conditions>,
    unchanged: Option<bool>,
}

/// A fact of the device, in words.
#[derive(Debug, Serialize)]
pub(super) struct Fact {
    pub(super) fact: &'static str,
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// How it ended.
#[derive(Debug, Serialize)]
pub(super) struct End {
    /// `completed`, `cut`, …; `running` where only the opening record is there.
    pub(super) outcome: String,
    /// Why it was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) because: Option<Said>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duration_ms: Option<u64>,
}

/// What says who it was.
#[derive(Debug, Serialize)]
pub(super) struct Personal {
    pub(super) principal: Option<String>,
    pub(super) device: Option<String>,
    pub(super) device_owner: Option<String>,
    pub(super) source: String,
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    /// Errors and other details, which may name anybody.
    pub(super) details: Vec<String>,
}

impl Account {
    /// The account of a record.
    pub(super) fn of(id: Uuid, record: &Record<'_>, inputs: Option<&Inputs>, language: Language, shown: Shown) -> Self {
        let ours = &record.unmapped.gaccong;
        let app = record.dst_endpoint.svc_name.as_deref();
        let result = result(record);
        let inputs_of_refusal = inputs.filter(|_| result != Outcome::Permitted);
        let Explained { words, remedies, conditions, unchanged } =
            inputs_of_refusal.and_then(|inputs| explained(ours, inputs)).unwrap_or_default();
        let said = |code: &str| Said::of(id, code, Words::default(), Vec::new(), language);
        let refusal = ours
            .reason
            .filter(|_| result != Outcome::Permitted)
            .map(|code| Said::of(id, code, words, remedies, language));
        let question = ours.question.as_ref().filter(|_| result != Outcome::Permitted);
        Self {
            request_id: id.to_string(),
            found: true,
            kind: if record.is_attempt() { Kind::ConnectionAttempt } else { Kind::Request },
            time: Timestamp::from_millisecond(record.time).map(|time| time.to_string()).unwrap_or_default(),
            app: app.map(str::to_owned),
            host: record.http_request.as_ref().and_then(|request| request.url.hostname.as_deref()).map(str::to_owned),
            owner: inputs.zip(app).and_then(|(inputs, app)| inputs.app(app)?.owner.as_deref().map(str::to_owned)),
            result,
            refusal,
            policies: ours.policies.iter().map(|id| id.clone().into_owned()).collect(),
            policies_unchanged: unchanged,
            conditions: if shown.conditions { conditions } else { Vec::new() },
            device: question.map(|question| facts(question, language)).unwrap_or_default(),
            end: End {
                outcome: match record.phase() {
                    Phase::Opening => "running".to_owned(),
                    Phase::Final => ours.outcome.unwrap_or("refused").to_owned(),
                },
                because: ours.cut_reason.map(said),
                status: record.http_response.as_ref().map(|response| response.code),
                duration_ms: ours.duration_us.map(|duration| duration / 1000),
            },
            count: ours.count.unwrap_or(1),
            personal: shown.personal.then(|| Personal::of(record)),
        }
    }
}

fn result(record: &Record<'_>) -> Outcome {
    match record.verdict() {
        Some(Verdict::Permit) => Outcome::Permitted,
        Some(Verdict::ObservedDeny) => Outcome::Observed,
        Some(Verdict::Deny) | None => Outcome::Refused,
    }
}

/// What the policies at hand say, as far as they still refuse for the recorded reason; and whether they are those that
/// decided. `None` where policy was not asked, or there are no policies at hand.
fn explained(ours: &Gaccong<'_>, inputs: &Inputs) -> Option<Explained> {
    let (question, digest) = (ours.question.as_ref()?.lend(), ours.policy_digest?);
    let (policies, _) = policies::load(&inputs.directory, &inputs.names()).ok()?;
    let unchanged = Some(**policies.digest() == *digest);
    let denial = match policies.decide(&question, Mode::Enforce) {
        Decision::Deny(denial) => denial,
        Decision::Permit(permit) => permit.would_refuse()?.clone(),
    };
    let same_policies = denial.policies.iter().map(|id| &**id).eq(ours.policies.iter().map(|id| &**id));
    let same_reason = [reason_of(denial.cause), Reason::SessionStepUp].map(|reason| Some(reason.code()));
    if !same_policies || !same_reason.contains(&ours.reason) {
        return Some(Explained { unchanged, ..Explained::default() });
    }
    let explanation = policies.explain(&question);
    let considered = explanation.forbids.iter().chain(explanation.permits.iter().take(NEAREST));
    Some(Explained {
        words: denial.words,
        remedies: explanation.mendable(),
        conditions: considered.map(Conditions::of).filter(|policy| !policy.conditions.is_empty()).collect(),
        unchanged,
    })
}

impl Conditions {
    fn of(policy: &Considered) -> Self {
        let decisive = policy.conditions.iter().filter(|condition| condition.change.is_some());
        Self {
            policy: policy.policy.to_string(),
            conditions: decisive.map(|condition| condition.text.clone()).collect(),
        }
    }
}

fn facts(question: &QuestionBuf<'_>, language: Language) -> Vec<Fact> {
    let Some(device) = &question.context.device else { return Vec::new() };
    let answer = |value: Option<bool>| value.map(|value| words::yes_or_no(value, language).to_owned());
    let number = |value: Option<i64>| value.map(|value| value.to_string());
    let values = [
        answer(device.managed),
        answer(device.disk_encrypted),
        answer(device.firewall),
        answer(device.screen_lock),
        answer(device.secure_boot),
        answer(device.edr_running),
        number(device.patch_age_days),
        answer(device.compliant),
        device.risk.as_deref().map(str::to_owned),
        device.platform.as_deref().map(str::to_owned),
        device.os_version.as_deref().map(str::to_owned),
    ];
    let named = words::FACTS.iter().zip(values);
    named.filter_map(|(fact, value)| Some(Fact { fact: fact.key, name: fact.name(language), value: value? })).collect()
}

impl Said {
    /// What is said of a reason. One that this version does not know is said by its code.
    fn of(request_id: Uuid, code: &str, words: Words, remedies: Vec<Remedy>, language: Language) -> Self {
        let Some(reason) = Reason::ALL.iter().copied().find(|reason| reason.code() == code) else {
            let unknown = words::labels(language).unknown_reason.to_owned();
            return Self { reason: code.to_owned(), title: unknown, why: String::new(), what_to_do: Vec::new() };
        };
        let refusal = Refusal { words, remedies, ..Refusal::new(reason, request_id) };
        let message = Message::of(&refusal, language);
        let remedies = message.remedies.iter().map(|(_, remedy)| remedy.clone().into_owned());
        Self {
            reason: code.to_owned(),
            title: message.title.into_owned(),
            why: message.detail.text.into_owned(),
            what_to_do: std::iter::once(message.advice.text.into_owned()).chain(remedies).collect(),
        }
    }
}

impl Personal {
    fn of(record: &Record<'_>) -> Self {
        let ours = &record.unmapped.gaccong;
        let question = ours.question.as_ref();
        let owner = question.and_then(|question| question.context.device.as_ref()?.owner.as_deref());
        Self {
            principal: record.actor.as_ref().map(|actor| actor.user.uid.clone().into_owned()),
            device: record.device.as_ref().map(|device| device.uid.clone().into_owned()),
            device_owner: owner.map(str::to_owned),
            source: record.src_endpoint.ip.to_owned(),
            method: record.http_request.as_ref().map(|request| request.http_method.clone().into_owned()),
            path: record.http_request.as_ref().map(|request| request.url.path.clone().into_owned()),
            details: ours.details.iter().map(|detail| detail.clone().into_owned()).collect(),
        }
    }
}
