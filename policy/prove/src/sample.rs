//! Samples: questions drawn from what policies name, for where there is no solver.
//!
//! Policies change their answer at the values that they name. So each fact that they look at is drawn from these: a number at
//! each literal and beside it, a text at each literal and one that nobody names, an address in each network and one outside,
//! and absence. The same policies always get the same samples.

use std::net::IpAddr;

use gaccong_policy::{ContextBuf, PrincipalBuf, QuestionBuf};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use crate::ground::{Ground, Subject};
use crate::literals::{Literals, Values};
use crate::witness::{ORDINARY_TIME_MS, Witness, ordinary_name};

/// A text that no policy names.
const FRESH: &str = "none-of-these";
/// An address in none of the usual networks.
const FRESH_ADDRESS: &str = "192.0.2.1";
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How a fact is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Record,
    Truth,
    Number,
    Text,
    Instant,
    Address,
}

/// A fact: its path in the context, how it is drawn, and whether it may be absent. Records stand before what is in them.
type Fact = (&'static str, Kind, bool);

const FACTS: [Fact; 44] = [
    ("device", Kind::Record, true),
    ("device.id", Kind::Text, false),
    ("device.managed", Kind::Truth, true),
    ("device.platform", Kind::Text, true),
    ("device.os_version", Kind::Text, true),
    ("device.disk_encrypted", Kind::Truth, true),
    ("device.firewall", Kind::Truth, true),
    ("device.screen_lock", Kind::Truth, true),
    ("device.secure_boot", Kind::Truth, true),
    ("device.edr_running", Kind::Truth, true),
    ("device.patch_age_days", Kind::Number, true),
    ("device.compliant", Kind::Truth, true),
    ("device.risk", Kind::Text, true),
    ("device.owner", Kind::Text, true),
    ("device.source", Kind::Text, true),
    ("device.age_s", Kind::Number, true),
    ("certificate", Kind::Record, true),
    ("certificate.trust_domain", Kind::Text, false),
    ("certificate.fingerprint", Kind::Text, false),
    ("certificate.issuer", Kind::Text, false),
    ("certificate.serial", Kind::Text, false),
    ("certificate.not_after", Kind::Instant, false),
    ("session", Kind::Record, true),
    ("session.method", Kind::Text, false),
    ("session.acr", Kind::Text, true),
    ("session.auth_age_s", Kind::Number, false),
    ("threat", Kind::Record, true),
    ("threat.list", Kind::Text, false),
    ("target", Kind::Record, true),
    ("target.kind", Kind::Text, false),
    ("target.id", Kind::Text, false),
    ("risk", Kind::Text, true),
    ("break_glass", Kind::Record, true),
    ("break_glass.grant", Kind::Text, false),
    ("alert_level", Kind::Number, false),
    ("signal_lost", Kind::Truth, false),
    ("request", Kind::Record, false),
    ("request.host", Kind::Text, false),
    ("request.path", Kind::Text, false),
    ("request.method", Kind::Text, false),
    ("request.source_ip", Kind::Address, false),
    ("request.site", Kind::Text, true),
    ("request.origin", Kind::Text, true),
    ("now", Kind::Instant, false),
];

/// Draws samples for one subject, without end.
pub(crate) struct Sampler<'a> {
    subject: Subject<'a>,
    /// The facts that policies look at, or that no question lacks, with what they can be.
    facts: Vec<(Fact, Vec<Value>)>,
    principals: Vec<String>,
    groups: Vec<String>,
    state: u64,
}

impl<'a> Sampler<'a> {
    pub(crate) fn new<'g>(subject: Subject<'a>, policies: impl Iterator<Item = &'g Ground>) -> Self {
        let literals = Literals::of(policies);
        let nothing = Values::default();
        let facts = FACTS.into_iter().filter(|(path, _, optional)| !optional || literals.of_fact.contains_key(*path));
        let facts = facts.map(|fact| (fact, values(fact.1, literals.of_fact.get(fact.0).unwrap_or(&nothing))));
        let named = |kind: &str| literals.entities.iter().filter(|it| it.0 == kind).map(|it| it.1.clone()).collect();
        let mut principals: Vec<String> = named(subject.principal.entity_type());
        principals.push(ordinary_name(subject.principal).to_owned());
        Self { subject, facts: facts.collect(), principals, groups: named("Group"), state: 1 }
    }

    fn next_principal(&mut self) -> PrincipalBuf<'static> {
        let id = self.one_of(self.principals.len()).and_then(|at| self.principals.get(at)).cloned().unwrap_or_default();
        let wanted = self.below(4);
        let chosen = self.one_of(self.groups.len());
        let groups = self.groups.iter().enumerate().filter(|(at, _)| match wanted {
            0 => false,
            1 => true,
            _ => Some(*at) == chosen,
        });
        let groups = groups.map(|(_, group)| group.as_str().into()).collect();
        PrincipalBuf { kind: self.subject.principal, id: id.into(), groups }
    }

    fn next_context(&mut self) -> Value {
        let mut context = Map::new();
        for at in 0..self.facts.len() {
            let draw = self.below(usize::MAX);
            let Some(((path, kind, optional), values)) = self.facts.get(at) else { continue };
            // Absence is rarer than presence: most permits demand several facts at once.
            if *optional && draw.is_multiple_of(8) {
                continue;
            }
            let value = values.get((draw / 8) % values.len().max(1)).cloned().unwrap_or(Value::Null);
            let (record, name) = match path.split_once('.') {
                None => (&mut context, *path),
                Some((record, name)) => match context.get_mut(record) {
                    Some(Value::Object(record)) => (record, name),
                    _ => continue,
                },
            };
            let suffix = if *kind == Kind::Instant { "_ms" } else { "" };
            record.insert(format!("{name}{suffix}"), value);
        }
        Value::Object(context)
    }

    fn one_of(&mut self, count: usize) -> Option<usize> {
        (count > 0).then(|| self.below(count))
    }

    /// A number below `bound`, which is not 0 (SplitMix64: fast, and the same everywhere).
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap_or(0) % bound
    }
}

impl Iterator for Sampler<'_> {
    type Item = Witness;

    fn next(&mut self) -> Option<Witness> {
        let principal = self.next_principal();
        let context = ContextBuf::<'static>::deserialize(self.next_context()).ok()?;
        let (action, app) = (self.subject.action.name.clone().into(), self.subject.app.name.to_owned().into());
        Some(QuestionBuf { principal, action, app, context })
    }
}

/// What a fact can be: what policies name, what lies beside it, and something else.
fn values(kind: Kind, named: &Values) -> Vec<Value> {
    let beside = |value: i64| [value.saturating_sub(1), value, value.saturating_add(1)];
    match kind {
        Kind::Record => vec![json!({})],
        Kind::Truth => vec![json!(true), json!(false)],
        Kind::Number => {
            let numbers = std::iter::once(0).chain(named.numbers.iter().copied().flat_map(beside));
            numbers.filter(|number| *number >= 0).map(Value::from).collect()
        }
        Kind::Text => named.texts.iter().map(|text| json!(text)).chain([json!(FRESH)]).collect(),
        Kind::Instant => {
            let near = named.instants_ms.iter().copied().flat_map(beside);
            let hours = (0..DAY_MS / HOUR_MS).map(|hour| ORDINARY_TIME_MS + hour * HOUR_MS);
            near.chain(hours).map(Value::from).collect()
        }
        Kind::Address => {
            let first = |text: &String| Some(text.split('/').next()?.parse::<IpAddr>().ok()?.to_string());
            let addresses = named.texts.iter().filter_map(first).chain([FRESH_ADDRESS.to_owned()]);
            addresses.map(Value::from).collect()
        }
    }
}
