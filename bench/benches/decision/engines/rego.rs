//! The same policies in Rego, compiled by regorus: the forbids are rules, the permits of an app are data that rules look
//! up by its name. The input is made for each question, as it must be.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use gaccong_policy::Question;
use regorus::{CompiledPolicy, Engine as Regorus, Value};

use super::{Answer, Effect, Engine};
use crate::policies;
use crate::questions::app_name;

pub(crate) struct Rego(CompiledPolicy);

impl Rego {
    pub(crate) fn new(apps: usize) -> Self {
        let permits: serde_json::Map<_, _> =
            (0..apps).map(app_name).map(|app| (app.clone(), policies::app_data(&app))).collect();
        let data = serde_json::json!({ "permits": permits }).to_string();
        let mut engine = Regorus::new();
        engine.add_policy("gate.rego".to_owned(), policies::rego()).expect("the policy parses");
        engine.add_data(Value::from_json_str(&data).expect("data is JSON")).expect("data is new");
        let entrypoint: Arc<str> = "data.gate.decision".into();
        Self(engine.compile_with_entrypoint(&entrypoint).expect("the policy compiles"))
    }

    fn decide(&self, question: &Question<'_>) -> Value {
        self.0.eval_with_input(input(question)).expect("no rule errs")
    }
}

impl Engine for Rego {
    fn spend(&mut self, question: &Question<'_>) {
        black_box(self.decide(black_box(question)));
    }

    fn answer(&mut self, question: &Question<'_>) -> Answer {
        let decision = self.decide(question).to_json_str().expect("a decision is JSON");
        let decision: serde_json::Value = serde_json::from_str(&decision).expect("it was just written");
        let effect = match decision["effect"].as_str() {
            Some("permit") => Effect::Permit,
            Some("forbid") => Effect::Forbid,
            _ => Effect::None,
        };
        let by = decision["by"].as_array().into_iter().flatten().filter_map(|id| id.as_str());
        Answer { effect, by: by.map(ToOwned::to_owned).collect() }
    }
}

fn input(question: &Question<'_>) -> Value {
    let context = &question.context;
    let groups: Vec<_> = question.principal.groups.iter().map(|group| Value::from(&**group)).collect();
    let request = [
        ("host", context.request.host.into()),
        ("path", context.request.path.into()),
        ("method", context.request.method.into()),
        ("source_ip", context.request.source_ip.to_string().into()),
    ];
    let principal = [("id", question.principal.id.into()), ("groups", groups.into())];
    let mut parts = vec![
        ("app", question.app.into()),
        ("action", question.action.into()),
        ("principal", object(principal)),
        ("request", object(request)),
        ("now_ms", context.now_ms.into()),
    ];
    if let Some(it) = &context.device {
        let fields = [
            ("id", Some(it.id.into())),
            ("managed", it.managed.map(Value::from)),
            ("platform", it.platform.map(Value::from)),
            ("os_version", it.os_version.map(Value::from)),
            ("disk_encrypted", it.disk_encrypted.map(Value::from)),
            ("firewall", it.firewall.map(Value::from)),
            ("screen_lock", it.screen_lock.map(Value::from)),
            ("secure_boot", it.secure_boot.map(Value::from)),
            ("edr_running", it.edr_running.map(Value::from)),
            ("patch_age_days", it.patch_age_days.map(Value::from)),
            ("compliant", it.compliant.map(Value::from)),
            ("risk", it.risk.map(Value::from)),
            ("owner", it.owner.map(Value::from)),
            ("source", it.source.map(Value::from)),
            ("age_s", it.age_s.map(Value::from)),
        ];
        parts.push(("device", object(fields.into_iter().filter_map(|(name, value)| Some((name, value?))))));
    }
    if let Some(it) = &context.certificate {
        let fields = [
            ("trust_domain", it.trust_domain.into()),
            ("fingerprint", it.fingerprint.into()),
            ("issuer", it.issuer.into()),
            ("serial", it.serial.into()),
            ("not_after_ms", it.not_after_ms.into()),
        ];
        parts.push(("certificate", object(fields)));
    }
    if let Some(it) = &context.session {
        let acr = it.acr.map(|acr| ("acr", acr.into()));
        let fields = [("method", it.method.into()), ("auth_age_s", it.auth_age_s.into())];
        parts.push(("session", object(fields.into_iter().chain(acr))));
    }
    object(parts)
}

fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let fields: BTreeMap<_, _> = fields.into_iter().map(|(name, value)| (Value::from(name), value)).collect();
    fields.into()
}
