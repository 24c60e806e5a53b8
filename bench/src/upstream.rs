//! The service behind every proxy, and the authorization server that nginx asks in its `auth_request` variant.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

/// The size of a small response.
pub(crate) const SMALL_BYTES: u64 = 1024;
/// Bodies are sent in pieces of this size.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;

static PIECE: [u8; PIECE_BYTES] = [b'x'; PIECE_BYTES];

type Body = BoxBody<Bytes, Infallible>;

/// Starts the server on a thread and a runtime of its own, on the core of whoever calls.
///
/// `GET /kb` answers 1 KiB, `GET /bytes/N` N bytes, `PUT /sink` counts its body's, `/auth` says yes to everything.
pub(crate) fn start() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("upstream".into()).spawn(move || runtime.block_on(serve(listener)))?;
    Ok(address)
}

async fn serve(listener: TcpListener) -> Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        // A proxy may drop a pooled connection at any time: that is no error.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service_fn(answer)));
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>> {
    let path = request.uri().path().to_owned();
    if let Some(length) = path.strip_prefix("/bytes/") {
        let length = length.parse().context("a length after `/bytes/`")?;
        let response = Response::builder().header("content-length", length);
        return Ok(response.body(pieces(length))?);
    }
    match path.as_str() {
        "/kb" => Ok(Response::new(piece(SMALL_BYTES))),
        "/auth" => Ok(Response::new(piece(0))),
        "/sink" => {
            let (mut length, mut body) = (0, request.into_body());
            while let Some(frame) = body.frame().await {
                length += frame?.data_ref().map_or(0, |data| data.len() as u64);
            }
            Ok(Response::new(Full::new(Bytes::from(length.to_string())).boxed()))
        }
        _ => Ok(Response::builder().status(StatusCode::NOT_FOUND).body(piece(0))?),
    }
}

/// A body of `length` bytes, made as it is read.
pub(crate) fn pieces(length: u64) -> Body {
    let frames = stream::unfold(length, |left| async move {
        let data = first_bytes(left);
        let sent = data.len() as u64;
        (sent > 0).then(|| (Ok(Frame::data(data)), left - sent))
    });
    StreamBody::new(frames).boxed()
}

fn piece(length: u64) -> Body {
    Full::new(first_bytes(length)).boxed()
}

fn first_bytes(length: u64) -> Bytes {
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(PIECE_BYTES);
    Bytes::from_static(PIECE.get(..length).unwrap_or(&PIECE))
}
