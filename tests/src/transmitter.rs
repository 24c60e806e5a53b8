//! A transmitter of signals (OpenID Shared Signals Framework 1.0): signs tokens, tells its keys, and is polled, over TLS.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::client::{Body, empty, full};
use crate::pki::{self, Ca};

/// `iss` of its tokens.
pub const ISSUER: &str = "https://idp.example.test/";
/// `aud` of its tokens.
pub const AUDIENCE: &str = "https://gate.example.test/";
/// What it wants to be shown by whoever polls.
pub const CREDENTIAL: &str = "the-credential-of-the-tests";

/// A transmitter.
pub struct Transmitter {
    state: Arc<State>,
    ca: Ca,
    port: u16,
    task: JoinHandle<()>,
}

struct State {
    key: Mutex<SigningKey>,
    waiting: Mutex<BTreeMap<String, String>>,
    acknowledged: Mutex<Vec<String>>,
    refused: Mutex<BTreeMap<String, Value>>,
    keys_told: AtomicU64,
    polls: AtomicU64,
    news: Notify,
}

pub(crate) struct SigningKey {
    kid: String,
    pub(crate) key: EncodingKey,
}

impl SigningKey {
    pub(crate) fn new(kid: &str) -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        Self { kid: kid.to_owned(), key: EncodingKey::from_ec_der(&key.serialize_der()) }
    }

    pub(crate) fn jwks(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        json!({ "keys": [jwk] })
    }
}

/// Seconds since the Unix epoch.
pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The claims of a token about a user by e-mail address.
pub fn about_user(user: &str, event: &str, payload: Value) -> Value {
    about(&json!({"format": "email", "email": user}), event, payload)
}

/// The claims of a token about a device by an opaque id.
pub fn about_device(device: &str, event: &str, payload: Value) -> Value {
    about(&json!({"format": "complex", "device": {"format": "opaque", "id": device}}), event, payload)
}

/// The claims of a token; `event` is `caep/session-revoked` and the like. It happened now, unless the payload says.
pub fn about(subject: &Value, event: &str, mut payload: Value) -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let (family, name) = event.split_once('/').unwrap();
    if payload.get("event_timestamp").is_none() {
        payload["event_timestamp"] = json!(now_s());
    }
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": now_s(),
        "jti": format!("token-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        "sub_id": subject,
        "events": { format!("https://schemas.openid.net/secevent/{family}/event-type/{name}"): payload },
    })
}

impl Transmitter {
    /// Serves keys and tokens at `https://localhost`.
    pub async fn start() -> Self {
        let ca = Ca::new("Test transmitter");
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
            key: Mutex::new(SigningKey::new("key-1")),
            waiting: Mutex::default(),
            acknowledged: Mutex::default(),
            refused: Mutex::default(),
            keys_told: AtomicU64::new(0),
            polls: AtomicU64::new(0),
            news: Notify::new(),
        });
        let task = tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), Arc::clone(&state)));
        Self { state, ca, port, task }
    }

    /// The CA of its server.
    pub fn ca_pem(&self) -> String {
        self.ca.pem()
    }

    /// Where it is.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// Its keys, as a file would have them.
    pub fn jwks(&self) -> String {
        self.state.key.lock().unwrap().jwks().to_string()
    }

    /// Signs with another key from now on.
    pub fn rotate(&self, kid: &str) {
        *self.state.key.lock().unwrap() = SigningKey::new(kid);
    }

    /// A signed token.
    pub fn token(&self, claims: &Value) -> String {
        let kid = self.state.key.lock().unwrap().kid.clone();
        self.token_of_kid(&kid, claims)
    }

    /// A signed token whose header names some key.
    pub fn token_of_kid(&self, kid: &str, claims: &Value) -> String {
        self.token_of_type("secevent+jwt", kid, claims)
    }

    /// A signed access token (RFC 9068).
    pub fn access_token(&self, claims: &Value) -> String {
        let kid = self.state.key.lock().unwrap().kid.clone();
        self.token_of_type("at+jwt", &kid, claims)
    }

    /// A signed token whose header names some type and some key.
    pub fn token_of_type(&self, typ: &str, kid: &str, claims: &Value) -> String {
        let header = Header { typ: Some(typ.to_owned()), kid: Some(kid.to_owned()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &self.state.key.lock().unwrap().key).unwrap()
    }

    /// Offers a token to whoever polls.
    pub fn offer(&self, claims: &Value) {
        let id = claims["jti"].as_str().unwrap().to_owned();
        let token = self.token(claims);
        self.state.waiting.lock().unwrap().insert(id, token);
        self.state.news.notify_waiters();
    }

    /// The ids that were acknowledged.
    pub fn acknowledged(&self) -> Vec<String> {
        self.state.acknowledged.lock().unwrap().clone()
    }

    /// The tokens that were refused, with the error of each.
    pub fn refused(&self) -> BTreeMap<String, Value> {
        self.state.refused.lock().unwrap().clone()
    }

    /// How often its keys were asked for.
    pub fn keys_told(&self) -> u64 {
        self.state.keys_told.load(Ordering::SeqCst)
    }

    /// How often it was polled.
    pub fn polls(&self) -> u64 {
        self.state.polls.load(Ordering::SeqCst)
    }

    /// Answers nobody any more.
    pub fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Transmitter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>) {
    let mut connections = tokio::task::JoinSet::new();
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
    let authorization = format!("Bearer {CREDENTIAL}");
    let shown = request.headers().get("authorization").and_then(|value| value.to_str().ok().map(str::to_owned));
    Ok(match request.uri().path() {
        "/jwks.json" => {
            state.keys_told.fetch_add(1, Ordering::SeqCst);
            Response::new(full(state.key.lock().unwrap().jwks().to_string()))
        }
        "/poll" if shown == Some(authorization) => {
            state.polls.fetch_add(1, Ordering::SeqCst);
            let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            Response::new(full(poll(&state, &serde_json::from_slice(&body).unwrap()).await.to_string()))
        }
        _ => Response::builder().status(401).body(empty()).unwrap(),
    })
}

/// RFC 8936 §2: notes what is acknowledged, then waits until there is something to tell.
async fn poll(state: &State, question: &Value) -> Value {
    let ids = question["ack"].as_array().into_iter().flatten().map(|id| id.as_str().unwrap().to_owned());
    for id in ids {
        state.waiting.lock().unwrap().remove(&id);
        state.acknowledged.lock().unwrap().push(id);
    }
    for (id, error) in question["setErrs"].as_object().into_iter().flatten() {
        state.waiting.lock().unwrap().remove(id);
        state.refused.lock().unwrap().insert(id.clone(), error.clone());
    }
    loop {
        let news = state.news.notified();
        let waiting = state.waiting.lock().unwrap().clone();
        if !waiting.is_empty() || question["returnImmediately"] == true {
            let max = usize::try_from(question["maxEvents"].as_u64().unwrap()).unwrap();
            let more = waiting.len() > max;
            return json!({"sets": waiting.into_iter().take(max).collect::<BTreeMap<_, _>>(), "moreAvailable": more});
        }
        news.await;
    }
}
