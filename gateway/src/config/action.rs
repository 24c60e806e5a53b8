//! `actions` of an app: from method and path to the action that policies speak of.

use std::sync::Arc;

use super::clients::identifier;
use super::reader::{Table, Text};
use super::source::Spot;

/// `actions = [{ method = "POST", path = "/approve/*", action = "approve" }]`
#[derive(Debug, Clone)]
pub struct ActionRule {
    /// `method`: upper-case; `None` for any.
    pub method: Option<String>,
    /// `path`: a normal path, exact, or a prefix where it ends in `*`; `None` for any.
    pub path: Option<PathPattern>,
    /// `action`: `read`, `write`, or a name of the operator's.
    pub action: Arc<str>,
}

/// A path, exact or as a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPattern {
    /// `/a/b`
    Exact(String),
    /// `/a/*`; holds `/a/`.
    Prefix(String),
    /// `/a/{id}/b`, where any one segment may stand for one in braces. Only the gateway's own calls have such.
    Template(&'static str),
}

impl PathPattern {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Prefix(prefix), Self::Exact(path) | Self::Prefix(path)) => path.starts_with(prefix),
            (Self::Exact(path), Self::Exact(other)) => path == other,
            _ => false,
        }
    }
}

impl ActionRule {
    /// Whether every request that `later` matches is already matched.
    fn shadows(&self, later: &Self) -> bool {
        let method = self.method.is_none() || self.method == later.method;
        let path = match (&self.path, &later.path) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(earlier), Some(later)) => earlier.covers(later),
        };
        method && path
    }
}

pub(super) fn read(tables: Vec<Table<'_>>) -> Vec<ActionRule> {
    let mut rules: Vec<(ActionRule, Spot<'_>)> = Vec::new();
    for (rule, spot) in tables.into_iter().filter_map(rule) {
        if let Some((_, earlier)) = rules.iter().find(|(earlier, _)| earlier.shadows(&rule)) {
            spot.warn(
                format!("this rule is never reached: the one at {} matches first", earlier.shown()),
                "the narrower rule first",
            );
        }
        rules.push((rule, spot));
    }
    rules.into_iter().map(|(rule, _)| rule).collect()
}

fn rule(mut table: Table<'_>) -> Option<(ActionRule, Spot<'_>)> {
    let method = table.text("method");
    let path = table.text("path");
    let action = table.required_text("action");
    let spot = table.spot;
    table.finish();
    let (has_method, has_path) = (method.is_some(), path.is_some());
    let method = method.and_then(|text| self::method(&text));
    let path = path.and_then(|text| self::path(&text));
    let action = action.and_then(|text| identifier(&text));
    // A rule whose method or path is bad must not be compared with others as if it had none.
    let whole = has_method == method.is_some() && has_path == path.is_some();
    whole.then_some(())?;
    Some((ActionRule { method, path, action: action? }, spot))
}

fn method(text: &Text<'_>) -> Option<String> {
    let good = !text.is_empty() && text.chars().all(|c| c.is_ascii_uppercase() || c == '-');
    if good {
        return Some(text.to_string());
    }
    text.refuse(format!("`{}` is not a method", &**text), "an upper-case name such as `POST`")
}

fn path(text: &Text<'_>) -> Option<PathPattern> {
    let (fixed, prefix) = match text.strip_suffix('*') {
        Some(fixed) => (fixed, true),
        None => (&**text, false),
    };
    let normal = fixed.starts_with('/')
        && !fixed.contains("//")
        && !fixed.contains(|c: char| matches!(c, '*' | '?' | '#' | '\\') || c.is_whitespace() || c.is_control())
        && !fixed.split('/').any(|segment| segment == "." || segment == "..");
    if !normal {
        return text.refuse(
            format!("no request has the path `{}`", &**text),
            "a normal path such as `/approve`, or a prefix such as `/approve/*`",
        );
    }
    let fixed = fixed.to_owned();
    Some(if prefix { PathPattern::Prefix(fixed) } else { PathPattern::Exact(fixed) })
}
