//! The context of a question as Cedar's record. What is `None` is absent.

use cedar_policy::{Context as CedarContext, RestrictedExpression as Value};
use jiff::Timestamp;

use crate::question::{Certificate, Context, Device, Request, Session};

/// The context record that the schema declares.
pub(crate) fn context(context: &Context<'_>) -> Result<CedarContext, String> {
    let fields = Fields::default()
        .optional("device", context.device.as_ref().map(device).transpose()?)
        .optional("certificate", context.certificate.as_ref().map(certificate).transpose()?)
        .optional("session", context.session.as_ref().map(session).transpose()?)
        .with("request", request(&context.request)?)
        .with("now", time(context.now_ms)?);
    CedarContext::from_pairs(fields.0).map_err(|error| error.to_string())
}

fn device(device: &Device<'_>) -> Result<Value, String> {
    Fields::default()
        .with("id", text(device.id))
        .optional("managed", device.managed.map(Value::new_bool))
        .optional("platform", device.platform.map(text))
        .optional("os_version", device.os_version.map(text))
        .optional("disk_encrypted", device.disk_encrypted.map(Value::new_bool))
        .optional("firewall", device.firewall.map(Value::new_bool))
        .optional("screen_lock", device.screen_lock.map(Value::new_bool))
        .optional("secure_boot", device.secure_boot.map(Value::new_bool))
        .optional("edr_running", device.edr_running.map(Value::new_bool))
        .optional("patch_age_days", device.patch_age_days.map(Value::new_long))
        .optional("compliant", device.compliant.map(Value::new_bool))
        .optional("risk", device.risk.map(text))
        .optional("owner", device.owner.map(text))
        .optional("source", device.source.map(text))
        .optional("age_s", device.age_s.map(Value::new_long))
        .record()
}

fn certificate(certificate: &Certificate<'_>) -> Result<Value, String> {
    Fields::default()
        .with("trust_domain", text(certificate.trust_domain))
        .with("fingerprint", text(certificate.fingerprint))
        .with("issuer", text(certificate.issuer))
        .with("serial", text(certificate.serial))
        .with("not_after", time(certificate.not_after_ms)?)
        .record()
}

fn session(session: &Session<'_>) -> Result<Value, String> {
    Fields::default()
        .with("method", text(session.method))
        .optional("acr", session.acr.map(text))
        .with("auth_age_s", Value::new_long(session.auth_age_s))
        .record()
}

fn request(request: &Request<'_>) -> Result<Value, String> {
    Fields::default()
        .with("host", text(request.host))
        .with("path", text(request.path))
        .with("method", text(request.method))
        // Cedar does not read an IPv4 address inside an IPv6 one, and it is the same client either way.
        .with("source_ip", Value::new_ip(request.source_ip.to_canonical().to_string()))
        .record()
}

/// The fields of a record that are present.
#[derive(Default)]
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn with(self, name: &str, value: Value) -> Self {
        self.optional(name, Some(value))
    }

    fn optional(mut self, name: &str, value: Option<Value>) -> Self {
        self.0.extend(value.map(|value| (name.to_owned(), value)));
        self
    }

    fn record(self) -> Result<Value, String> {
        Value::new_record(self.0).map_err(|error| error.to_string())
    }
}

fn text(value: &str) -> Value {
    Value::new_string(value.to_owned())
}

fn time(ms: i64) -> Result<Value, String> {
    let time = Timestamp::from_millisecond(ms).map_err(|error| error.to_string())?;
    Ok(Value::new_datetime(format!("{time:.3}")))
}
