//! What the packet filter does with what comes in: the output of `nft --json list ruleset`, libnftables-json(5).
//! Rules of iptables-nft, ufw and firewalld stand in it as well.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Observed;

#[derive(Deserialize)]
struct Ruleset {
    nftables: Vec<Object>,
}

/// One object of the ruleset; kinds that do not matter here are neither.
#[derive(Deserialize)]
struct Object {
    chain: Option<Chain>,
    rule: Option<Rule>,
}

#[derive(Deserialize)]
struct Chain {
    family: String,
    table: String,
    name: String,
    hook: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    policy: Option<String>,
}

#[derive(Deserialize)]
struct Rule {
    family: String,
    table: String,
    chain: String,
    #[serde(default)]
    expr: Vec<Map<String, Value>>,
}

/// Whether what no rule accepts is turned away on its way in. A list of blocked addresses is no firewall.
pub(super) fn refuses_by_default(json: &str) -> Observed<bool> {
    let ruleset: Ruleset = serde_json::from_str(json).map_err(|error| format!("`nft` printed no ruleset: {error}"))?;
    let rules: Vec<_> = ruleset.nftables.iter().filter_map(|object| object.rule.as_ref()).collect();
    let mut chains = ruleset.nftables.iter().filter_map(|object| object.chain.as_ref());
    Ok(chains.any(|chain| chain.filters_input() && (chain.drops() || chain.ends_with_refusal(&rules))))
}

impl Chain {
    fn filters_input(&self) -> bool {
        let family = matches!(self.family.as_str(), "ip" | "inet");
        family && self.hook.as_deref() == Some("input") && self.kind.as_deref() == Some("filter")
    }

    fn drops(&self) -> bool {
        self.policy.as_deref() == Some("drop")
    }

    fn ends_with_refusal(&self, rules: &[&Rule]) -> bool {
        let own = |rule: &&&Rule| (&rule.family, &rule.table, &rule.chain) == (&self.family, &self.table, &self.name);
        rules.iter().rfind(own).is_some_and(|rule| rule.refuses_everything())
    }
}

impl Rule {
    /// Whether it has no condition and ends with a refusal.
    fn refuses_everything(&self) -> bool {
        let statements = || self.expr.iter().flat_map(|statement| statement.keys().map(String::as_str));
        let unconditional = statements().all(|name| matches!(name, "counter" | "log" | "drop" | "reject"));
        unconditional && statements().any(|name| matches!(name, "drop" | "reject"))
    }
}
