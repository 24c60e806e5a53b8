//! `[[clients.trust.groups]]`: groups of those whom certificates name, by their names.

use std::sync::Arc;

use super::reader::{Table, Text};

/// The longest pattern, in bytes: as long as a name may be.
const MAX_PATTERN_BYTES: usize = 512;
/// The most rules of a trust domain: all are compared with the name for each request.
const MAX_RULES: usize = 64;
/// The most groups of a rule.
const MAX_GROUPS: usize = 20;

/// `[[clients.trust.groups]]`: who is in which groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRule {
    /// `match`: the principal's id, segment by segment between `/`. A `*` stands for any characters of one segment.
    pub pattern: Box<str>,
    /// `groups` that whoever is so called is in.
    pub groups: Vec<Arc<str>>,
}

impl GroupRule {
    /// Whether it is about the principal of this id.
    pub fn matches(&self, id: &str) -> bool {
        let (mut patterns, mut segments) = (self.pattern.split('/'), id.split('/'));
        loop {
            match (patterns.next(), segments.next()) {
                (None, None) => return true,
                (Some(pattern), Some(segment)) if matches_segment(pattern, segment) => {}
                _ => return false,
            }
        }
    }
}

/// Whether the pieces of the pattern between its `*` stand in the segment in their order, the first and the last at its ends.
fn matches_segment(pattern: &str, segment: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == segment };
    let (between, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(middle) = segment.strip_prefix(first).and_then(|middle| middle.strip_suffix(last)) else { return false };
    let found = between.split('*').try_fold(middle, |middle, piece| Some(middle.split_once(piece)?.1));
    found.is_some()
}

/// The rules of a trust domain.
pub(super) fn rules(tables: Vec<Table<'_>>) -> Vec<GroupRule> {
    if let Some(beyond) = tables.get(MAX_RULES) {
        beyond
            .spot
            .error(format!("a trust domain has at most {MAX_RULES} rules for groups"), "fewer, or a file of groups");
    }
    tables.into_iter().filter_map(rule).collect()
}

fn rule(mut table: Table<'_>) -> Option<GroupRule> {
    let spot = table.spot;
    let pattern = table.required_text("match");
    let groups = table.required_texts("groups");
    table.finish();
    if groups.len() > MAX_GROUPS {
        spot.error(format!("a rule gives at most {MAX_GROUPS} groups"), "fewer");
    }
    let groups: Vec<_> = groups.iter().filter_map(group).collect();
    let pattern = pattern?;
    match (1..=MAX_PATTERN_BYTES).contains(&pattern.len()) {
        true => Some(GroupRule { pattern: Box::from(&*pattern), groups }),
        false => pattern.refuse("this matches nobody", format!("1 to {MAX_PATTERN_BYTES} bytes")),
    }
}

fn group(text: &Text<'_>) -> Option<Arc<str>> {
    match (1..=256).contains(&text.len()) {
        true => Some(Arc::from(&**text)),
        false => text.refuse("this is no group", "1 to 256 bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_in_its_segment() {
        let matches = |pattern: &str, id: &str| GroupRule { pattern: pattern.into(), groups: vec![] }.matches(id);
        let billing = "spiffe://prod.example/ns/*/sa/billing-*";
        for (pattern, id) in [
            (billing, "spiffe://prod.example/ns/a/sa/billing-"),
            (billing, "spiffe://prod.example/ns/a-b/sa/billing-api"),
            ("*@example.org", "alice@example.org"),
            ("a*b*c", "abc"),
            ("a*b*c", "axxbxbxc"),
            ("*b*", "b"),
            ("*", "anything"),
            ("exact", "exact"),
        ] {
            assert!(matches(pattern, id), "{pattern} {id}");
        }
        for (pattern, id) in [
            (billing, "spiffe://prod.example/ns/a/b/sa/billing-api"),
            (billing, "spiffe://prod.example/ns/a/sa/billing-api/x"),
            (billing, "spiffe://prod.example/ns/a/sa/xbilling-api"),
            (billing, "spiffe://test.example/ns/a/sa/billing-api"),
            ("*@example.org", "alice@example.org.evil.example"),
            ("*@example.org", "a/alice@example.org"),
            ("a*b*c", "acb"),
            ("a*bb*b", "abb"),
            ("aa*a", "aa"),
            ("*", "a/b"),
            ("exact", "Exact"),
            ("exact", ""),
        ] {
            assert!(!matches(pattern, id), "{pattern} {id}");
        }
    }
}
