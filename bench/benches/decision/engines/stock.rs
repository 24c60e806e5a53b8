//! Cedar as it comes: its authorizer over all policies. Request, context and the two entities that a question is about
//! are made for each, as they must be.

use std::collections::HashMap;
use std::hint::black_box;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet,
    Request, Response, RestrictedExpression as Value,
};
use gaccong_policy::{Device, Question};

use super::{Answer, Effect, Engine};
use crate::policies;
use crate::questions::app_name;

pub(crate) struct Stock {
    authorizer: Authorizer,
    policies: PolicySet,
    types: Types,
}

struct Types {
    user: EntityTypeName,
    group: EntityTypeName,
    app: EntityTypeName,
    action: EntityTypeName,
}

impl Stock {
    pub(crate) fn new(apps: usize) -> Self {
        let sources = (0..apps).map(|app| policies::app_cedar(&app_name(app))).chain([policies::global_cedar()]);
        let mut all = PolicySet::new();
        for source in sources {
            let parsed: PolicySet = source.text.parse().expect("the policies parse");
            parsed.policies().for_each(|policy| all.add(named(policy)).expect("ids are unique"));
        }
        let kind = |name: &str| name.parse().expect("a name");
        let types = Types { user: kind("User"), group: kind("Group"), app: kind("App"), action: kind("Action") };
        Self { authorizer: Authorizer::new(), policies: all, types }
    }

    fn decide(&self, question: &Question<'_>) -> Response {
        let (request, entities) = self.types.request(question);
        self.authorizer.is_authorized(&request, &self.policies, &entities)
    }
}

impl Engine for Stock {
    fn spend(&mut self, question: &Question<'_>) {
        black_box(self.decide(black_box(question)));
    }

    fn answer(&mut self, question: &Question<'_>) -> Answer {
        let response = self.decide(question);
        assert_eq!(response.diagnostics().errors().count(), 0, "no policy errs");
        let mut by: Vec<_> = response.diagnostics().reason().map(ToString::to_string).collect();
        by.sort();
        let effect = match response.decision() {
            Decision::Allow => Effect::Permit,
            Decision::Deny if by.is_empty() => Effect::None,
            Decision::Deny => Effect::Forbid,
        };
        Answer { effect, by }
    }
}

/// The policy under the id that its annotation gives.
fn named(policy: &Policy) -> Policy {
    policy.new_id(PolicyId::new(policy.annotation("id").expect("policies have ids")))
}

impl Types {
    fn request(&self, question: &Question<'_>) -> (Request, Entities) {
        let uid = |kind: &EntityTypeName, id: &str| EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id));
        let principal = uid(&self.user, question.principal.id);
        let app = uid(&self.app, question.app);
        let groups = question.principal.groups.iter().map(|group| uid(&self.group, group)).collect();
        let attributes = HashMap::from([("sensitivity".to_owned(), text("internal"))]);
        let entities = [
            Entity::new_no_attrs(principal.clone(), groups),
            Entity::new(app.clone(), attributes, Default::default()).expect("a plain entity"),
        ];
        let entities = Entities::from_entities(entities, None).expect("two entities");
        let action = uid(&self.action, question.action);
        (Request::new(principal, action, app, context(question), None).expect("nothing to validate"), entities)
    }
}

fn context(question: &Question<'_>) -> Context {
    let context = &question.context;
    let request = &context.request;
    let mut parts = vec![
        ("now".to_owned(), time(context.now_ms)),
        (
            "request".to_owned(),
            record(vec![
                ("host", text(request.host)),
                ("path", text(request.path)),
                ("method", text(request.method)),
                ("source_ip", Value::new_ip(request.source_ip.to_string())),
            ]),
        ),
    ];
    if let Some(it) = &context.device {
        parts.push(("device".to_owned(), record(device(it))));
    }
    if let Some(it) = &context.certificate {
        let fields = vec![
            ("trust_domain", text(it.trust_domain)),
            ("fingerprint", text(it.fingerprint)),
            ("issuer", text(it.issuer)),
            ("serial", text(it.serial)),
            ("not_after", time(it.not_after_ms)),
        ];
        parts.push(("certificate".to_owned(), record(fields)));
    }
    if let Some(it) = &context.session {
        let mut fields = vec![("method", text(it.method)), ("auth_age_s", Value::new_long(it.auth_age_s))];
        fields.extend(it.acr.map(|acr| ("acr", text(acr))));
        parts.push(("session".to_owned(), record(fields)));
    }
    Context::from_pairs(parts).expect("names are unique")
}

fn device(device: &Device<'_>) -> Vec<(&'static str, Value)> {
    let flag = |value: Option<bool>| value.map(Value::new_bool);
    let fields = [
        ("id", Some(text(device.id))),
        ("managed", flag(device.managed)),
        ("platform", device.platform.map(text)),
        ("os_version", device.os_version.map(text)),
        ("disk_encrypted", flag(device.disk_encrypted)),
        ("firewall", flag(device.firewall)),
        ("screen_lock", flag(device.screen_lock)),
        ("secure_boot", flag(device.secure_boot)),
        ("edr_running", flag(device.edr_running)),
        ("patch_age_days", device.patch_age_days.map(Value::new_long)),
        ("compliant", flag(device.compliant)),
        ("risk", device.risk.map(text)),
        ("owner", device.owner.map(text)),
        ("source", device.source.map(text)),
        ("age_s", device.age_s.map(Value::new_long)),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn record(fields: Vec<(&str, Value)>) -> Value {
    Value::new_record(fields.into_iter().map(|(name, value)| (name.to_owned(), value))).expect("names are unique")
}

fn text(value: &str) -> Value {
    Value::new_string(value.to_owned())
}

fn time(ms: i64) -> Value {
    Value::new_datetime(jiff::Timestamp::from_millisecond(ms).expect("a time in the calendar").to_string())
}
