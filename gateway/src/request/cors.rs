//! CORS (the CORS protocol of the Fetch standard): which pages of other origins may read an app, as `[app.cors]` says.
//!
//! A browser asks before it sends what a plain form could not send. This preflight bears no certificate and no cookie, so
//! it is answered here, before anyone is identified, by the configuration alone. What it announces still needs a permit.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderName, ORIGIN, VARY,
};
use http::{HeaderValue, Method, Response, StatusCode};
use smallvec::SmallVec;

use crate::config::{App, Cors};
use crate::facts::snapshot::{Listener, Snapshot};
use crate::request::cross_site::Initiator;
use crate::request::normalise::Normal;

/// How the names of CORS fields begin.
const OF_CORS: &str = "access-control-";

/// What pages of other origins may read of an app's answers: where the app has `[app.cors]`.
#[derive(Debug)]
pub struct Sharing {
    app: Arc<App>,
    initiator: Initiator,
    /// `Origin` as it was sent.
    origin: Option<HeaderValue>,
}

impl Sharing {
    /// That of the app that a request is for. What is the gateway's own on the app's host is shared with nobody.
    pub fn of(snapshot: &Snapshot, listener: Listener, normal: &Normal, headers: &HeaderMap) -> Option<Self> {
        let app = snapshot.resource(listener, &normal.host)?.app;
        if app.cors.is_none() || normal.own_path {
            return None;
        }
        let initiator = Initiator::of(headers, &normal.authority);
        Some(Self { app: Arc::clone(app), initiator, origin: headers.get(ORIGIN).cloned() })
    }

    /// The app.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Whether a request is a preflight: a page of another origin asks what it may send.
    pub fn is_preflight(&self, method: &Method, headers: &HeaderMap) -> bool {
        let asks = *method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        asks && self.origin.is_some() && self.initiator.is_foreign()
    }

    /// Whether the page's origin may read answers.
    pub fn is_allowed(&self) -> bool {
        self.initiator.is_allowed_by(&self.app)
    }

    /// The answer to a preflight of an origin that is allowed: what its pages may send. The browser compares.
    pub fn preflight(&self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let fields = response.headers_mut();
        if let Some(cors) = self.allow(fields) {
            insert_list(fields, ACCESS_CONTROL_ALLOW_METHODS, &cors.methods);
            insert_list(fields, ACCESS_CONTROL_ALLOW_HEADERS, &cors.headers);
            fields.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(cors.max_age.as_secs()));
        }
        response
    }

    /// Sets the fields of an answer or refusal to what the configuration says, in place of what the upstream may have said.
    pub fn apply(&self, fields: &mut HeaderMap) {
        let said: SmallVec<[HeaderName; 4]> =
            fields.keys().filter(|name| name.as_str().starts_with(OF_CORS)).cloned().collect();
        for name in said {
            fields.remove(name);
        }
        if let Some(cors) = self.allow(fields) {
            insert_list(fields, ACCESS_CONTROL_EXPOSE_HEADERS, &cors.expose);
        }
    }

    /// Says whether the origin may read the answer. `Vary` stands in every answer: a cache must not give that of one
    /// origin to another.
    fn allow(&self, fields: &mut HeaderMap) -> Option<&Cors> {
        fields.append(VARY, HeaderValue::from_static("origin"));
        let (cors, origin) = (self.app.cors.as_ref()?, self.origin.as_ref()?);
        if !self.is_allowed() {
            return None;
        }
        fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if cors.credentials {
            fields.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        Some(cors)
    }
}

impl fmt::Display for Sharing {
    /// By what right a preflight was answered.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a preflight of `{}`, which `[app.cors]` names", self.initiator.origin.as_deref().unwrap_or_default())
    }
}

/// Sets a field to a list, where there is anything in it.
fn insert_list(fields: &mut HeaderMap, name: HeaderName, items: &[impl AsRef<str>]) {
    let items: Vec<_> = items.iter().map(AsRef::as_ref).collect();
    if let Some(value) = HeaderValue::try_from(items.join(", ")).ok().filter(|value| !value.is_empty()) {
        fields.insert(name, value);
    }
}
