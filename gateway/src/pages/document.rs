//! A page as it is sent, and what it may do in a browser.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::LazyLock;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::layout::STYLE;
use super::{Language, Layout};

/// A page: what its template shows.
pub trait Page: Template {
    /// What it has in common with every other page.
    fn layout(&self) -> &Layout<'_>;

    /// What it may do. By default, nothing but be read.
    fn allowed(&self) -> Allowed<'_> {
        Allowed::default()
    }

    /// The page, ready to be sent.
    fn document(&self) -> Document {
        let layout = self.layout();
        Document {
            // Writing to a string cannot fail; if it did, the status and the fields would still say all.
            html: self.render().unwrap_or_default(),
            policy: self.allowed().policy(layout.pages.logo.is_some()),
            language: layout.language,
        }
    }
}

/// What a page may do beyond being read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowed<'a> {
    /// The one script that may run.
    pub script: Option<&'a str>,
    /// Where its form may lead beside this host, if it has one.
    pub form: Option<&'a [Cow<'a, str>]>,
    /// Whether other pages may show it in a frame.
    pub framed: bool,
}

impl Allowed<'_> {
    /// As a Content-Security-Policy (CSP Level 3 §2). A style and a script are admitted by their digest only.
    fn policy(&self, logo: bool) -> String {
        static STYLE_SOURCE: LazyLock<String> = LazyLock::new(|| source(STYLE));
        let mut policy = format!("default-src 'none'; style-src {}", *STYLE_SOURCE);
        if let Some(script) = self.script {
            let _ = write!(policy, "; script-src {}", source(script));
        }
        if logo {
            policy.push_str("; img-src data:");
        }
        policy.push_str("; base-uri 'none'; form-action ");
        policy.push_str(if self.form.is_some() { "'self'" } else { "'none'" });
        for origin in self.form.unwrap_or_default() {
            let _ = write!(policy, " {origin}");
        }
        policy.push_str(if self.framed { "; frame-ancestors https:" } else { "; frame-ancestors 'none'" });
        policy
    }
}

/// The hash source of an inline style or script.
fn source(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    format!("'sha256-{}'", STANDARD.encode(digest))
}

/// A page, ready to be sent.
#[derive(Debug)]
pub struct Document {
    html: String,
    policy: String,
    language: Language,
}

impl Document {
    /// The page as a response.
    pub fn response(self, status: StatusCode) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        self.set_fields(response.headers_mut());
        *response.body_mut() = self.html.into();
        response
    }

    /// Sets the fields that a page needs.
    fn set_fields(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(self.language.tag()));
        headers.insert(VARY, HeaderValue::from_static("accept, accept-language, cookie"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        // Whoever has opened the window learns nothing of where it goes (HTML §7.1.3).
        headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
        if let Ok(policy) = HeaderValue::from_str(&self.policy) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
    }

    /// The page itself.
    pub fn html(&self) -> &str {
        &self.html
    }

    /// Its Content-Security-Policy.
    pub fn policy(&self) -> &str {
        &self.policy
    }
}
