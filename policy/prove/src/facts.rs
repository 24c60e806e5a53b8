//! What is assumed of every request: what the schema cannot say, and what no gateway would ever ask.
//!
//! The schema says that a time is a number of 64 bits and that an address may be a whole network. A question has an
//! instant that a calendar knows, and one address. A proof that had to hold for the rest too would fail for no reason.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cedar_policy::{ParseErrors, Policy, PolicyId};

/// Ages, and how long they can be: three centuries. A question that goes beyond is refused before any policy is asked.
const AGES: [(&str, i64); 3] =
    [("device.age_s", 10_000_000_000), ("device.patch_age_days", 100_000), ("session.auth_age_s", 10_000_000_000)];
/// The networks that `isLoopback` and `isMulticast` look for.
const KNOWN_NETWORKS: [&str; 4] = ["127.0.0.0/8", "::1/128", "224.0.0.0/4", "ff00::/8"];

/// A `forbid` of everything that is no request. `addresses` are all that the policies name.
pub(crate) fn assumption(addresses: &BTreeSet<String>) -> Result<Policy, Box<ParseErrors>> {
    let mut text = format!(
        r#"forbid (principal, action, resource) unless {{
            {now} && {not_after} && {ages}"#,
        now = instant("context.now"),
        not_after =
            format_args!("(if context has certificate then {} else true)", instant("context.certificate.not_after")),
        ages = AGES.map(|(fact, longest)| age(fact, longest)).join(" && "),
    );
    // A network in place of an address would be partly in another: the one address is in each or outside of it.
    for address in addresses.iter().map(String::as_str).chain(KNOWN_NETWORKS) {
        let literal = format!("ip(\"{}\")", address.escape_default());
        let asked = "context.request.source_ip";
        let _infallible = write!(text, " && (!{literal}.isInRange({asked}) || {asked}.isInRange({literal}))");
    }
    // The gateway takes IPv4 out of IPv6 before policy sees it.
    text.push_str(" && !context.request.source_ip.isInRange(ip(\"::ffff:0:0/96\")) };");
    Policy::parse(Some(PolicyId::new("assumption")), text).map_err(Box::new)
}

/// The path is an instant between the years 1970 and 9999.
fn instant(path: &str) -> String {
    format!("{path} >= datetime(\"1970-01-01\") && {path} < datetime(\"9999-12-30\")")
}

/// The age, where it is known, is not negative, and not longer than this.
fn age(fact: &str, longest: i64) -> String {
    format!("(if context has {fact} then context.{fact} >= 0 && context.{fact} <= {longest} else true)")
}
