//! The named parts that cases are put together from: people, workloads, devices, certificates and sessions.
//!
//! A part is known to every case file of the policy directory, so that a person is described once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use gaccong_policy::{CertificateBuf, DeviceBuf, PrincipalBuf, PrincipalKind, SessionBuf};

use super::known::Known;
use super::moment;
use crate::config::diagnostic::{one_of, suggestion};
use crate::config::reader::{Table, Text};
use crate::config::source::Spot;

/// The parts of all files.
pub(super) struct Parts<'a> {
    pub(super) principals: Shelf<'a, PrincipalBuf<'static>>,
    pub(super) devices: Shelf<'a, DeviceBuf<'static>>,
    pub(super) certificates: Shelf<'a, CertificateBuf<'static>>,
    pub(super) sessions: Shelf<'a, SessionBuf<'static>>,
}

/// The parts of one kind, by name.
pub(super) struct Shelf<'a, T> {
    /// What one of them is called in messages.
    kind: &'static str,
    parts: BTreeMap<String, (T, Spot<'a>)>,
}

impl<'a, T> Shelf<'a, T> {
    fn new(kind: &'static str) -> Self {
        Self { kind, parts: BTreeMap::new() }
    }

    fn add(&mut self, name: &Text<'a>, part: Option<T>) {
        if let Some((_, earlier)) = self.parts.get(&**name) {
            name.spot.error(format!("there is already a {} `{}`, at {}", self.kind, &**name, earlier.shown()), "");
        } else if let Some(part) = part {
            self.parts.insert(name.to_string(), (part, name.spot));
        }
    }

    /// The part of this name; an error where there is none.
    pub(super) fn find(&self, name: &Text<'_>) -> Option<&T> {
        let known = || self.parts.keys().map(String::as_str);
        let unknown = || {
            let hint = suggestion(name, known());
            name.refuse(format!("unknown {} `{}`{hint}", self.kind, &**name), one_of(known()))
        };
        self.parts.get(&**name).map(|(part, _)| part).or_else(unknown)
    }
}

impl<'a> Parts<'a> {
    pub(super) fn new() -> Self {
        Self {
            principals: Shelf::new("person or workload"),
            devices: Shelf::new("device"),
            certificates: Shelf::new("certificate"),
            sessions: Shelf::new("session"),
        }
    }

    /// Takes the parts of a file.
    pub(super) fn take(&mut self, file: &mut Table<'a>, known: &Known<'_>) {
        for (name, table) in file.named_tables("people") {
            self.principals.add(&name, principal(table, PrincipalKind::User, known));
        }
        for (name, table) in file.named_tables("workloads") {
            self.principals.add(&name, principal(table, PrincipalKind::Workload, known));
        }
        for (name, mut table) in file.named_tables("devices") {
            let mut device = DeviceBuf { id: owned(&name), ..DeviceBuf::default() };
            vary_device(&mut table, &mut device);
            table.finish();
            self.devices.add(&name, Some(device));
        }
        for (name, table) in file.named_tables("certificates") {
            self.certificates.add(&name, certificate(table, known));
        }
        for (name, table) in file.named_tables("sessions") {
            self.sessions.add(&name, session(table));
        }
    }
}

fn principal(mut table: Table<'_>, kind: PrincipalKind, known: &Known<'_>) -> Option<PrincipalBuf<'static>> {
    let id = table.required_text("id");
    let groups = table.texts("groups");
    table.finish();
    let groups: Vec<Arc<str>> =
        groups.iter().filter(|group| known.is_group(group)).map(|group| Arc::from(&**group)).collect();
    Some(PrincipalBuf { kind, id: owned(&id?), groups })
}

/// What a certificate says beside its trust domain is rarely of interest: what is left out is filled in.
fn certificate(mut table: Table<'_>, known: &Known<'_>) -> Option<CertificateBuf<'static>> {
    table.require("trust_domain", "a string");
    let mut certificate = CertificateBuf {
        trust_domain: "".into(),
        fingerprint: "0".repeat(64).into(),
        issuer: "CN=Example CA".into(),
        serial: "01".into(),
        not_after_ms: moment::YEAR_2100_MS,
    };
    vary_certificate(&mut table, &mut certificate, known);
    table.finish();
    Some(certificate)
}

fn session(mut table: Table<'_>) -> Option<SessionBuf<'static>> {
    table.require("method", "a string");
    table.require("auth_age_s", "a number");
    let mut session = SessionBuf { method: "".into(), acr: None, auth_age_s: 0 };
    vary_session(&mut table, &mut session);
    table.finish();
    Some(session)
}

/// Sets the facts that the table names.
pub(super) fn vary_device(table: &mut Table<'_>, device: &mut DeviceBuf<'static>) {
    if let Some(id) = table.text("id") {
        device.id = owned(&id);
    }
    for (name, fact) in flags(device) {
        *fact = table.optional_flag(name).or(*fact);
    }
    for (name, fact) in counts(device) {
        *fact = table.optional_count(name).or(*fact);
    }
    for (name, fact) in texts(device) {
        *fact = table.text(name).map(|text| owned(&text)).or(fact.take());
    }
}

/// Makes a fact absent; whether there is such a fact.
pub(super) fn forget(device: &mut DeviceBuf<'static>, name: &str) -> bool {
    let flag = flags(device).into_iter().find(|(fact, _)| *fact == name).map(|(_, fact)| *fact = None);
    let count = counts(device).into_iter().find(|(fact, _)| *fact == name).map(|(_, fact)| *fact = None);
    let text = texts(device).into_iter().find(|(fact, _)| *fact == name).map(|(_, fact)| *fact = None);
    flag.or(count).or(text).is_some()
}

fn flags<'d>(device: &'d mut DeviceBuf<'static>) -> [(&'static str, &'d mut Option<bool>); 7] {
    [
        ("managed", &mut device.managed),
        ("disk_encrypted", &mut device.disk_encrypted),
        ("firewall", &mut device.firewall),
        ("screen_lock", &mut device.screen_lock),
        ("secure_boot", &mut device.secure_boot),
        ("edr_running", &mut device.edr_running),
        ("compliant", &mut device.compliant),
    ]
}

fn counts<'d>(device: &'d mut DeviceBuf<'static>) -> [(&'static str, &'d mut Option<i64>); 2] {
    [("patch_age_days", &mut device.patch_age_days), ("age_s", &mut device.age_s)]
}

fn texts<'d>(device: &'d mut DeviceBuf<'static>) -> [(&'static str, &'d mut Option<Cow<'static, str>>); 5] {
    [
        ("platform", &mut device.platform),
        ("os_version", &mut device.os_version),
        ("risk", &mut device.risk),
        ("owner", &mut device.owner),
        ("source", &mut device.source),
    ]
}

/// Sets what the table names.
pub(super) fn vary_certificate(table: &mut Table<'_>, certificate: &mut CertificateBuf<'static>, known: &Known<'_>) {
    if let Some(domain) = table.text("trust_domain").filter(|domain| known.is_trust_domain(domain)) {
        certificate.trust_domain = owned(&domain);
    }
    let texts = [
        ("fingerprint", &mut certificate.fingerprint),
        ("issuer", &mut certificate.issuer),
        ("serial", &mut certificate.serial),
    ];
    for (name, field) in texts {
        if let Some(text) = table.text(name) {
            *field = owned(&text);
        }
    }
    if let Some(end_ms) = table.text("not_after").and_then(|text| moment::read_ms(&text)) {
        certificate.not_after_ms = end_ms;
    }
}

/// Sets what the table names.
pub(super) fn vary_session(table: &mut Table<'_>, session: &mut SessionBuf<'static>) {
    if let Some(method) = table.text("method") {
        session.method = owned(&method);
    }
    session.acr = table.text("acr").map(|acr| owned(&acr)).or(session.acr.take());
    session.auth_age_s = table.optional_count("auth_age_s").unwrap_or(session.auth_age_s);
}

pub(super) fn owned(text: &Text<'_>) -> Cow<'static, str> {
    Cow::Owned(text.to_string())
}
