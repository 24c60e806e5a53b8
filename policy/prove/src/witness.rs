//! A witness: the solver's answer as a question that a gateway could ask, made as plain as it can be.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use cedar_policy::EntityUid;
use cedar_policy_symcc::Env;
use gaccong_policy::{ContextBuf, PrincipalBuf, PrincipalKind, QuestionBuf, RequestBuf, bounds};
use serde::Deserialize as _;
use serde_json::{Map, Value};

/// 2026-01-01T00:00:00Z, when nothing else is asked for.
pub(crate) const ORDINARY_TIME_MS: i64 = 1_767_225_600_000;

/// A question that stands by itself.
pub type Witness = QuestionBuf<'static>;

/// The question that `env` answers, about the app `app`.
pub(crate) fn question(env: &Env, app: &str, action: &str) -> Result<Witness, String> {
    let principal = env.request.principal().ok_or("no principal")?;
    let type_name = principal.type_name().to_string();
    let kind = PrincipalKind::ALL.into_iter().find(|kind| kind.entity_type() == type_name);
    let kind = kind.ok_or_else(|| format!("a principal of the type `{type_name}`"))?;
    let context = env.request.context().ok_or("no context")?.to_json_value().map_err(|error| error.to_string())?;
    // A JSON value that is given away leaves nothing to borrow from.
    let context = ContextBuf::<'static>::deserialize(plain_context(context)?).map_err(|error| error.to_string())?;
    Ok(QuestionBuf {
        principal: PrincipalBuf { kind, id: owned(principal), groups: groups(env, principal) },
        action: Cow::Owned(action.to_owned()),
        app: Cow::Owned(app.to_owned()),
        context: within_bounds(context),
    })
}

/// The facts that policies look at are within their bounds by assumption. The others can be anything, to the solver.
fn within_bounds(mut context: ContextBuf<'static>) -> ContextBuf<'static> {
    let clamp = |value: &mut i64, bounds: RangeInclusive<i64>| *value = (*value).clamp(*bounds.start(), *bounds.end());
    clamp(&mut context.now_ms, bounds::NOW_MS);
    clamp(&mut context.alert_level, bounds::ALERT_LEVEL);
    if let Some(device) = &mut context.device {
        device.age_s.iter_mut().for_each(|age| clamp(age, bounds::AGE_S));
        device.patch_age_days.iter_mut().for_each(|age| clamp(age, bounds::PATCH_AGE_DAYS));
    }
    context.certificate.iter_mut().for_each(|it| clamp(&mut it.not_after_ms, bounds::NOT_AFTER_MS));
    context.session.iter_mut().for_each(|it| clamp(&mut it.auth_age_s, bounds::AGE_S));
    context
}

fn owned(uid: &EntityUid) -> Cow<'static, str> {
    Cow::Owned(uid.id().unescaped().to_owned())
}

fn groups(env: &Env, principal: &EntityUid) -> Vec<Arc<str>> {
    let ancestors = env.entities.ancestors(principal).into_iter().flatten();
    let groups = ancestors.filter(|uid| uid.type_name().to_string() == "Group");
    let mut groups: Vec<Arc<str>> = groups.map(|uid| uid.id().unescaped().into()).collect();
    groups.sort_unstable();
    groups
}

/// Cedar's JSON of a context as the JSON of a question.
fn plain_context(context: Value) -> Result<Value, String> {
    let Value::Object(mut context) = context else { return Err("a context that is no record".to_owned()) };
    rename_instant(&mut context, "now", "now_ms")?;
    if let Some(Value::Object(certificate)) = context.get_mut("certificate") {
        rename_instant(certificate, "not_after", "not_after_ms")?;
    }
    if let Some(Value::Object(request)) = context.get_mut("request") {
        let address = request.get("source_ip").and_then(|value| call(value, "ip")?.pointer("/arg")?.as_str());
        let address = address.ok_or("an address that is none")?;
        // The first address of a network stands for all: see the assumptions.
        let first = address.split_once('/').map_or(address, |(first, _)| first).to_owned();
        request.insert("source_ip".to_owned(), Value::String(first));
    }
    Ok(Value::Object(context))
}

fn rename_instant(record: &mut Map<String, Value>, name: &str, new_name: &str) -> Result<(), String> {
    let value = record.remove(name).ok_or_else(|| format!("no `{name}`"))?;
    let milliseconds = instant_ms(&value).ok_or_else(|| format!("`{name}` is {value}, which is no instant"))?;
    record.insert(new_name.to_owned(), milliseconds.into());
    Ok(())
}

/// Instants are written as what has passed since the epoch.
fn instant_ms(value: &Value) -> Option<i64> {
    let duration = call(call(value, "offset")?.pointer("/args/1")?, "duration")?;
    duration.pointer("/arg")?.as_str()?.strip_suffix("ms")?.parse().ok()
}

/// The call of an extension function, as Cedar writes it in JSON.
fn call<'a>(value: &'a Value, function: &str) -> Option<&'a Value> {
    let call = value.get("__extn").unwrap_or(value);
    (call.get("fn")?.as_str()? == function).then_some(call)
}

/// Makes a witness plainer for as long as it stays one: what does not matter is left out, or becomes ordinary.
pub(crate) fn simplify(mut witness: Witness, is_witness: impl Fn(&Witness) -> bool) -> Witness {
    for simpler in SIMPLER {
        let mut candidate = witness.clone();
        simpler(&mut candidate);
        if candidate != witness && is_witness(&candidate) {
            witness = candidate;
        }
    }
    for group in witness.principal.groups.clone() {
        let mut candidate = witness.clone();
        candidate.principal.groups.retain(|other| *other != group);
        if is_witness(&candidate) {
            witness = candidate;
        }
    }
    witness
}

/// Steps towards an ordinary request, the largest first.
const SIMPLER: [fn(&mut Witness); 43] = [
    |it| it.context.threat = None,
    |it| it.context.target = None,
    |it| it.context.risk = None,
    |it| it.context.break_glass = None,
    |it| it.context.alert_level = 0,
    |it| it.context.signal_lost = false,
    |it| it.context.request.site = None,
    |it| it.context.request.origin = None,
    |it| it.context.certificate = None,
    |it| it.context.session = None,
    |it| it.context.device = None,
    |it| it.context.device.iter_mut().for_each(|device| device.managed = None),
    |it| it.context.device.iter_mut().for_each(|device| device.platform = None),
    |it| it.context.device.iter_mut().for_each(|device| device.os_version = None),
    |it| it.context.device.iter_mut().for_each(|device| device.disk_encrypted = None),
    |it| it.context.device.iter_mut().for_each(|device| device.firewall = None),
    |it| it.context.device.iter_mut().for_each(|device| device.screen_lock = None),
    |it| it.context.device.iter_mut().for_each(|device| device.secure_boot = None),
    |it| it.context.device.iter_mut().for_each(|device| device.edr_running = None),
    |it| it.context.device.iter_mut().for_each(|device| device.patch_age_days = None),
    |it| it.context.device.iter_mut().for_each(|device| device.compliant = None),
    |it| it.context.device.iter_mut().for_each(|device| device.risk = None),
    |it| it.context.device.iter_mut().for_each(|device| device.owner = None),
    |it| it.context.device.iter_mut().for_each(|device| device.source = None),
    |it| it.context.device.iter_mut().for_each(|device| device.age_s = None),
    |it| it.context.device.iter_mut().for_each(|device| device.id = "laptop-1".into()),
    |it| it.context.session.iter_mut().for_each(|session| session.acr = None),
    |it| it.context.session.iter_mut().for_each(|session| session.auth_age_s = 60),
    |it| it.context.session.iter_mut().for_each(|session| session.method = "oidc".into()),
    |it| it.context.certificate.iter_mut().for_each(|certificate| certificate.trust_domain = "example".into()),
    |it| it.context.certificate.iter_mut().for_each(|certificate| certificate.fingerprint = "00".into()),
    |it| it.context.certificate.iter_mut().for_each(|certificate| certificate.issuer = "CN=example".into()),
    |it| it.context.certificate.iter_mut().for_each(|certificate| certificate.serial = "01".into()),
    |it| it.context.certificate.iter_mut().for_each(|it| it.not_after_ms = ORDINARY_TIME_MS + 86_400_000),
    |it| it.context.threat.iter_mut().for_each(|threat| threat.list = "example".into()),
    |it| it.context.target.iter_mut().for_each(|target| target.kind = "user".into()),
    |it| it.context.target.iter_mut().for_each(|target| target.id = "someone@example".into()),
    |it| it.context.break_glass.iter_mut().for_each(|it| it.grant = "example".into()),
    |it| it.principal.id = ordinary_name(it.principal.kind).into(),
    |it| it.context.now_ms = ORDINARY_TIME_MS,
    |it| it.context.request.source_ip = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    |it| it.context.request = RequestBuf { host: format!("{}.example", it.app).into(), ..it.context.request.clone() },
    |it| it.context.request = RequestBuf { path: "/".into(), method: "GET".into(), ..it.context.request.clone() },
];

/// A name that no policy means.
pub(crate) fn ordinary_name(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "someone@example",
        PrincipalKind::Workload => "spiffe://example/service",
        PrincipalKind::Device => "laptop-1",
    }
}
