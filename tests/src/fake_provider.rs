//! An OpenID provider that does what no certified one does: falls silent, talks nonsense, signs what it should not.
//!
//! It has no log-in page. A test reads what the gateway asked for out of the redirect, and says itself which code the
//! browser brings back and which ID token the code is worth.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::client::{Body, full};
use crate::pki::{self, Ca};
use crate::provider::CLIENT_ID;
use crate::transmitter::{SigningKey, now_s};

/// What a provider may do instead of answering.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Takes the request and never answers.
    Silence,
    /// Answers with this status and an error of OAuth.
    Status(u16),
    /// Answers 200 with this body.
    Body(String),
}

/// The provider.
pub struct FakeProvider {
    state: Arc<State>,
    ca: Ca,
    port: u16,
    task: JoinHandle<()>,
}

struct State {
    issuer: String,
    key: SigningKey,
    faults: Mutex<BTreeMap<String, Fault>>,
    asked: Mutex<BTreeMap<String, u64>>,
    /// What each code is worth; it is worth that once.
    codes: Mutex<BTreeMap<String, String>>,
    /// What its refresh token is worth; without it, the session is over.
    refreshed: Mutex<Option<String>>,
}

impl FakeProvider {
    /// Serves at `https://localhost`.
    pub async fn start() -> Self {
        let ca = Ca::new("Test provider");
        let certified = ca.issue(pki::server(&["localhost"]));
        let tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certified.chain.clone(), certified.key.clone_key())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            issuer: format!("https://localhost:{port}"),
            key: SigningKey::new("key-1"),
            faults: Mutex::default(),
            asked: Mutex::default(),
            codes: Mutex::default(),
            refreshed: Mutex::default(),
        });
        let task = tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), Arc::clone(&state)));
        Self { state, ca, port, task }
    }

    /// `iss`
    pub fn issuer(&self) -> &str {
        &self.state.issuer
    }

    /// The CA of its server.
    pub fn ca(&self) -> &Ca {
        &self.ca
    }

    /// The port of its server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Misbehaves at a path from now on; `None` mends it.
    pub fn misbehave(&self, path: &str, fault: Option<Fault>) {
        let mut faults = self.state.faults.lock().unwrap();
        match fault {
            Some(fault) => faults.insert(path.to_owned(), fault),
            None => faults.remove(path),
        };
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> u64 {
        self.state.asked.lock().unwrap().get(path).copied().unwrap_or(0)
    }

    /// Answers nobody any more.
    pub fn stop(&self) {
        self.task.abort();
    }

    /// A code for a token.
    pub fn code_for(&self, id_token: &str) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let code = format!("code-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.state.codes.lock().unwrap().insert(code.clone(), id_token.to_owned());
        code
    }

    /// What a refresh brings from now on: an ID token, or the end of the session.
    pub fn refresh_to(&self, id_token: Option<&str>) {
        *self.state.refreshed.lock().unwrap() = id_token.map(str::to_owned);
    }

    /// What a good ID token says of Alice.
    pub fn claims(&self, nonce: &str) -> Value {
        json!({
            "iss": self.issuer(), "aud": CLIENT_ID, "sub": "alice", "nonce": nonce, "sid": "session-at-provider",
            "iat": now_s(), "exp": now_s() + 300, "auth_time": now_s(),
            "email": "alice@example.org", "email_verified": true, "groups": ["finance"],
        })
    }

    /// A logout token about Alice (OpenID Connect Back-Channel Logout 1.0 §2.4).
    pub fn logout_claims(&self) -> Value {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        json!({
            "iss": self.issuer(), "aud": CLIENT_ID, "sub": "alice",
            "jti": format!("logout-{}", NEXT.fetch_add(1, Ordering::Relaxed)), "iat": now_s(), "exp": now_s() + 120,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        })
    }

    /// Signs as it should.
    pub fn sign(&self, typ: &str, claims: &Value) -> String {
        self.sign_as(typ, "key-1", claims)
    }

    /// Signs with its key under another name.
    pub fn sign_as(&self, typ: &str, kid: &str, claims: &Value) -> String {
        sign(&self.state.key.key, typ, kid, claims)
    }
}

/// A token that a key of somebody else signs under the name of the provider's.
pub fn forged(typ: &str, claims: &Value) -> String {
    sign(&SigningKey::new("key-1").key, typ, "key-1", claims)
}

fn sign(key: &EncodingKey, typ: &str, kid: &str, claims: &Value) -> String {
    let header = Header { typ: Some(typ.to_owned()), kid: Some(kid.to_owned()), ..Header::new(Algorithm::ES256) };
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, state) = (acceptor.clone(), state.clone());
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let answer = service_fn(move |request| answer(request, Arc::clone(&state)));
            // The gateway may hang up.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn answer(request: Request<Incoming>, state: Arc<State>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    *state.asked.lock().unwrap().entry(path.clone()).or_default() += 1;
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let fault = state.faults.lock().unwrap().get(&path).cloned();
    Ok(match fault {
        None => honest(&state, &path, &String::from_utf8_lossy(&body)),
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::Status(status)) => json_answer(status, &json!({"error": "server_error"}).to_string()),
        Some(Fault::Body(body)) => json_answer(200, &body),
    })
}

fn honest(state: &State, path: &str, form: &str) -> Response<Body> {
    let field = |name: &str| form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    match path {
        "/.well-known/openid-configuration" => json_answer(200, &metadata(&state.issuer).to_string()),
        "/jwks.json" => json_answer(200, &state.key.jwks().to_string()),
        "/token" => match id_token(state, field("grant_type"), field("code")) {
            Some(id_token) => {
                let tokens = json!({
                    "access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "id_token": id_token,
                    "refresh_token": "the-refresh-token",
                });
                json_answer(200, &tokens.to_string())
            }
            None => json_answer(400, &json!({"error": "invalid_grant"}).to_string()),
        },
        _ => json_answer(404, "{}"),
    }
}

/// What a grant is worth.
fn id_token(state: &State, grant_type: Option<&str>, code: Option<&str>) -> Option<String> {
    match grant_type {
        Some("refresh_token") => state.refreshed.lock().unwrap().clone(),
        _ => state.codes.lock().unwrap().remove(code?),
    }
}

/// OpenID Connect Discovery 1.0 §3.
fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks.json"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    })
}

fn json_answer(status: u16, body: &str) -> Response<Body> {
    let answer = Response::builder().status(status).header("content-type", "application/json");
    answer.body(full(body.to_owned())).unwrap()
}
