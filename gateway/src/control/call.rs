//! A call: what is asked, under which action, about whom; and how that is read out of a request's target.

use std::sync::Arc;

use utoipa::openapi::ComponentsBuilder;
use utoipa::{PartialSchema, ToSchema};

use crate::config::PathPattern;
use crate::request::decide::Target;

/// One call.
#[derive(Debug)]
pub struct Call {
    /// What is done; also the operation's id.
    pub operation: Operation,
    /// `GET`
    pub method: &'static str,
    /// `/v1/devices/{id}`: a segment in braces stands for any one.
    pub path: &'static str,
    /// The action that policy is asked for.
    pub action: &'static str,
    /// Whom it is about.
    pub about: About,
    /// Keys of the query that it can do without.
    pub filters: &'static [&'static str],
    /// The largest body.
    pub body_max_bytes: u64,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// What is sent.
    pub request: Option<Shape>,
    /// Whether it may be left out.
    pub request_optional: bool,
    /// What is answered; `None` for no content.
    pub response: Option<Shape>,
}

/// Whom a call is about: `context.target` in policies. It stands in the target of the request, so that policy decides
/// before a byte of the body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Nobody.
    Nobody,
    /// The one in the path, of this kind.
    Path(&'static str),
    /// The one in the query: `kind`, one of these, and `id`.
    Query(&'static [&'static str]),
    /// The one thing of this kind.
    Only(&'static str),
    /// The device of the caller's certificate.
    OwnDevice,
}

/// A JSON body's shape.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Its name in the document.
    pub name: fn() -> String,
    /// Adds it, and what it is made of, to the document.
    pub add: fn(ComponentsBuilder) -> ComponentsBuilder,
}

impl Shape {
    /// The shape of a type.
    pub const fn of<T: ToSchema + PartialSchema>() -> Option<Self> {
        let add = |components: ComponentsBuilder| {
            let mut parts = Vec::new();
            T::schemas(&mut parts);
            components.schema_from::<T>().schemas_from_iter(parts)
        };
        Some(Self { name: || T::name().into_owned(), add })
    }
}

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the summaries of the calls say it")]
pub enum Operation {
    Explain,
    ListRevocations,
    Revoke,
    Reinstate,
    Reauthenticate,
    ListSessions,
    ListLockdowns,
    Lock,
    Lift,
    GetAlert,
    SetAlert,
    Signal,
    ListDevices,
    ShowDevice,
    ReportDevice,
    ForgetDevice,
    ReportDevices,
    ReleaseSource,
    OsqueryEnroll,
    OsqueryConfig,
    OsqueryLog,
    OsqueryDistributedRead,
    OsqueryDistributedWrite,
    OpenApi,
}

impl Call {
    /// Where it is found, for the rules that map requests to actions.
    pub fn pattern(&self) -> PathPattern {
        PathPattern::Template(self.path)
    }

    /// The variable segments of its path, decoded.
    pub fn parameters(&self, path: &str) -> Vec<Arc<str>> {
        segments(self.path, path).unwrap_or_default().into_iter().map(decoded).collect()
    }

    /// Whom it is about, where the request says so in one way only. The device `self` is the caller's own.
    pub fn target(&self, path: &str, query: Option<&str>, own_device: Option<&Arc<str>>) -> Option<Arc<Target>> {
        let (kind, id) = match self.about {
            About::Nobody => return None,
            About::Only(kind) => (kind, Arc::from("")),
            About::OwnDevice => ("device", Arc::clone(own_device?)),
            About::Path(kind) => match self.parameters(path).into_iter().next()? {
                own if kind == "device" && &*own == "self" => (kind, Arc::clone(own_device?)),
                id => (kind, id),
            },
            About::Query(kinds) => {
                let kind = only(query, "kind")?;
                (*kinds.iter().find(|known| **known == &*kind)?, only(query, "id").filter(|id| !id.is_empty())?)
            }
        };
        (id.len() <= MAX_ID_BYTES).then(|| Arc::new(Target { kind, id }))
    }
}

/// The longest name of a subject.
const MAX_ID_BYTES: usize = 2048;

/// The segments of `path` that stand where `template` has braces, where the two agree.
pub fn segments<'p>(template: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let (mut wanted, mut found, mut variable) = (template.split('/'), path.split('/'), Vec::new());
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return Some(variable),
            (Some(wanted), Some(segment)) if wanted.starts_with('{') && !segment.is_empty() => variable.push(segment),
            (Some(wanted), Some(segment)) if wanted == segment => {}
            _ => return None,
        }
    }
}

/// The value of a key of the query that is there exactly once.
pub fn only(query: Option<&str>, key: &str) -> Option<Arc<str>> {
    let mut values = query?.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name == key).then_some(value)
    });
    let value = values.next()?;
    values.next().is_none().then(|| decoded(&value.replace('+', " ")))
}

fn decoded(text: &str) -> Arc<str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into()
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::control::calls::find;

    #[test]
    fn paths_agree_with_templates() {
        assert_eq!(segments("/v1/devices/{id}/posture", "/v1/devices/laptop-7/posture"), Some(vec!["laptop-7"]));
        assert_eq!(segments("/v1/alert", "/v1/alert"), Some(vec![]));
        for other in ["/v1/devices//posture", "/v1/devices/a/b/posture", "/v1/devices/a", "/v1/devices/a/posture/"] {
            assert_eq!(segments("/v1/devices/{id}/posture", other), None, "{other}");
        }
    }

    #[test]
    fn whom_a_call_is_about_is_said_in_one_way_or_not_at_all() {
        let revoke = find(&Method::POST, "/v1/revocations").unwrap();
        let target = |query| revoke.target("/v1/revocations", Some(query), None).map(|it| (it.kind, it.id.to_string()));
        assert_eq!(target("kind=user&id=a%2Bb@x"), Some(("user", "a+b@x".into())));
        assert_eq!(target("id=spiffe://a/b&kind=workload"), Some(("workload", "spiffe://a/b".into())));
        for unclear in
            ["", "kind=user", "kind=user&id=", "kind=user&kind=device&id=a", "kind=cat&id=a", "kind=app&id=a"]
        {
            assert_eq!(target(unclear), None, "{unclear}");
        }
    }
}
