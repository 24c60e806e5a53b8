//! What an answer may be, and from whom.

use std::sync::Arc;

use http::header::{ETAG, HeaderName, IF_NONE_MATCH};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

const BOUNDS: Bounds = Bounds { max_bytes: 100, timeout: Duration::from_secs(20) };

/// A server that answers each connection's first request with `answer`, and its address.
async fn server(answer: &'static str, tls: Option<TlsAcceptor>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            match &tls {
                None => reply(stream, answer).await,
                // A client that does not believe us is what a test is about.
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => reply(stream, answer).await,
                    Err(_) => continue,
                },
            }
        }
    });
    format!("127.0.0.1:{port}")
}

async fn reply(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, answer: &str) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let agreed = head.starts_with("GET /list HTTP/1.1\r\n") && head.contains("\r\nif-none-match: \"1\"\r\n");
    assert!(agreed && head.contains("\r\nuser-agent: gaccong/"), "{head}");
    stream.write_all(answer.as_bytes()).await.unwrap();
    if answer.is_empty() {
        // Nothing more, and no end either: the client must give up.
        let _ = stream.read_u8().await;
    }
}

async fn get(client: &Client, url: &str, bounds: Bounds) -> Result<Response, OutgoingError> {
    let known = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static("\"1\""))]);
    client.get(&url.parse().unwrap(), known, bounds).await
}

async fn plain(answer: &'static str) -> Result<Response, OutgoingError> {
    let url = format!("http://{}/list", server(answer, None).await);
    get(&Client::new(&[]).unwrap(), &url, BOUNDS).await
}

#[tokio::test]
async fn an_answer_has_status_header_fields_and_body() {
    let response = plain("HTTP/1.1 200 OK\r\nETag: \"2\"\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
    assert_eq!((response.status, &*response.body), (StatusCode::OK, &b"hi"[..]));
    assert_eq!(response.headers.get(ETAG).unwrap(), "\"2\"");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let response = plain("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    assert_eq!(response.status, StatusCode::FOUND);
    assert!(response.headers.contains_key(HeaderName::from_static("location")));
}

#[tokio::test]
async fn too_much_is_not_read() {
    let announced = plain("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n").await;
    assert!(matches!(announced, Err(OutgoingError::TooLarge(100))), "{announced:?}");
    const CHUNKS: &str = concat!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "3c\r\n012345678901234567890123456789012345678901234567890123456789\r\n",
        "3c\r\n012345678901234567890123456789012345678901234567890123456789\r\n0\r\n\r\n"
    );
    let chunked = plain(CHUNKS).await;
    assert!(matches!(chunked, Err(OutgoingError::TooLarge(100))), "{chunked:?}");
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let half = plain("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    assert!(matches!(half, Err(OutgoingError::Exchange(_))), "{half:?}");
    let not_http = plain("SSH-2.0-server\r\n").await;
    assert!(matches!(not_http, Err(OutgoingError::Exchange(_))), "{not_http:?}");
}

#[tokio::test]
async fn silence_ends() {
    let url = format!("http://{}/list", server("", None).await);
    let bounds = Bounds { timeout: Duration::from_millis(50), ..BOUNDS };
    let silent = get(&Client::new(&[]).unwrap(), &url, bounds).await;
    assert!(matches!(silent, Err(OutgoingError::Timeout(_))), "{silent:?}");
}

#[tokio::test]
async fn only_configured_cas_are_believed() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (ca, other, empty) =
        (folder.path().join("ca.pem"), folder.path().join("other.pem"), folder.path().join("empty"));
    std::fs::write(&ca, certificate.pem()).unwrap();
    std::fs::write(&empty, "").unwrap();
    let stranger = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&other, stranger.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let url = format!("https://{}/list", server("HTTP/1.1 204 No Content\r\n\r\n", Some(acceptor)).await);

    let believed = get(&Client::new(&[ca]).unwrap(), &url, BOUNDS).await.unwrap();
    assert_eq!(believed.status, StatusCode::NO_CONTENT);
    for (ca, why) in [(vec![other], "invalid peer certificate"), (vec![], "no CA is configured")] {
        let error = get(&Client::new(&ca).unwrap(), &url, BOUNDS).await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert!(Client::new(&[empty]).is_err());
}
