//! The small world that policies and questions speak of: few names, so that they meet often.

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use gaccong_policy::AppScope;

pub(crate) const APPS: &[&str] = &["a0", "a1", "a2"];
pub(crate) const APP_GROUPS: &[&str] = &["g0", "g1", "g2"];
pub(crate) const GROUPS: &[&str] = &["s0", "s1", "s2"];
pub(crate) const PRINCIPALS: &[&str] = &["u0", "u1", "spiffe://a/b", "đ\"\\*", ""];

/// Texts that policies compare with and that questions are made of.
pub(crate) const TEXTS: &[&str] = &[
    "low",
    "high",
    "secret",
    "u0",
    "linux",
    "oidc",
    "GET",
    "POST",
    "/",
    "/a",
    "/a/b",
    "/ab",
    "a",
    "b",
    "",
    "*",
    "a*b",
    "\\",
    "\"",
    "đường",
    "a\u{301}",
    "\0",
    "\n",
    "A",
];

/// Numbers near which something happens: nothing, ordinary ages, and the limits of arithmetic.
pub(crate) const NUMBERS: &[i64] = &[
    0,
    1,
    -1,
    2,
    30,
    60,
    900,
    86_400,
    1 << 32,
    3_037_000_499,
    3_037_000_500,
    1 << 53,
    i64::MAX / 1000,
    i64::MAX - 1,
    i64::MAX,
    i64::MIN,
    i64::MIN + 1,
];

/// Actions beside `read` and `write` that the configuration names, in both kinds of world.
pub(crate) const NAMED_ACTIONS: &[&str] = &["approve"];

/// What the operator adds to the schema, in an extended world. Entities of these types exist in no question.
pub(crate) const EXTENSION: &str = r#"
    action admin;
    action deploy in [write, admin] appliesTo { principal: [Workload], resource: App, context: Facts };
    action "log in" in [deploy] appliesTo { principal: [User, Workload], resource: App, context: Facts };
    entity Site in [Site] = { floor: Long, name?: String } tags String;
    entity Colour enum ["red", "green"];
"#;

/// What one case knows: the apps with their attributes, and what the schema has beyond ours.
#[derive(Debug, Clone)]
pub struct World {
    /// Whether the operator's schema extension is there.
    pub is_extended: bool,
    /// Whether devices can ask.
    pub has_devices: bool,
    /// The apps.
    pub apps: Vec<App>,
}

/// An app and what policy can see of it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "as in `AppScope`")]
pub struct App {
    pub name: &'static str,
    pub groups: Vec<Arc<str>>,
    pub owner: Option<&'static str>,
    pub sensitivity: &'static str,
}

impl World {
    pub(crate) fn arbitrary(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let (is_extended, has_devices) = (bytes.arbitrary()?, bytes.ratio(1, 4)?);
        let apps = APPS.iter().map(|name| App::arbitrary(name, bytes)).collect::<Result<_>>()?;
        Ok(Self { is_extended, has_devices, apps })
    }

    /// The apps as the loader takes them.
    pub fn scopes(&self) -> Vec<AppScope<'_>> {
        let scope = |&App { name, ref groups, owner, sensitivity }| AppScope { name, groups, owner, sensitivity };
        self.apps.iter().map(scope).collect()
    }

    /// The names of all actions that a policy may speak of; the first that are not for questions come last.
    pub(crate) fn actions(&self) -> &'static [&'static str] {
        match self.is_extended {
            false => &["read", "write", "approve"],
            true => &["read", "write", "approve", "deploy", "log in", "admin"],
        }
    }
}

impl App {
    fn arbitrary(name: &'static str, bytes: &mut Unstructured<'_>) -> Result<Self> {
        Ok(Self {
            name,
            groups: some_of(APP_GROUPS, bytes)?,
            owner: if bytes.arbitrary()? { Some(*bytes.choose(TEXTS)?) } else { None },
            sensitivity: *bytes.choose(&["low", "high", "secret"])?,
        })
    }
}

/// A subset of at most eight names.
pub(crate) fn some_of(names: &[&str], bytes: &mut Unstructured<'_>) -> Result<Vec<Arc<str>>> {
    let chosen: u8 = bytes.arbitrary()?;
    let is_chosen = |at: usize| chosen >> at & 1 == 1;
    Ok(names.iter().enumerate().filter(|(at, _)| is_chosen(*at)).map(|(_, name)| Arc::from(*name)).collect())
}
