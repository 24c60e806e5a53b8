//! What a case does: an action, or a request from which the app's rules find the action.

use std::sync::Arc;

use http::Method;

use crate::config::diagnostic::{one_of, suggestion};
use crate::config::reader::{Table, Text};
use crate::config::{App, HostPattern, PathPattern};
use crate::request::action;
use crate::request::normalise::normal_path;

/// `does = "read"` or `request = "POST /approve/7"`.
#[derive(Clone)]
pub(super) enum Doing<'a> {
    Action(Text<'a>),
    Request(Text<'a>),
}

/// A request as far as policy sees it.
pub(super) struct Asked {
    pub(super) action: Arc<str>,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) method: String,
}

pub(super) fn doing<'a>(table: &mut Table<'a>) -> Option<Doing<'a>> {
    match (table.text("does"), table.text("request")) {
        (Some(_), Some(request)) => {
            request.refuse("there are `does` and `request`, which also says what is done", "one of them")
        }
        (Some(action), None) => Some(Doing::Action(action)),
        (None, request) => request.map(Doing::Request),
    }
}

impl Doing<'_> {
    /// What is asked of `app`.
    pub(super) fn of(&self, app: &App) -> Option<Asked> {
        match self {
            Self::Action(action) => typical(action, app),
            Self::Request(request) => written(request, app),
        }
    }
}

/// A request that does this action: by the first of the app's rules for it, or by the method alone.
fn typical(name: &Text<'_>, app: &App) -> Option<Asked> {
    let asked = |action: Arc<str>, method: &str, path: &str| {
        Some(Asked { action, host: host_of(app), path: path.to_owned(), method: method.to_owned() })
    };
    if let Some(rule) = app.actions.iter().find(|rule| *rule.action == **name) {
        let path = match &rule.path {
            Some(PathPattern::Exact(path) | PathPattern::Prefix(path)) => path.as_str(),
            Some(PathPattern::Template(path)) => path,
            None => "/",
        };
        return asked(Arc::clone(&rule.action), rule.method.as_deref().unwrap_or("GET"), path);
    }
    match &**name {
        "read" => asked("read".into(), "GET", "/"),
        "write" => asked("write".into(), "POST", "/"),
        _ => {
            let known = || app.actions.iter().map(|rule| &*rule.action).chain(["read", "write"]);
            let message = format!("no request to `{}` does `{}`{}", app.name, &**name, suggestion(name, known()));
            name.refuse(message, one_of(known()))
        }
    }
}

/// A request as written: a method, and a path or a URL.
fn written(request: &Text<'_>, app: &App) -> Option<Asked> {
    let example = "method and path, such as `POST /approve/7`";
    let Some((method, target)) = request.split_once(' ') else {
        return request.refuse(format!("`{}` is not a request", &**request), example);
    };
    let (host, path) = match target.strip_prefix("https://") {
        Some(rest) => rest.split_once('/').map_or((rest, ""), |(host, _)| (host, rest.get(host.len()..).unwrap_or(""))),
        None => ("", target),
    };
    let host = match host {
        "" => host_of(app),
        host if app.hosts.iter().any(|pattern| pattern.matches(host)) => host.to_owned(),
        host => return request.refuse(format!("`{host}` is not a host of `{}`", app.name), host_of(app)),
    };
    let path = path.split('?').next().unwrap_or_default();
    let upper_case = !method.is_empty() && method.chars().all(|c| c.is_ascii_uppercase() || c == '-');
    let (Ok(known), true, true) = (Method::from_bytes(method.as_bytes()), upper_case, path.starts_with('/')) else {
        return request.refuse(format!("`{}` is not a request", &**request), example);
    };
    match normal_path(path) {
        Ok(path) => {
            let action = Arc::clone(action::of(app, &known, &path, false));
            Some(Asked { action, host, path: path.into_owned(), method: method.to_owned() })
        }
        Err(rejected) => request.refuse(format!("the gateway refuses the path: {}", rejected.detail), example),
    }
}

/// A host of the app.
fn host_of(app: &App) -> String {
    match app.hosts.first() {
        Some(HostPattern::Exact(host)) => host.clone(),
        Some(HostPattern::Wildcard(parent)) => format!("www.{parent}"),
        None => String::new(),
    }
}
