//! An OpenID provider on loopback, over TLS, that answers whatever a test wants.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jsonwebtoken::Algorithm;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::clock;
use crate::config::{KeyRef, Oidc};
use crate::oidc::http::Http;
use crate::oidc::{Attempt, AuthorizationResponse, Begun, Demand, Login, OidcError, Provider};
use crate::outgoing::Client;
use crate::signals::fixtures::Signer;

pub(super) const CLIENT: &str = "gaccong";
pub(super) const SECRET: &str = "s3cr3t-of-the-client";
pub(super) const REDIRECT: &str = "https://auth.example.org/callback";
pub(super) const ACCESS_TOKEN: &str = "access-1";
pub(super) const CODE: &str = "code-1";

/// The provider.
pub(super) struct FakeProvider {
    pub(super) issuer: String,
    pub(super) folder: tempfile::TempDir,
    script: Arc<Script>,
}

#[derive(Default)]
struct Script {
    answers: Mutex<HashMap<String, Answer>>,
    asked: Mutex<Vec<(String, String)>>,
}

#[derive(Clone)]
enum Answer {
    Body(StatusCode, &'static str, Bytes),
    Silence,
}

impl FakeProvider {
    /// One whose metadata is good and whose only key is `signer`'s.
    pub(super) async fn new(signer: &Signer) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.path().join("secret"), SECRET).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let tls = tls.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("https://{}", listener.local_addr().unwrap());
        let script = Arc::<Script>::default();
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), Arc::clone(&script)));
        let provider = Self { issuer, folder, script };
        provider.tell(&provider.metadata());
        provider.sign_with(&[signer]);
        provider
    }

    pub(super) fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"), "jwks_uri": at("/jwks"),
            "userinfo_endpoint": at("/userinfo"), "end_session_endpoint": at("/end"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    pub(super) fn tell(&self, metadata: &Value) {
        self.answer("/.well-known/openid-configuration", 200, metadata.to_string());
    }

    pub(super) fn sign_with(&self, signers: &[&Signer]) {
        let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
        self.answer("/jwks", 200, json!({ "keys": keys }).to_string());
    }

    /// What it answers from now on.
    pub(super) fn answer(&self, path: &str, status: u16, body: impl Into<Bytes>) {
        let answer = Answer::Body(StatusCode::from_u16(status).unwrap(), "application/json", body.into());
        self.script.answers.lock().insert(path.to_owned(), answer);
    }

    pub(super) fn be_silent(&self, path: &str) {
        self.script.answers.lock().insert(path.to_owned(), Answer::Silence);
    }

    /// The answer of the token endpoint with this ID token.
    pub(super) fn grant(&self, id_token: &[u8]) {
        let token = std::str::from_utf8(id_token).unwrap();
        let body = json!({
            "access_token": ACCESS_TOKEN, "token_type": "Bearer", "refresh_token": "refresh-1", "id_token": token,
        });
        self.answer("/token", 200, body.to_string());
    }

    /// The bodies of the requests to a path.
    pub(super) fn asked(&self, path: &str) -> Vec<String> {
        let asked = self.script.asked.lock();
        asked.iter().filter(|(to, _)| to == path).map(|(_, body)| body.clone()).collect()
    }

    pub(super) fn settings(&self) -> Oidc {
        Oidc {
            issuer: self.issuer.as_str().into(),
            ca: vec![self.file("ca.pem")],
            client_id: CLIENT.into(),
            client_secret: KeyRef::File(self.file("secret")),
            scopes: vec!["email".into()],
            principal: "email".into(),
            groups: "groups".into(),
            acr_values: Vec::new(),
            algorithms: vec![Algorithm::ES256, Algorithm::RS256],
            userinfo: false,
            refresh: true,
            refresh_after: Duration::from_secs(900),
            leeway: Duration::from_secs(60),
            logout: true,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn client(&self) -> Client {
        Client::new(&[self.file("ca.pem")]).unwrap()
    }

    /// A relying party that has not asked anything yet.
    pub(super) fn stranger(&self, settings: Oidc) -> Provider {
        Provider::over(Arc::new(settings), Http::new(self.client()), Duration::from_secs(3600)).unwrap()
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, script: Arc<Script>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (tls, script) = (tls.clone(), Arc::clone(&script));
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = service_fn(move |request| reply(Arc::clone(&script), request));
            // A client that hangs up is what some tests are about.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn reply(script: Arc<Script>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    script.asked.lock().push((path.clone(), String::from_utf8_lossy(&body).into_owned()));
    let answer = script.answers.lock().get(&path).cloned();
    let (status, kind, body) = match answer {
        Some(Answer::Body(status, kind, body)) => (status, kind, body),
        Some(Answer::Silence) => std::future::pending().await,
        None => (StatusCode::NOT_FOUND, "text/html", Bytes::from_static(b"<html>")),
    };
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, kind);
    Ok(response.body(Full::new(body)).unwrap())
}

/// A login that has begun at a provider.
pub(super) struct Scene {
    pub(super) provider: FakeProvider,
    pub(super) signer: Signer,
    pub(super) rp: Provider,
    pub(super) demand: Demand,
    pub(super) begun: Begun,
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}, Demand::default()).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Oidc), demand: Demand) -> Self {
        let signer = Signer::new("k1");
        let provider = FakeProvider::new(&signer).await;
        let mut settings = provider.settings();
        change(&mut settings);
        let rp = provider.stranger(settings);
        rp.ask_now().await.unwrap();
        let begun = rp.begin(REDIRECT, "flow-1", &demand).unwrap();
        Self { provider, signer, rp, demand, begun }
    }

    /// The claims of a good ID token.
    pub(super) fn claims(&self) -> Value {
        let now_s = clock::now_ms() / 1000;
        json!({
            "iss": self.provider.issuer, "aud": CLIENT, "sub": "u-1", "sid": "sid-1",
            "iat": now_s, "exp": now_s + 300, "auth_time": now_s, "nonce": self.begun.nonce.reveal(),
            "acr": "mfa", "amr": ["pwd", "otp"], "email": "Alice@Example.org", "email_verified": true,
            "groups": ["staff", "finance", "staff"],
        })
    }

    pub(super) fn sign(&self, claims: &Value) -> Vec<u8> {
        self.signer.token_with(&json!({"alg": "ES256", "kid": "k1"}), claims)
    }

    /// What becomes of the login where the provider answers with this ID token.
    pub(super) async fn finish_with(&self, id_token: &[u8]) -> Result<Login, OidcError> {
        self.provider.grant(id_token);
        self.finish(None).await
    }

    pub(super) async fn finish(&self, iss: Option<&str>) -> Result<Login, OidcError> {
        self.finish_by(AuthorizationResponse { code: CODE, iss }).await
    }

    pub(super) async fn finish_by(&self, response: AuthorizationResponse<'_>) -> Result<Login, OidcError> {
        let (Self { demand, .. }, Begun { nonce, verifier, .. }) = (self, &self.begun);
        let now_ms = clock::now_ms();
        let attempt = Attempt { demand, nonce, verifier, begun_at_ms: now_ms };
        self.rp.finish(REDIRECT, &attempt, response, now_ms).await
    }
}
