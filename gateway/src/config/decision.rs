//! What decisions rest on: `[policy]`, `[identity]`, `[posture]`, `[[threat]]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::clients::identifier;
use super::diagnostic::{one_of, suggestion};
use super::jwt::{self, JwtIssuer};
use super::reader::{Table, Text};
use super::reporter::{self, DEFAULT_RANK, Osquery, PostureSource};
use super::signing::{self, Signing};
use super::source::Spot;
use super::{Mode, Oidc, oidc};
use crate::facts::posture::FactName;

/// `[policy]`
#[derive(Debug, Clone)]
pub struct Policy {
    /// `directory`: `*.cedar` below it, and optionally `*.cedarschema` that extend the schema.
    pub directory: PathBuf,
    /// `mode`. Default enforce.
    pub mode: Mode,
    /// `signers`, `threshold`, `state`: whether the directory must be a signed bundle.
    pub signing: Option<Signing>,
    /// `shadow_fraction`: each how manyeth decision is made again by Cedar itself; 0 for none. Default 1 000, written
    /// as the fraction 0.001.
    pub shadow_every: u32,
}

/// `[[threat]]`
#[derive(Debug, Clone)]
pub struct ThreatList {
    /// `name`: `context.threat.list` in policies.
    pub name: Arc<str>,
    /// `addresses`: a file with an address or network a line.
    pub addresses: PathBuf,
}

/// `[identity]`
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// `groups`: a JSON file: `{"groups": {"finance": ["alice@example.org", "spiffe://…"]}}`.
    pub groups: Option<PathBuf>,
    /// `[identity.oidc]`
    pub oidc: Option<Arc<Oidc>>,
    /// `[[identity.jwt]]`, in the order of the file.
    pub jwt: Vec<Arc<JwtIssuer>>,
}

impl Identity {
    /// Whether groups come from issuers too, whose names are not known here.
    pub fn has_issuers(&self) -> bool {
        self.oidc.is_some() || !self.jwt.is_empty()
    }
}

/// `[posture]`
#[derive(Debug, Clone, PartialEq)]
pub struct Posture {
    /// `file`: a JSON file of facts by device.
    pub file: Option<PathBuf>,
    /// `max_age_s.default`. Default 24 h.
    pub default_max_age: Duration,
    /// `max_age_s.<fact>`: by fact.
    pub max_age: BTreeMap<FactName, Duration>,
    /// `required`: the facts that must be present and fresh for an app with `posture = "required"`. Empty (the default)
    /// means: at least one fact, and none that was reported may be stale.
    pub required: Vec<FactName>,
    /// `[[posture.source]]`, in the order of the file; then those that need not be written.
    pub sources: Vec<Arc<PostureSource>>,
    /// `[posture.osquery]`
    pub osquery: Osquery,
}

impl Posture {
    /// The source of that name.
    pub fn source(&self, name: &str) -> Option<&Arc<PostureSource>> {
        self.sources.iter().find(|source| &*source.name == name)
    }

    /// How old a fact of a source may become that does not say so itself.
    pub fn max_age_of(&self, fact: FactName, source: Option<&str>) -> Duration {
        let of_source = source.and_then(|name| self.source(name)?.max_age_of(fact));
        of_source.or_else(|| self.max_age.get(&fact).copied()).unwrap_or(self.default_max_age)
    }

    /// The rank of a source.
    pub fn rank_of(&self, source: Option<&str>) -> u16 {
        source.and_then(|name| self.source(name)).map_or(DEFAULT_RANK, |source| source.rank)
    }
}

const DAY_S: u64 = 86_400;

pub(super) fn policy(mut table: Table<'_>) -> Option<Policy> {
    let directory = table.required_folder("directory");
    let mode = mode(&mut table);
    let signing = signing::read(&mut table);
    let shadow_fraction = table.fraction("shadow_fraction", 0.001);
    table.finish();
    Some(Policy {
        directory: directory?,
        mode: mode.unwrap_or(Mode::Enforce),
        signing,
        shadow_every: every(shadow_fraction),
    })
}

/// Each how manyeth one makes up this fraction; 0 for none.
fn every(fraction: f64) -> u32 {
    // Saturates: the smallest fraction is one of the largest number.
    if fraction > 0.0 { (1.0 / fraction).round() as u32 } else { 0 }
}

pub(super) fn threats(tables: Vec<Table<'_>>) -> Vec<ThreatList> {
    let mut lists: Vec<ThreatList> = Vec::new();
    for mut table in tables {
        let spot = table.spot;
        let name = table.required_text("name").and_then(|text| identifier(&text));
        let addresses = table.required_path("addresses");
        table.finish();
        let (Some(name), Some(addresses)) = (name, addresses) else { continue };
        match lists.iter().any(|list| list.name == name) {
            true => spot.error(format!("there is already a threat list `{name}`"), "another name"),
            false => lists.push(ThreatList { name, addresses }),
        }
    }
    lists
}

/// `mode`, of all policy or of one app.
pub(super) fn mode(table: &mut Table<'_>) -> Option<Mode> {
    table.choice("mode", &[("enforce", Mode::Enforce), ("observe", Mode::Observe)])
}

/// `[identity]`, and where `[identity.oidc]` stands.
pub(super) fn identity<'a>(mut table: Table<'a>) -> (Identity, Option<Spot<'a>>) {
    let groups = table.file("groups");
    let oidc = table.table("oidc");
    let oidc_spot = oidc.as_ref().map(|oidc| oidc.spot);
    let oidc = oidc.and_then(oidc::read).map(Arc::new);
    let jwt = jwt::issuers(table.tables("jwt"));
    table.finish();
    (Identity { groups, oidc, jwt }, oidc_spot)
}

/// `[posture]`, and where the trust domains stand that its sources name.
pub(super) fn posture<'a>(mut table: Table<'a>) -> (Posture, Vec<(Arc<str>, Spot<'a>)>) {
    let file = table.file("file");
    let (default_max_age, max_age) = max_ages(table.table_or_empty("max_age_s"));
    let required = table.texts("required").iter().filter_map(fact_name).collect();
    let reporter::Read { sources, trust } = reporter::sources(table.tables("source"));
    let osquery = reporter::osquery(table.table_or_empty("osquery"));
    table.finish();
    let sources = sources.into_iter().map(Arc::new).collect();
    (Posture { file, default_max_age, max_age, required, sources, osquery }, trust)
}

pub(super) fn max_ages(mut table: Table<'_>) -> (Duration, BTreeMap<FactName, Duration>) {
    let range = || 1..=366 * DAY_S;
    let default = table.seconds("default", DAY_S, range());
    let mut by_fact = BTreeMap::new();
    for fact in FactName::ALL {
        let given = table.has(fact.as_str());
        let max_age = table.seconds(fact.as_str(), DAY_S, range());
        if given {
            by_fact.insert(fact, max_age);
        }
    }
    table.finish();
    (default, by_fact)
}

pub(super) fn fact_name(text: &Text<'_>) -> Option<FactName> {
    let known = || FactName::ALL.into_iter().map(FactName::as_str);
    let unknown = || text.refuse(format!("unknown fact `{}`{}", &**text, suggestion(text, known())), one_of(known()));
    FactName::parse(text).or_else(unknown)
}
