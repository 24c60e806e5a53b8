//! A question in the values that Cedar evaluates with. What is `None` is absent.
//!
//! Values are built as such, not as expressions that Cedar would have to evaluate first: that would cost more than the
//! policies themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy_core::ast::{Context as CedarContext, ExtensionFunction, Name, PartialValue, Value};
use cedar_policy_core::extensions::Extensions;
use smol_str::SmolStr;

use crate::question::{BreakGlass, Certificate, Context, Device, Request, Session, Target, Threat};

/// Turns questions into Cedar's values.
#[derive(Debug)]
pub(crate) struct Translator {
    ip: &'static ExtensionFunction,
    duration: &'static ExtensionFunction,
    offset: &'static ExtensionFunction,
    epoch: Value,
}

impl Translator {
    pub(crate) fn new() -> Result<Self, String> {
        let function = |name: &str| {
            let name: Name = name.parse().map_err(|error| format!("{error}"))?;
            Extensions::all_available().func(&name).map_err(|error| error.to_string())
        };
        let epoch = call(function("datetime")?, &["1970-01-01".into()])?;
        Ok(Self { ip: function("ip")?, duration: function("duration")?, offset: function("offset")?, epoch })
    }

    /// The context record that the schema declares.
    pub(crate) fn context(&self, context: &Context<'_>) -> Result<CedarContext, String> {
        let certificate = context.certificate.as_ref().map(|certificate| self.certificate(certificate)).transpose()?;
        let fields = Fields::default()
            .optional("device", context.device.as_ref().map(device))
            .optional("certificate", certificate)
            .optional("session", context.session.as_ref().map(session))
            .optional("threat", context.threat.as_ref().map(threat))
            .optional("target", context.target.as_ref().map(target))
            .optional("risk", context.risk)
            .optional("break_glass", context.break_glass.as_ref().map(break_glass))
            .with("alert_level", context.alert_level)
            .with("signal_lost", context.signal_lost)
            .with("request", self.request(&context.request)?)
            .with("now", self.time(context.now_ms)?);
        Ok(CedarContext::Value(Arc::new(fields.0)))
    }

    fn certificate(&self, certificate: &Certificate<'_>) -> Result<Value, String> {
        let fields = Fields::default()
            .with("trust_domain", certificate.trust_domain)
            .with("fingerprint", certificate.fingerprint)
            .with("issuer", certificate.issuer)
            .with("serial", certificate.serial)
            .with("not_after", self.time(certificate.not_after_ms)?);
        Ok(fields.record())
    }

    fn request(&self, request: &Request<'_>) -> Result<Value, String> {
        // Cedar does not read an IPv4 address inside an IPv6 one, and it is the same client either way.
        let source_ip = request.source_ip.to_canonical().to_string();
        let fields = Fields::default()
            .with("host", request.host)
            .with("path", request.path)
            .with("method", request.method)
            .with("source_ip", call(self.ip, &[source_ip.into()])?)
            .optional("site", request.site)
            .optional("origin", request.origin);
        Ok(fields.record())
    }

    /// Cedar's text for times ends with the year 9999; what is added to a time does not.
    fn time(&self, since_epoch_ms: i64) -> Result<Value, String> {
        let since_epoch = call(self.duration, &[format!("{since_epoch_ms}ms").into()])?;
        call(self.offset, &[self.epoch.clone(), since_epoch])
    }
}

fn device(device: &Device<'_>) -> Value {
    Fields::default()
        .with("id", device.id)
        .optional("managed", device.managed)
        .optional("platform", device.platform)
        .optional("os_version", device.os_version)
        .optional("disk_encrypted", device.disk_encrypted)
        .optional("firewall", device.firewall)
        .optional("screen_lock", device.screen_lock)
        .optional("secure_boot", device.secure_boot)
        .optional("edr_running", device.edr_running)
        .optional("patch_age_days", device.patch_age_days)
        .optional("compliant", device.compliant)
        .optional("risk", device.risk)
        .optional("owner", device.owner)
        .optional("source", device.source)
        .optional("age_s", device.age_s)
        .record()
}

fn session(session: &Session<'_>) -> Value {
    Fields::default()
        .with("method", session.method)
        .optional("acr", session.acr)
        .with("auth_age_s", session.auth_age_s)
        .record()
}

fn threat(threat: &Threat<'_>) -> Value {
    Fields::default().with("list", threat.list).record()
}

fn target(target: &Target<'_>) -> Value {
    Fields::default().with("kind", target.kind).with("id", target.id).record()
}

fn break_glass(break_glass: &BreakGlass<'_>) -> Value {
    Fields::default().with("grant", break_glass.grant).record()
}

/// What a function of an extension gives.
fn call(function: &ExtensionFunction, operands: &[Value]) -> Result<Value, String> {
    match function.call(operands) {
        Ok(PartialValue::Value(value)) => Ok(value),
        Ok(PartialValue::Residual(residual)) => Err(format!("`{residual}` has no value")),
        Err(error) => Err(error.to_string()),
    }
}

/// The fields of a record that are present.
#[derive(Default)]
struct Fields(BTreeMap<SmolStr, Value>);

impl Fields {
    fn with(self, name: &'static str, value: impl Into<Value>) -> Self {
        self.optional(name, Some(value))
    }

    fn optional(mut self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(SmolStr::new_static(name), value.into());
        }
        self
    }

    fn record(self) -> Value {
        Value::record_arc(Arc::new(self.0), None)
    }
}
