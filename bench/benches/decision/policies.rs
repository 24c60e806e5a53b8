//! The policies, as Cedar and as Rego: posture, address and path for all apps; teams, guilds and contractors for each.

use gaccong_policy::Source;
use serde_json::{Value, json};

pub(crate) const GLOBAL_POLICIES: usize = 20;
pub(crate) const POLICIES_PER_APP: usize = 10;
/// When the last contract ends, milliseconds since the Unix epoch.
pub(crate) const CONTRACT_ENDS_MS: i64 = 1_798_761_600_000;

/// Forbids that seldom apply and are always asked.
pub(crate) fn global_cedar() -> Source {
    const CONDITIONS: [&str; 4] = [
        "unless { context has device && context.device has disk_encrypted && context.device.disk_encrypted }",
        "unless { context has device && context.device has patch_age_days && context.device.patch_age_days <= 3NUMBER }",
        "when { context.request.source_ip.isInRange(ip(\"203.0.NUMBER.0/24\")) }",
        "when { context.request.path like \"/internal/NUMBER/*\" && !(principal in Group::\"operators\") }",
    ];
    let policy = |(number, condition): (usize, &&str)| {
        let condition = condition.replace("NUMBER", &number.to_string());
        format!("@id(\"global-{number}\")\nforbid (principal, action, resource)\n{condition};\n")
    };
    let text = (0..GLOBAL_POLICIES).zip(CONDITIONS.iter().cycle()).map(policy).collect();
    Source { name: "global.cedar".to_owned(), text }
}

/// The same in Rego, and the rules that look the permits of an app up in the data.
pub(crate) fn rego() -> String {
    const BODIES: [&str; 4] = [
        "not input.device.disk_encrypted",
        "not patched_within(3NUMBER)",
        "net.cidr_contains(\"203.0.NUMBER.0/24\", input.request.source_ip)",
        "startswith(input.request.path, \"/internal/NUMBER/\"); not \"operators\" in input.principal.groups",
    ];
    let rule = |(number, body): (usize, &&str)| {
        let body = body.replace("NUMBER", &number.to_string());
        format!("forbids contains \"global-{number}\" if {{ {body} }}\n")
    };
    let forbids: String = (0..GLOBAL_POLICIES).zip(BODIES.iter().cycle()).map(rule).collect();
    format!("{}\n{forbids}", include_str!("gate.rego"))
}

/// The permits of one app: for its team, for contractors of the day, for whoever has just logged in, and for guilds.
pub(crate) fn app_cedar(app: &str) -> Source {
    let policy = |number: usize| {
        let (group, actions, condition) = match number {
            0 => (format!("team-{app}"), "action in [Action::\"read\", Action::\"write\"]", managed()),
            1 => ("contractors".to_owned(), "action == Action::\"read\"", under_contract()),
            2 => ("operators".to_owned(), "action", just_logged_in()),
            _ => (format!("guild-{number}"), "action == Action::\"read\"", guild(number)),
        };
        format!(
            "@id(\"{app}-{number}\")\npermit (principal in Group::\"{group}\", {actions}, resource == App::\"{app}\")\n\
             when {{ {condition} }};\n"
        )
    };
    Source { name: format!("apps/{app}.cedar"), text: (0..POLICIES_PER_APP).map(policy).collect() }
}

fn managed() -> String {
    "context has device && context.device has managed && context.device.managed".to_owned()
}

fn under_contract() -> String {
    "context.now < datetime(\"2027-01-01\")".to_owned()
}

fn just_logged_in() -> String {
    "context has session && context.session.auth_age_s <= 900".to_owned()
}

fn guild(number: usize) -> String {
    format!(
        "context.request.path like \"/guild/{number}/*\" && context has device && context.device has risk \
         && context.device.risk == \"low\""
    )
}

/// The permits of one app as data for Rego.
pub(crate) fn app_data(app: &str) -> Value {
    let permit = |number: usize| {
        let id = format!("{app}-{number}");
        match number {
            0 => json!({ "id": id, "group": format!("team-{app}"), "actions": ["read", "write"], "managed": true }),
            1 => json!({ "id": id, "group": "contractors", "actions": ["read"], "until_ms": CONTRACT_ENDS_MS }),
            2 => json!({ "id": id, "group": "operators", "actions": ["read", "write"], "auth_age_s": 900 }),
            _ => {
                let (group, path) = (format!("guild-{number}"), format!("/guild/{number}/"));
                json!({ "id": id, "group": group, "actions": ["read"], "path": path })
            }
        }
    };
    (0..POLICIES_PER_APP).map(permit).collect()
}
