//! Random policies: annotations, scopes of every form, and clauses.

use arbitrary::{Result, Unstructured};

use crate::expression::Author;
use crate::world::World;

const PRINCIPALS: &[&str] = &[
    "principal",
    "principal is User",
    "principal is Workload",
    "principal == User::\"u0\"",
    "principal == Workload::\"spiffe://a/b\"",
    "principal in Group::\"s0\"",
    "principal in Group::\"s1\"",
    "principal in User::\"u0\"",
    "principal is User in Group::\"s0\"",
    "principal is Workload in Group::\"s2\"",
];

const DEVICES: &[&str] = &["principal is Device", "principal == Device::\"u0\"", "principal in Device::\"u1\""];

const RESOURCES: &[&str] = &[
    "resource",
    "resource is App",
    "resource == App::\"a0\"",
    "resource == App::\"a1\"",
    "resource in App::\"a1\"",
    "resource in AppGroup::\"g0\"",
    "resource in AppGroup::\"g1\"",
    "resource is App in AppGroup::\"g2\"",
    "resource is App in App::\"a2\"",
];

const ACTIONS: &[&str] = &[
    "action",
    "action",
    "action == Action::\"read\"",
    "action == Action::\"approve\"",
    "action in Action::\"write\"",
    "action in [Action::\"read\", Action::\"write\"]",
    "action in [Action::\"approve\"]",
];

const EXTENDED_ACTIONS: &[&str] = &[
    "action == Action::\"deploy\"",
    "action == Action::\"log in\"",
    "action in Action::\"admin\"",
    "action in [Action::\"admin\", Action::\"read\"]",
    "action in [Action::\"deploy\"]",
];

/// A policy on one line.
#[derive(Debug, Clone)]
pub struct RandomPolicy {
    /// Its `@id`, if it has one.
    pub id: Option<String>,
    /// Whether it takes no part in decisions and is only reported.
    pub is_observed: bool,
    /// The policy, in Cedar's syntax, with its annotations.
    pub text: String,
}

impl RandomPolicy {
    pub(crate) fn arbitrary(number: usize, world: &World, bytes: &mut Unstructured<'_>) -> Result<Self> {
        let id = bytes.ratio(1, 2)?.then(|| format!("policy {number}"));
        let effect = if bytes.ratio(1, 3)? { "forbid" } else { "permit" };
        let principal = match world.has_devices && bytes.ratio(1, 4)? {
            true => *bytes.choose(DEVICES)?,
            false => often_any(PRINCIPALS, bytes)?,
        };
        let action = match world.is_extended && bytes.ratio(1, 3)? {
            true => *bytes.choose(EXTENDED_ACTIONS)?,
            false => often_any(ACTIONS, bytes)?,
        };
        let resource = often_any(RESOURCES, bytes)?;
        let is_observed = bytes.ratio(1, 8)?;
        let annotations = annotations(id.as_deref(), is_observed, bytes)?;
        let is_for_people = principal.starts_with("principal is User") || principal.contains(" User::");
        let clauses = clauses(is_for_people, world, bytes)?;
        Ok(Self {
            id,
            is_observed,
            text: format!("{annotations}{effect} ({principal}, {action}, {resource}){clauses};"),
        })
    }
}

/// Half of all scopes do not restrict.
fn often_any(scopes: &[&'static str], bytes: &mut Unstructured<'_>) -> Result<&'static str> {
    Ok(if bytes.arbitrary()? { scopes.first().copied().unwrap_or_default() } else { bytes.choose(scopes)? })
}

fn annotations(id: Option<&str>, is_observed: bool, bytes: &mut Unstructured<'_>) -> Result<String> {
    let id = id.map(|id| format!("@id(\"{id}\") ")).unwrap_or_default();
    let mode = if is_observed { "@mode(\"observe\") " } else { "" };
    let reason = if bytes.ratio(1, 4)? { "@reason(\"lý do; \\\"why\\\"\") @unknown " } else { "" };
    Ok(id + mode + reason)
}

fn clauses(is_for_people: bool, world: &World, bytes: &mut Unstructured<'_>) -> Result<String> {
    let mut clauses = String::new();
    for _ in 0..bytes.int_in_range(0..=3_u8)? {
        let keyword = if bytes.ratio(1, 3)? { "unless" } else { "when" };
        let condition = Author::new(bytes, world, is_for_people).condition()?;
        clauses += &format!(" {keyword} {{ {condition} }}");
    }
    Ok(clauses)
}
