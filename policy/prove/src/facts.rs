//! What is assumed of every request: what the schema cannot say, and what no gateway would ever ask.
//!
//! The schema says that a time is a number of 64 bits and that an address may be a whole network. A question has an
//! instant that a calendar knows, and one address. A proof that had to hold for the rest too would fail for no reason.

use std::iter::once;

use cedar_policy::{ParseErrors, Policy, PolicyId};

use crate::literals::Literals;

/// Instants, between the years 1970 and 9999.
const INSTANTS: [&str; 2] = ["now", "certificate.not_after"];
/// Ages, and how long they can be: three centuries; and the highest level of alert. A question that goes beyond is refused
/// before any policy is asked.
const COUNTS: [(&str, i64); 4] = [
    ("alert_level", 5),
    ("device.age_s", 10_000_000_000),
    ("device.patch_age_days", 100_000),
    ("session.auth_age_s", 10_000_000_000),
];
/// The address of the client.
const ADDRESS: &str = "request.source_ip";
/// The networks that `isLoopback` and `isMulticast` look for.
const KNOWN_NETWORKS: [&str; 4] = ["127.0.0.0/8", "::1/128", "224.0.0.0/4", "ff00::/8"];

/// A `forbid` of everything that is no request, as far as policies look at it. `literals` are all that the policies name.
pub(crate) fn assumption(literals: &Literals) -> Result<Policy, Box<ParseErrors>> {
    let instants = INSTANTS.into_iter().filter(|fact| literals.of_fact.contains_key(*fact)).map(instant);
    let counts = COUNTS.into_iter().filter(|(fact, _)| literals.of_fact.contains_key(*fact)).map(count);
    let named = literals.of_fact.get(ADDRESS).map(|values| values.texts.iter().map(String::as_str));
    let addresses =
        named.into_iter().flat_map(|named| named.chain(KNOWN_NETWORKS).map(one_address).chain(once(no_mapped())));
    let all: Vec<String> = once("true".to_owned()).chain(instants).chain(counts).chain(addresses).collect();
    let text = format!("forbid (principal, action, resource) unless {{ {} }};", all.join(" && "));
    Policy::parse(Some(PolicyId::new("assumption")), text).map_err(Box::new)
}

fn instant(fact: &str) -> String {
    let path = format!("context.{fact}");
    if_known(fact, &format!("{path} >= datetime(\"1970-01-01\") && {path} < datetime(\"9999-12-30\")"))
}

fn count((fact, most): (&str, i64)) -> String {
    if_known(fact, &format!("context.{fact} >= 0 && context.{fact} <= {most}"))
}

fn if_known(fact: &str, condition: &str) -> String {
    format!("(if context has {fact} then {condition} else true)")
}

/// A network in place of an address would be partly in another. One address is in each, or outside of it.
fn one_address(network: &str) -> String {
    let literal = format!("ip(\"{}\")", network.escape_default());
    format!("(!{literal}.isInRange(context.{ADDRESS}) || context.{ADDRESS}.isInRange({literal}))")
}

/// The gateway takes IPv4 out of IPv6 before policy sees it.
fn no_mapped() -> String {
    format!("!context.{ADDRESS}.isInRange(ip(\"::ffff:0:0/96\"))")
}
