//! gRPC: the standard health service (`grpc.health.v1`), one unary call and one stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::codegen::Service;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::HealthReporter;

use crate::client::{BoxError, Client};

/// A gRPC server over HTTP/2 in clear.
pub struct Grpc {
    url: String,
    /// Changes what the service says.
    pub health: HealthReporter,
    task: JoinHandle<()>,
}

impl Grpc {
    /// Starts it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("h2c://{}", listener.local_addr().unwrap());
        let (health, service) = tonic_health::server::health_reporter();
        let task = tokio::spawn(async move {
            let routes = tonic::service::Routes::new(service);
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = hyper_util::service::TowerToHyperService::new(routes.clone());
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, health, task }
    }

    /// As an app's `upstreams` names it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Grpc {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client of the health service through the gateway.
pub async fn health_client(client: &Client, host: &str) -> Result<HealthClient<Channel>, BoxError> {
    let tls = client.connect(host, &["h2"]).await?;
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await?;
    tokio::spawn(connection);
    let origin = format!("https://{host}").parse()?;
    Ok(HealthClient::with_origin(Channel { sender }, origin))
}

/// One HTTP/2 connection, as tonic wants it.
#[derive(Clone)]
pub struct Channel {
    sender: http2::SendRequest<tonic::body::Body>,
}

impl Service<Request<tonic::body::Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.sender.poll_ready(context)
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        Box::pin(self.sender.send_request(request))
    }
}
