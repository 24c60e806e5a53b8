//! A case: a question, put together from named parts, and the answer that is expected.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use gaccong_policy::{BreakGlassBuf, Cause, ContextBuf, QuestionBuf, RequestBuf, StepUp, ThreatBuf};
use serde::Serialize;

use super::known::Known;
use super::moment;
use super::parts::{self, Parts, owned};
use super::request::{self, Asked, Doing};
use crate::config::reader::{Table, Text};
use crate::config::source::Spot;

/// Where a request comes from that does not say (RFC 5737).
const DEFAULT_SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A question and its expected answer.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Where it begins in its file, from 1.
    pub(crate) line: usize,
    pub(crate) question: QuestionBuf<'static>,
    pub(crate) expected: Expected,
}

/// What a case expects. What is `None` does not matter.
#[derive(Debug, Serialize)]
pub(crate) struct Expected {
    pub(crate) decision: Answer,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::judge::code")]
    pub(crate) reason: Option<Cause>,
    /// One of the policies that make the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    /// One of the policies on trial that would have decided otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) observed: Option<String>,
    /// The login by which the refusal would be a permit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step_up: Option<StepUp>,
}

/// The two answers, in the words of case files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    Permit,
    Refuse,
}

impl Answer {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Refuse => "refuse",
        }
    }
}

/// What a case, or the defaults of its file, say of the request.
#[derive(Clone, Default)]
pub(super) struct Settings<'a> {
    who: Option<Text<'a>>,
    device: Option<Text<'a>>,
    certificate: Option<Text<'a>>,
    session: Option<Text<'a>>,
    threat: Option<Text<'a>>,
    risk: Option<Text<'a>>,
    break_glass: Option<Text<'a>>,
    alert_level: Option<i64>,
    signal_lost: Option<bool>,
    app: Option<Text<'a>>,
    doing: Option<Doing<'a>>,
    from: Option<Text<'a>>,
    site: Option<Text<'a>>,
    origin: Option<Text<'a>>,
    at: Option<Text<'a>>,
}

impl<'a> Settings<'a> {
    pub(super) fn take(table: &mut Table<'a>) -> Self {
        Self {
            who: table.text("who"),
            device: table.text("device"),
            certificate: table.text("certificate"),
            session: table.text("session"),
            threat: table.text("threat"),
            risk: table.text("risk"),
            break_glass: table.text("break_glass"),
            alert_level: table.optional_count("alert_level"),
            signal_lost: table.optional_flag("signal_lost"),
            app: table.text("app"),
            doing: request::doing(table),
            from: table.text("from"),
            site: table.text("site"),
            origin: table.text("origin"),
            at: table.text("at"),
        }
    }

    /// These, and the defaults for what they leave open.
    fn or(self, defaults: Self) -> Self {
        Self {
            who: self.who.or(defaults.who),
            device: self.device.or(defaults.device),
            certificate: self.certificate.or(defaults.certificate),
            session: self.session.or(defaults.session),
            threat: self.threat.or(defaults.threat),
            risk: self.risk.or(defaults.risk),
            break_glass: self.break_glass.or(defaults.break_glass),
            alert_level: self.alert_level.or(defaults.alert_level),
            signal_lost: self.signal_lost.or(defaults.signal_lost),
            app: self.app.or(defaults.app),
            doing: self.doing.or(defaults.doing),
            from: self.from.or(defaults.from),
            site: self.site.or(defaults.site),
            origin: self.origin.or(defaults.origin),
            at: self.at.or(defaults.at),
        }
    }
}

/// What surrounds a case in its file and directory.
pub(super) struct Surroundings<'r, 'a> {
    pub(super) defaults: Settings<'a>,
    pub(super) parts: &'r Parts<'a>,
    pub(super) known: &'r Known<'r>,
}

/// Reads a case, and where its name stands.
pub(super) fn read<'a>(mut table: Table<'a>, around: &Surroundings<'_, 'a>) -> Option<(Case, Spot<'a>)> {
    let name = table.required_text("name");
    let settings = Settings::take(&mut table).or(around.defaults.clone());
    let (with, without) = (table.table("with"), table.texts("without"));
    let expected = expected(&mut table, around.known);
    let spot = table.spot;
    table.finish();
    let mut question = question(&settings, spot, around.parts, around.known);
    if let Some(question) = &mut question {
        without.iter().for_each(|path| remove(path, &mut question.context));
        with.into_iter().for_each(|with| vary(with, &mut question.context, around.known));
    }
    let name = name?;
    let case = Case { name: name.to_string(), line: spot.line(), question: question?, expected: expected? };
    Some((case, name.spot))
}

fn expected(table: &mut Table<'_>, known: &Known<'_>) -> Option<Expected> {
    table.require("expect", "`\"permit\"` or `\"refuse\"`");
    let words = [Answer::Permit, Answer::Refuse].map(|answer| (answer.as_str(), answer));
    let decision = table.choice("expect", &words);
    let reason = table.choice("reason", &super::judge::CODES);
    let policy = table.text("policy").filter(|id| known.is_policy(id)).map(|id| id.to_string());
    let observed = table.text("observed").filter(|id| known.is_policy(id)).map(|id| id.to_string());
    let step_up = table.table("step_up").map(step_up);
    for (key, is_there) in [("reason", reason.is_some()), ("step_up", step_up.is_some())] {
        if decision == Some(Answer::Permit) && is_there {
            table.spot.error(format!("a permit has no `{key}`"), format!("`{key}` with `expect = \"refuse\"` only"));
        }
    }
    Some(Expected { decision: decision?, reason, policy, observed, step_up })
}

fn step_up(mut table: Table<'_>) -> StepUp {
    let acr = table.text("acr").map(|acr| Arc::from(&*acr));
    let max_age_s = table.optional_count("max_age_s").and_then(|age_s| u32::try_from(age_s).ok());
    table.finish();
    StepUp { acr, max_age_s }
}

/// The question of a case, before its variations. Everything is read before anything is given up.
fn question(case: &Settings<'_>, spot: Spot<'_>, parts: &Parts<'_>, known: &Known<'_>) -> Option<QuestionBuf<'static>> {
    let who = required(&case.who, spot, "who", "a person or workload");
    let principal = who.and_then(|name| parts.principals.find(name)).cloned();
    let app = required(&case.app, spot, "app", "the name of an app").and_then(|name| known.app(name));
    let doing = required(&case.doing, spot, "does", "an action, or `request`");
    let device = optional(&case.device, |name| parts.devices.find(name));
    let certificate = optional(&case.certificate, |name| parts.certificates.find(name));
    let session = optional(&case.session, |name| parts.sessions.find(name));
    let threat = case.threat.as_ref().map(|list| ThreatBuf { list: owned(list) });
    let source_ip = case.from.as_ref().map_or(Some(DEFAULT_SOURCE), source);
    let now_ms = case.at.as_ref().map_or(Some(moment::DEFAULT_MS), moment::read_ms);

    let app = app?;
    let Asked { action, host, path, method } = doing?.of(app)?;
    let request = RequestBuf {
        host: host.into(),
        path: path.into(),
        method: method.into(),
        source_ip: source_ip?,
        site: case.site.as_ref().map(owned),
        origin: case.origin.as_ref().map(owned),
    };
    let (device, certificate, session) = (device?, certificate?, session?);
    let context = ContextBuf {
        device,
        certificate,
        session,
        threat,
        target: None,
        risk: case.risk.as_ref().map(owned),
        break_glass: case.break_glass.as_ref().map(|grant| BreakGlassBuf { grant: owned(grant) }),
        alert_level: case.alert_level.unwrap_or_default(),
        signal_lost: case.signal_lost.unwrap_or_default(),
        request,
        now_ms: now_ms?,
    };
    Some(QuestionBuf {
        principal: principal?,
        action: action.to_string().into(),
        app: app.name.to_string().into(),
        context,
    })
}

fn required<'s, T>(setting: &'s Option<T>, spot: Spot<'_>, key: &str, expected: &str) -> Option<&'s T> {
    if setting.is_none() {
        spot.error(format!("`{key}` is missing"), format!("{expected} as `{key}`, here or in `[defaults]`"));
    }
    setting.as_ref()
}

/// `Some(None)` where nothing is named, `None` where what is named is not found.
fn optional<'p, T: Clone + 'p>(
    name: &Option<Text<'_>>,
    find: impl Fn(&Text<'_>) -> Option<&'p T>,
) -> Option<Option<T>> {
    match name {
        Some(name) => find(name).cloned().map(Some),
        None => Some(None),
    }
}

fn source(text: &Text<'_>) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.refuse(format!("`{}` is not an IP address", &**text), "such as `10.1.2.3`"))
}

/// `without`: makes a part, or a fact of the device, absent.
fn remove(path: &Text<'_>, context: &mut ContextBuf<'static>) {
    let was_there = match &**path {
        "device" => context.device.take().is_some(),
        "certificate" => context.certificate.take().is_some(),
        "session" => context.session.take().is_some(),
        "session.acr" => context.session.as_mut().and_then(|session| session.acr.take()).is_some(),
        "threat" => context.threat.take().is_some(),
        "risk" => context.risk.take().is_some(),
        "break_glass" => context.break_glass.take().is_some(),
        other => match (other.strip_prefix("device."), &mut context.device) {
            (Some(fact), Some(device)) => parts::forget(device, fact),
            _ => false,
        },
    };
    if !was_there {
        let expected = "`device`, `device.…`, `certificate`, `session`, `session.acr`, `threat`, `risk` or `break_glass`, where the case has it";
        path.spot.error(format!("there is no `{}` to leave out", &**path), expected);
    }
}

/// `with`: changes parts for this case.
fn vary(mut with: Table<'_>, context: &mut ContextBuf<'static>, known: &Known<'_>) {
    change(with.table("device"), "device", context.device.as_mut(), parts::vary_device);
    change(with.table("certificate"), "certificate", context.certificate.as_mut(), |table, certificate| {
        parts::vary_certificate(table, certificate, known);
    });
    change(with.table("session"), "session", context.session.as_mut(), parts::vary_session);
    with.finish();
}

fn change<T>(table: Option<Table<'_>>, key: &str, part: Option<&mut T>, vary: impl Fn(&mut Table<'_>, &mut T)) {
    let Some(mut table) = table else { return };
    match part {
        Some(part) => {
            vary(&mut table, part);
            table.finish();
        }
        None => table.spot.error(format!("the case has no {key} to vary"), format!("a {key} named by `{key}`")),
    }
}
