//! A question in the values that Cedar evaluates with. What is `None` is absent.
//!
//! Values are built as such, not as expressions that Cedar would have to evaluate first: that would cost more than the
//! policies themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy_core::ast::{Context as CedarContext, ExtensionFunction, Name, PartialValue, Value};
use cedar_policy_core::extensions::Extensions;
use smol_str::SmolStr;

use crate::mentions::Mentions;
use crate::question::{Certificate, Context, Device, Request, Session, Threat};

/// Turns questions into Cedar's values.
#[derive(Debug)]
pub(crate) struct Translator {
    epoch: Value,
    offset: &'static ExtensionFunction,
    duration: &'static ExtensionFunction,
    ip: &'static ExtensionFunction,
}

impl Translator {
    pub(crate) fn new() -> Result<Self, String> {
        let function = |name: &str| {
            let name: Name = name.parse().map_err(|error| format!("{error}"))?;
            Extensions::all_available().func(&name).map_err(|error| error.to_string())
        };
        Ok(Self {
            epoch: construct(function("datetime")?, "1970-01-01")?,
            offset: function("offset")?,
            duration: function("duration")?,
            ip: function("ip")?,
        })
    }

    /// The context record that the schema declares, as far as `mentions` says that anyone looks at it.
    pub(crate) fn context(&self, context: &Context<'_>, mentions: Mentions) -> Result<CedarContext, String> {
        let device = context.device.as_ref().filter(|_| mentions.device).map(device);
        let certificate = context.certificate.as_ref().filter(|_| mentions.certificate);
        let certificate = certificate.map(|it| self.certificate(it)).transpose()?;
        let session = context.session.as_ref().filter(|_| mentions.session).map(session);
        let threat = context.threat.as_ref().filter(|_| mentions.threat).map(threat);
        let request = mentions.request.then(|| self.request(&context.request)).transpose()?;
        let now = mentions.now.then(|| self.time(context.now_ms)).transpose()?;
        let fields = Fields::default()
            .optional("device", device)
            .optional("certificate", certificate)
            .optional("session", session)
            .optional("threat", threat)
            .optional("request", request)
            .optional("now", now);
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
            .with("source_ip", construct(self.ip, &source_ip)?);
        Ok(fields.record())
    }

    /// Milliseconds since the Unix epoch as Cedar's time. Not by way of a date: some libraries end
    /// before the last day of 9999, which certificates without an end name as theirs (RFC 5280 §4.1.2.5).
    fn time(&self, ms: i64) -> Result<Value, String> {
        call(self.offset, &[self.epoch.clone(), construct(self.duration, &format!("{ms}ms"))?])
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

/// What a constructor of an extension type makes of its text.
fn construct(constructor: &ExtensionFunction, text: &str) -> Result<Value, String> {
    call(constructor, &[text.into()])
}

fn call(function: &ExtensionFunction, arguments: &[Value]) -> Result<Value, String> {
    match function.call(arguments) {
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
