//! Cedar's own answer: its authorizer over all policies, with entities and a context made here from the question and
//! checked against the schema. It shares nothing with the evaluator under test but the schema's text.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request, RestrictedExpression, Schema,
};
use gaccong_policy::{CertificateBuf, DeviceBuf, PrincipalKind, QuestionBuf, RequestBuf, SCHEMA, SessionBuf};

use crate::answer::Answer;
use crate::case::Case;
use crate::world::{App, EXTENSION, NAMED_ACTIONS, World};

/// By whether it is extended, then by whether devices can ask.
static SCHEMAS: LazyLock<[[Schema; 2]; 2]> =
    LazyLock::new(|| ["", EXTENSION].map(|extension| [false, true].map(|devices| schema(extension, devices))));

/// The policies of a case as Cedar holds them.
pub struct Cedar<'a> {
    enforced: PolicySet,
    observed: PolicySet,
    ids: HashMap<PolicyId, String>,
    world: &'a World,
    schema: &'static Schema,
}

type Fields = Vec<(String, RestrictedExpression)>;

impl<'a> Cedar<'a> {
    /// # Panics
    ///
    /// If the policies cannot be parsed.
    pub fn new(case: &'a Case) -> Self {
        let policies: PolicySet = case.text().parse().unwrap();
        // Cedar counts the policies of a text.
        let numbered = |number: usize| PolicyId::new(format!("policy{number}"));
        let ids = case.ids().enumerate().map(|(number, id)| (numbered(number), id)).collect();
        let (observed, enforced): (Vec<_>, Vec<_>) =
            policies.policies().cloned().partition(|policy| policy.annotation("mode") == Some("observe"));
        let [enforced, observed] = [enforced, observed].map(|policies| PolicySet::from_policies(policies).unwrap());
        let schema = &SCHEMAS[usize::from(case.world.is_extended)][usize::from(case.world.has_devices)];
        Self { enforced, observed, ids, world: &case.world, schema }
    }

    /// The answer to expect: Cedar's, but that any error is a denial, and that a question that the schema does not know
    /// is an error.
    pub fn answer(&self, question: &QuestionBuf<'_>) -> Answer {
        self.answer_of(&self.enforced, question)
    }

    /// The refusal that the policies that are only observed would make of a permit; [`Answer::NoPermit`] if none.
    pub(crate) fn observed_refusal(&self, question: &QuestionBuf<'_>) -> Answer {
        match self.answer_of(&self.observed, question) {
            Answer::Permit(_) => Answer::NoPermit,
            refusal => refusal,
        }
    }

    fn answer_of(&self, policies: &PolicySet, question: &QuestionBuf<'_>) -> Answer {
        let Some((request, entities)) = self.request(question) else { return Answer::Error(vec![]) };
        let response = Authorizer::new().is_authorized(&request, policies, &entities);
        let errors = response.diagnostics().errors().map(|error| match error {
            AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
        });
        let errors = self.named(errors);
        let reasons = self.named(response.diagnostics().reason());
        match response.decision() {
            _ if !errors.is_empty() => Answer::Error(errors),
            Decision::Allow => Answer::Permit(reasons),
            Decision::Deny if reasons.is_empty() => Answer::NoPermit,
            Decision::Deny => Answer::Forbid(reasons),
        }
    }

    fn named<'i>(&self, ids: impl Iterator<Item = &'i PolicyId>) -> Vec<String> {
        let mut names: Vec<_> = ids.map(|id| self.ids[id].clone()).collect();
        names.sort();
        names
    }

    /// The question as Cedar takes it; `None` if it does not fit the schema or is about an app that is not there.
    fn request(&self, question: &QuestionBuf<'_>) -> Option<(Request, Entities)> {
        self.world.apps.iter().find(|app| app.name == question.app)?;
        if question.principal.kind == PrincipalKind::Device && !question.principal.groups.is_empty() {
            return None;
        }
        let principal = uid(question.principal.kind.entity_type(), &question.principal.id);
        let groups = question.principal.groups.iter().map(|group| uid("Group", group)).collect();
        let request = Request::new(
            principal.clone(),
            uid("Action", &question.action),
            uid("App", &question.app),
            context(question),
            Some(self.schema),
        );
        let apps = self.world.apps.iter().map(app);
        let entities = apps.chain([Entity::new_no_attrs(principal, groups)]);
        Some((request.ok()?, Entities::from_entities(entities, Some(self.schema)).unwrap()))
    }
}

fn schema(extension: &str, devices: bool) -> Schema {
    let (entity, device) = if devices { ("entity Device;\n", ", Device") } else { ("", "") };
    let actions = NAMED_ACTIONS.iter().map(|name| {
        format!("action {name} appliesTo {{ principal: [User, Workload{device}], resource: App, context: Facts }};\n")
    });
    let text = [SCHEMA, entity, &actions.collect::<String>(), extension].concat();
    Schema::from_cedarschema_str(&text).unwrap().0
}

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind: EntityTypeName = kind.parse().unwrap();
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

fn app(app: &App) -> Entity {
    let mut attributes = HashMap::from([("sensitivity".to_owned(), text(app.sensitivity))]);
    attributes.extend(app.owner.map(|owner| ("owner".to_owned(), text(owner))));
    let groups = app.groups.iter().map(|group: &Arc<str>| uid("AppGroup", group)).collect();
    Entity::new(uid("App", app.name), attributes, groups).unwrap()
}

fn context(question: &QuestionBuf<'_>) -> Context {
    let context = &question.context;
    let mut fields = vec![("request".to_owned(), record(request(&context.request)))];
    fields.push(("now".to_owned(), instant(context.now_ms)));
    if let Some(it) = &context.device {
        fields.push(("device".to_owned(), record(device(it))));
    }
    if let Some(it) = &context.certificate {
        fields.push(("certificate".to_owned(), record(certificate(it))));
    }
    if let Some(it) = &context.session {
        fields.push(("session".to_owned(), record(session(it))));
    }
    if let Some(it) = &context.threat {
        fields.push(("threat".to_owned(), record(vec![("list".to_owned(), text(&it.list))])));
    }
    if let Some(it) = &context.target {
        fields.push((
            "target".to_owned(),
            record(vec![("kind".to_owned(), text(&it.kind)), ("id".to_owned(), text(&it.id))]),
        ));
    }
    if let Some(it) = &context.break_glass {
        fields.push(("break_glass".to_owned(), record(vec![("grant".to_owned(), text(&it.grant))])));
    }
    fields.extend(context.risk.as_deref().map(|risk| ("risk".to_owned(), text(risk))));
    fields.push(("alert_level".to_owned(), RestrictedExpression::new_long(context.alert_level)));
    fields.push(("signal_lost".to_owned(), RestrictedExpression::new_bool(context.signal_lost)));
    Context::from_pairs(fields).unwrap()
}

fn device(device: &DeviceBuf<'_>) -> Fields {
    let flag = |value: Option<bool>| value.map(RestrictedExpression::new_bool);
    let number = |value: Option<i64>| value.map(RestrictedExpression::new_long);
    let word = |value: &Option<std::borrow::Cow<'_, str>>| value.as_deref().map(text);
    let fields = [
        ("id", Some(text(&device.id))),
        ("managed", flag(device.managed)),
        ("platform", word(&device.platform)),
        ("os_version", word(&device.os_version)),
        ("disk_encrypted", flag(device.disk_encrypted)),
        ("firewall", flag(device.firewall)),
        ("screen_lock", flag(device.screen_lock)),
        ("secure_boot", flag(device.secure_boot)),
        ("edr_running", flag(device.edr_running)),
        ("patch_age_days", number(device.patch_age_days)),
        ("compliant", flag(device.compliant)),
        ("risk", word(&device.risk)),
        ("owner", word(&device.owner)),
        ("source", word(&device.source)),
        ("age_s", number(device.age_s)),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn certificate(certificate: &CertificateBuf<'_>) -> Fields {
    vec![
        ("trust_domain".to_owned(), text(&certificate.trust_domain)),
        ("fingerprint".to_owned(), text(&certificate.fingerprint)),
        ("issuer".to_owned(), text(&certificate.issuer)),
        ("serial".to_owned(), text(&certificate.serial)),
        ("not_after".to_owned(), instant(certificate.not_after_ms)),
    ]
}

fn session(session: &SessionBuf<'_>) -> Fields {
    let mut fields = vec![
        ("method".to_owned(), text(&session.method)),
        ("auth_age_s".to_owned(), RestrictedExpression::new_long(session.auth_age_s)),
    ];
    fields.extend(session.acr.as_deref().map(|acr| ("acr".to_owned(), text(acr))));
    fields
}

fn request(request: &RequestBuf<'_>) -> Fields {
    // A client that comes as `::ffff:192.0.2.1` is the client 192.0.2.1.
    let address = request.source_ip.to_canonical().to_string();
    let mut fields = vec![
        ("host".to_owned(), text(&request.host)),
        ("path".to_owned(), text(&request.path)),
        ("method".to_owned(), text(&request.method)),
        ("source_ip".to_owned(), RestrictedExpression::new_ip(address)),
    ];
    fields.extend(request.site.as_deref().map(|site| ("site".to_owned(), text(site))));
    fields.extend(request.origin.as_deref().map(|origin| ("origin".to_owned(), text(origin))));
    fields
}

fn record(fields: Fields) -> RestrictedExpression {
    RestrictedExpression::new_record(fields).unwrap()
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

/// A moment by Cedar's own arithmetic.
fn instant(ms: i64) -> RestrictedExpression {
    format!("datetime(\"1970-01-01\").offset(duration(\"{ms}ms\"))").parse().unwrap()
}
