//! The slots of the context: where in a question the fact stands that `context.device.id` or `context.now` names.
//!
//! This is the schema's type `Facts` once more, with a way to read each fact. A slot that gives `None` is absent, or is
//! in a record that is.

use std::net::IpAddr;

use super::number::Unit;
use crate::question::Context;

pub(crate) type ReadFlag = fn(&Context<'_>) -> Option<bool>;
pub(crate) type ReadNumber = fn(&Context<'_>) -> Option<i64>;
pub(crate) type ReadText = for<'a> fn(&Context<'a>) -> Option<&'a str>;
pub(crate) type ReadAddress = fn(&Context<'_>) -> Option<IpAddr>;

/// One fact, or a record of facts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Slot {
    Flag(ReadFlag),
    Number(Unit, ReadNumber),
    Text(ReadText),
    Address(ReadAddress),
    Part(&'static Part),
}

/// A record of the context, or the context itself.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) is_present: fn(&Context<'_>) -> bool,
    /// Whether it is there in every question.
    pub(crate) is_certain: bool,
    pub(crate) slots: &'static [(&'static str, Slot)],
}

impl Part {
    pub(crate) fn slot(&self, name: &str) -> Option<Slot> {
        self.slots.iter().find(|(known, _)| *known == name).map(|(_, slot)| *slot)
    }
}

impl Slot {
    pub(crate) fn is_present(self, context: &Context<'_>) -> bool {
        match self {
            Self::Flag(read) => read(context).is_some(),
            Self::Number(_, read) => read(context).is_some(),
            Self::Text(read) => read(context).is_some(),
            Self::Address(read) => read(context).is_some(),
            Self::Part(part) => (part.is_present)(context),
        }
    }
}

/// `context`.
pub(crate) static CONTEXT: Part = Part {
    is_present: |_| true,
    is_certain: true,
    slots: &[
        ("device", Slot::Part(&DEVICE)),
        ("certificate", Slot::Part(&CERTIFICATE)),
        ("session", Slot::Part(&SESSION)),
        ("threat", Slot::Part(&THREAT)),
        ("target", Slot::Part(&TARGET)),
        ("risk", Slot::Text(|context| context.risk)),
        ("break_glass", Slot::Part(&BREAK_GLASS)),
        ("alert_level", Slot::Number(Unit::Long, |context| Some(context.alert_level))),
        ("signal_lost", Slot::Flag(|context| Some(context.signal_lost))),
        ("request", Slot::Part(&REQUEST)),
        ("now", Slot::Number(Unit::Datetime, |context| Some(context.now_ms))),
    ],
};

static DEVICE: Part = Part {
    is_present: |context| context.device.is_some(),
    is_certain: false,
    slots: &[
        ("id", Slot::Text(|context| Some(context.device.as_ref()?.id))),
        ("managed", Slot::Flag(|context| context.device.as_ref()?.managed)),
        ("platform", Slot::Text(|context| context.device.as_ref()?.platform)),
        ("os_version", Slot::Text(|context| context.device.as_ref()?.os_version)),
        ("disk_encrypted", Slot::Flag(|context| context.device.as_ref()?.disk_encrypted)),
        ("firewall", Slot::Flag(|context| context.device.as_ref()?.firewall)),
        ("screen_lock", Slot::Flag(|context| context.device.as_ref()?.screen_lock)),
        ("secure_boot", Slot::Flag(|context| context.device.as_ref()?.secure_boot)),
        ("edr_running", Slot::Flag(|context| context.device.as_ref()?.edr_running)),
        ("patch_age_days", Slot::Number(Unit::Long, |context| context.device.as_ref()?.patch_age_days)),
        ("compliant", Slot::Flag(|context| context.device.as_ref()?.compliant)),
        ("risk", Slot::Text(|context| context.device.as_ref()?.risk)),
        ("owner", Slot::Text(|context| context.device.as_ref()?.owner)),
        ("source", Slot::Text(|context| context.device.as_ref()?.source)),
        ("age_s", Slot::Number(Unit::Long, |context| context.device.as_ref()?.age_s)),
    ],
};

static CERTIFICATE: Part = Part {
    is_present: |context| context.certificate.is_some(),
    is_certain: false,
    slots: &[
        ("trust_domain", Slot::Text(|context| Some(context.certificate.as_ref()?.trust_domain))),
        ("fingerprint", Slot::Text(|context| Some(context.certificate.as_ref()?.fingerprint))),
        ("issuer", Slot::Text(|context| Some(context.certificate.as_ref()?.issuer))),
        ("serial", Slot::Text(|context| Some(context.certificate.as_ref()?.serial))),
        ("not_after", Slot::Number(Unit::Datetime, |context| Some(context.certificate.as_ref()?.not_after_ms))),
    ],
};

static SESSION: Part = Part {
    is_present: |context| context.session.is_some(),
    is_certain: false,
    slots: &[
        ("method", Slot::Text(|context| Some(context.session.as_ref()?.method))),
        ("acr", Slot::Text(|context| context.session.as_ref()?.acr)),
        ("auth_age_s", Slot::Number(Unit::Long, |context| Some(context.session.as_ref()?.auth_age_s))),
    ],
};

static THREAT: Part = Part {
    is_present: |context| context.threat.is_some(),
    is_certain: false,
    slots: &[("list", Slot::Text(|context| Some(context.threat.as_ref()?.list)))],
};

static TARGET: Part = Part {
    is_present: |context| context.target.is_some(),
    is_certain: false,
    slots: &[
        ("kind", Slot::Text(|context| Some(context.target.as_ref()?.kind))),
        ("id", Slot::Text(|context| Some(context.target.as_ref()?.id))),
    ],
};

static BREAK_GLASS: Part = Part {
    is_present: |context| context.break_glass.is_some(),
    is_certain: false,
    slots: &[("grant", Slot::Text(|context| Some(context.break_glass.as_ref()?.grant)))],
};

static REQUEST: Part = Part {
    is_present: |_| true,
    is_certain: true,
    slots: &[
        ("host", Slot::Text(|context| Some(context.request.host))),
        ("path", Slot::Text(|context| Some(context.request.path))),
        ("method", Slot::Text(|context| Some(context.request.method))),
        // An IPv4 address inside an IPv6 one is the same client either way.
        ("source_ip", Slot::Address(|context| Some(context.request.source_ip.to_canonical()))),
        ("site", Slot::Text(|context| context.request.site)),
        ("origin", Slot::Text(|context| context.request.origin)),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that the schema declares for a type, with its optional ones.
    fn declared(schema: &serde_json::Value, name: &str) -> Vec<String> {
        let attributes = schema.pointer(&format!("//commonTypes/{name}/attributes")).unwrap().as_object().unwrap();
        let mut names: Vec<_> = attributes.keys().cloned().collect();
        names.sort();
        names
    }

    #[test]
    fn slots_are_those_of_the_schema() {
        let (fragment, _) = cedar_policy::SchemaFragment::from_cedarschema_str(crate::SCHEMA).unwrap();
        let schema = fragment.to_json_value().unwrap();
        let parts = [
            ("Facts", &CONTEXT),
            ("Device", &DEVICE),
            ("Certificate", &CERTIFICATE),
            ("Session", &SESSION),
            ("Threat", &THREAT),
            ("Target", &TARGET),
            ("BreakGlass", &BREAK_GLASS),
            ("HttpRequest", &REQUEST),
        ];
        for (name, part) in parts {
            let mut slots: Vec<_> = part.slots.iter().map(|(name, _)| (*name).to_owned()).collect();
            slots.sort();
            assert_eq!(slots, declared(&schema, name), "{name}");
        }
    }
}
