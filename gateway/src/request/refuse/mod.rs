//! Refusals: what the client sees when a request is not forwarded.
//!
//! A browser gets a page in Vietnamese or English, everything else `application/problem+json` (RFC 9457). Neither says
//! more than the reason, what to do about it, and the id under which the record is found. Never a redirect.

mod challenge;
mod page;
mod problem;
mod reader;
mod texts;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use gaccong_policy::{Remedy, Words};
use http::header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use uuid::Uuid;

use crate::config::Pages;
use crate::facts::snapshot::Snapshot;
use crate::pages::login::Login;
use crate::pages::{Language, Said};
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::request::forward::headers::{X_REQUEST_ID, request_id_value};
use crate::request::head::Head;
use crate::request::identify::Identity;
use crate::request::own;
use crate::session::tickets::Demand;
use crate::streams::Connection;
pub use reader::{Format, LANGUAGE_COOKIE, Reader};
pub(crate) use texts::remedy as remedy_text;

/// The reason's code, for programs.
pub const GACCONG_REASON: HeaderName = HeaderName::from_static("gaccong-reason");

/// A denial as the client sees it.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// What the policies say, which takes the place of our own words.
    pub words: Words,
    /// What the person can mend; empty where that would not be enough.
    pub remedies: Vec<Remedy>,
    /// After how many seconds the same request may be made again, where that is known.
    pub retry_after_s: Option<u32>,
    /// The login that would help, where policy waits for one.
    pub demand: Option<Demand>,
    /// The request's id, to quote.
    pub request_id: Uuid,
    /// The host of the app that was asked for, where there is one.
    pub place: Option<Arc<str>>,
    /// The way to a login, where one would help.
    pub login: Option<Login<'static>>,
    /// Whether this host has pages of the gateway's own, such as that of the status.
    pub has_own_pages: bool,
    /// What was asked for, where it may be asked for again: path and query.
    pub path: Option<String>,
}

impl Refusal {
    /// A refusal in our own words.
    pub fn new(reason: Reason, request_id: Uuid) -> Self {
        Self {
            reason,
            words: Words::default(),
            remedies: Vec::new(),
            retry_after_s: None,
            demand: None,
            request_id,
            place: None,
            login: None,
            has_own_pages: false,
            path: None,
        }
    }

    /// The refusal of a request, and what the person can mend.
    pub fn of(
        refused: &Refused,
        snapshot: &Snapshot,
        connection: &Connection,
        head: Option<&Head>,
        parts: &Parts,
    ) -> Self {
        let is_ours = head.is_some_and(|head| head.app.is_some());
        let is_proven = matches!(connection.facts.identity, Identity::Proven { .. });
        // On this connection only, not by the gateway as a whole.
        let is_served_here = refused.reason != Reason::RequestHostMisdirected;
        let host = head.and_then(|head| head.host.as_deref()).unwrap_or_default();
        let path = parts.uri.path_and_query().filter(|_| parts.method == Method::GET).map(PathAndQuery::as_str);
        Self {
            words: refused.words.clone(),
            remedies: refused.remedies(&snapshot.policies),
            retry_after_s: refused.retry_after_s,
            demand: refused.demand.clone(),
            place: head.filter(|_| is_ours).and_then(|head| head.host.clone()),
            has_own_pages: is_proven && is_served_here && own::has_pages(snapshot, connection.listener, host),
            path: path.filter(|path| own::is_local(path)).map(str::to_owned),
            ..Self::new(refused.reason, head.map_or(Uuid::nil(), |head| head.id))
        }
    }

    /// The response for a reader.
    pub fn response(&self, reader: Reader, pages: &Pages) -> Response<Bytes> {
        let message = Message::of(self, reader.language);
        let mut response = match reader.format {
            Format::Page => page::document(self, message, reader.language, pages).response(self.reason.status()),
            Format::Problem => problem::response(self, &message, reader.language),
        };
        self.set_fields(response.headers_mut());
        if reader.head_only {
            response.body_mut().clear();
        }
        response
    }

    fn set_fields(&self, headers: &mut HeaderMap) {
        headers.insert(GACCONG_REASON, HeaderValue::from_static(self.reason.code()));
        headers.insert(X_REQUEST_ID, request_id_value(self.request_id));
        if let Some((name, value)) = demanded_by(self.reason.status()) {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if self.reason.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, challenge::challenge(self.reason, self.demand.as_ref()));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
}

/// The field that a status demands or recommends (RFC 9110 §15).
fn demanded_by(status: StatusCode) -> Option<(HeaderName, &'static str)> {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => Some((ALLOW, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")),
        StatusCode::TOO_MANY_REQUESTS => Some((RETRY_AFTER, "60")),
        StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, "10")),
        _ => None,
    }
}

/// The words of a refusal: ours, or the policy's where it has any.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) title: Cow<'static, str>,
    pub(crate) detail: Said<'a>,
    pub(crate) advice: Said<'a>,
    /// What the person can mend, and how to say it.
    pub(crate) remedies: Vec<(Remedy, Cow<'static, str>)>,
}

impl<'a> Message<'a> {
    pub(crate) fn of(refusal: &'a Refusal, language: Language) -> Self {
        let mut ours = texts::text(refusal.reason, language);
        if !refusal.remedies.is_empty() {
            (ours.detail, ours.advice) = (language.say("refusal-mendable"), language.say("refusal-mend"));
        }
        let words = &refusal.words;
        let remedies = refusal.remedies.iter().map(|remedy| (*remedy, texts::remedy(*remedy, language)));
        Self {
            title: ours.title,
            detail: said(language, words.reason_vi.as_deref(), words.reason.as_deref(), ours.detail),
            advice: said(language, words.advice_vi.as_deref(), words.advice.as_deref(), ours.advice),
            remedies: remedies.collect(),
        }
    }
}

fn said<'a>(language: Language, vi: Option<&'a str>, en: Option<&'a str>, ours: Cow<'static, str>) -> Said<'a> {
    let vi = vi.map(|text| Said { text: text.into(), language: Language::Vietnamese });
    let en = en.map(|text| Said { text: text.into(), language: Language::English });
    let policy = match language {
        Language::Vietnamese => vi.or(en),
        Language::English => en.or(vi),
    };
    policy.unwrap_or(Said { text: ours, language })
}

#[cfg(test)]
mod tests;
