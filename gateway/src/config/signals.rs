//! `[[signals]]`: streams of signals, by the OpenID Shared Signals Framework 1.0.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::Algorithm;

use super::KeyRef;
use super::clients::identifier;
use super::diagnostic::{one_of, suggestion};
use super::jwks::{self, Endpoint, JwksSource};
use super::reader::{Table, Text};
use super::source::Spot;
use crate::signals::event::EventType;

const DAY_S: u64 = 86_400;

/// `[[signals]]`: a stream of signals and its transmitter.
#[derive(Debug, Clone)]
pub struct SignalStream {
    /// `name`: in policies, records and metrics, and as a source of posture.
    pub name: Arc<str>,
    /// `issuer`: `iss` of its tokens.
    pub issuer: Arc<str>,
    /// `audience`: one of `aud` of its tokens.
    pub audience: Arc<str>,
    /// `algorithms` that may sign them. Default ES256, PS256, RS256, EdDSA.
    pub algorithms: Vec<Algorithm>,
    /// `[signals.jwks]`: where the issuer's keys are.
    pub jwks: JwksSource,
    /// `[signals.push]` or `[signals.poll]`: how tokens get here.
    pub delivery: Delivery,
    /// `users`, `devices` …: how its subjects are named here.
    pub names: SubjectNames,
    /// `events` that are believed. Default all.
    pub events: Vec<EventType>,
    /// `max_age_s`: how old a token may be. Default a week.
    pub max_age: Duration,
    /// `fact_max_age_s`: how long what it says of a device holds. Default a year, since it speaks only of changes.
    pub fact_max_age: Duration,
    /// `quiet_s`: after how long a silence it counts as lost. Default never.
    pub quiet: Option<Duration>,
}

/// How tokens get here.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// `[signals.push]`: the transmitter posts them to the control API (RFC 8935).
    Push {
        /// `bearer`: by what it is known where it has no client certificate.
        bearer: Option<KeyRef>,
    },
    /// `[signals.poll]`: they are fetched (RFC 8936).
    Poll {
        /// From where.
        endpoint: Endpoint,
        /// `credential`: by what the gateway is known there.
        credential: Option<KeyRef>,
        /// `every_s`. Default 30.
        every: Duration,
    },
}

/// How subjects of a stream are named in policies.
#[derive(Debug, Clone)]
pub struct SubjectNames {
    /// `users`: which identifier is the id of a person. Without it, the stream names nobody.
    pub users: Option<NameFormat>,
    /// `devices`: which identifier is the id of a device. Without it, the stream names no device.
    pub devices: Option<NameFormat>,
    /// `subject_issuer`: `iss` of an identifier of the format `iss_sub`. Default `issuer`.
    pub issuer: Arc<str>,
    /// `lower_case`: whether ids are written in lower case, as those of certificates are by the rules `upn` and `dns`.
    /// E-mail addresses always are.
    pub lower_case: bool,
    /// `tenant`: whose subjects are ours, where the transmitter has several customers.
    pub tenant: Option<Arc<str>>,
    /// `serials`: how serial numbers of certificates are written. Default hexadecimal.
    pub serials: SerialBase,
}

/// The identifier (RFC 9493 §3.2) whose value is an id here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameFormat {
    /// `email`
    Email,
    /// `sub` of `iss_sub`
    Sub,
    /// `id` of `opaque`
    Opaque,
}

/// How serial numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SerialBase {
    /// `hex`
    Hexadecimal,
    /// `decimal`
    Decimal,
}

const FORMATS: [(&str, NameFormat); 3] =
    [("email", NameFormat::Email), ("sub", NameFormat::Sub), ("opaque", NameFormat::Opaque)];

/// Every stream, and where its name stands.
pub(super) fn streams(tables: Vec<Table<'_>>) -> Vec<(SignalStream, Spot<'_>)> {
    tables.into_iter().filter_map(stream).collect()
}

fn stream(mut table: Table<'_>) -> Option<(SignalStream, Spot<'_>)> {
    let name = table.required_text("name");
    let issuer = table.required_text("issuer").map(|text| Arc::from(&*text));
    let audience = table.required_text("audience").map(|text| Arc::from(&*text));
    let algorithms = jwks::algorithms(&mut table);
    let jwks = jwks::jwks(&mut table);
    let delivery = delivery(&mut table);
    let names = subject_names(&mut table, issuer.as_ref());
    let events: Vec<_> = table.texts("events").iter().filter_map(event_type).collect();
    let max_age = table.seconds("max_age_s", 7 * DAY_S, 60..=90 * DAY_S);
    let fact_max_age = table.seconds("fact_max_age_s", 365 * DAY_S, 60..=3650 * DAY_S);
    let quiet = table.has("quiet_s").then(|| table.seconds("quiet_s", DAY_S, 1..=366 * DAY_S));
    table.finish();

    let name = name?;
    let stream = SignalStream {
        name: identifier(&name)?,
        issuer: issuer?,
        audience: audience?,
        algorithms,
        jwks: jwks?,
        delivery: delivery?,
        names: names?,
        events: if events.is_empty() { EventType::ALL.to_vec() } else { events },
        max_age,
        fact_max_age,
        quiet,
    };
    Some((stream, name.spot))
}

fn event_type(text: &Text<'_>) -> Option<EventType> {
    let names = || EventType::ALL.into_iter().map(EventType::as_str);
    let found = EventType::ALL.into_iter().find(|known| known.as_str() == &**text);
    found.or_else(|| {
        let hint = suggestion(text, names());
        text.refuse(format!("unknown event type `{}`{hint}", &**text), one_of(names()))
    })
}

fn delivery(table: &mut Table<'_>) -> Option<Delivery> {
    let spot = table.spot;
    if table.has("push") == table.has("poll") {
        return spot.refuse("a stream is delivered in one way", "either `[signals.push]` or `[signals.poll]`");
    }
    if let Some(mut push) = table.table("push") {
        let bearer = push.key("bearer");
        push.finish();
        return Some(Delivery::Push { bearer });
    }
    let mut poll = table.table("poll")?;
    let endpoint = jwks::endpoint(&mut poll);
    let credential = poll.key("credential");
    let every = poll.seconds("every_s", 30, 1..=DAY_S);
    poll.finish();
    Some(Delivery::Poll { endpoint: endpoint?, credential, every })
}

fn subject_names(table: &mut Table<'_>, issuer: Option<&Arc<str>>) -> Option<SubjectNames> {
    let users = table.choice("users", &FORMATS);
    let devices = table.choice("devices", &FORMATS);
    let subject_issuer = table.text("subject_issuer").map(|text| Arc::from(&*text));
    let lower_case = table.flag("lower_case", false);
    let tenant = table.text("tenant").map(|text| Arc::from(&*text));
    let serials = table.choice("serials", &[("hex", SerialBase::Hexadecimal), ("decimal", SerialBase::Decimal)]);
    if users.is_none() && devices.is_none() {
        table.spot.warn("this stream names nobody that the gateway knows", "`users`, `devices`, or both");
    }
    Some(SubjectNames {
        users,
        devices,
        issuer: subject_issuer.or_else(|| issuer.cloned())?,
        lower_case,
        tenant,
        serials: serials.unwrap_or(SerialBase::Hexadecimal),
    })
}
