//! The action: what a request does to its app, by the app's rules or by the nature of the method.

use std::sync::{Arc, LazyLock};

use http::Method;

use crate::config::{App, PathPattern};
use crate::control::call;

static READ: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("read"));
static WRITE: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("write"));

/// The action of a request. Without a rule that matches, safe methods (RFC 9110 §9.2.1) read and all else writes; an
/// upgrade opens a channel in both directions and so writes.
pub fn of<'a>(app: &'a App, method: &Method, path: &str, websocket: bool) -> &'a Arc<str> {
    let rule = app.actions.iter().find(|rule| {
        rule.method.as_ref().is_none_or(|wanted| wanted == method.as_str())
            && rule.path.as_ref().is_none_or(|pattern| matches(pattern, path))
    });
    match rule {
        Some(rule) => &rule.action,
        None if method.is_safe() && !websocket => &READ,
        None => &WRITE,
    }
}

fn matches(pattern: &PathPattern, path: &str) -> bool {
    match pattern {
        PathPattern::Exact(wanted) => path == wanted,
        PathPattern::Prefix(prefix) => path.starts_with(prefix.as_str()),
        PathPattern::Template(template) => call::segments(template, path).is_some(),
    }
}
