//! A web server that publishes one file, as a CA publishes its revocation list.

use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::raw::{Raw, read_head};

/// The server.
pub struct Publisher {
    server: Raw,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    edition: u64,
    file: Vec<u8>,
    sent: u64,
    unchanged: u64,
}

impl Publisher {
    /// Publishes `file`.
    pub async fn of(file: impl Into<Vec<u8>>) -> Self {
        let state = Arc::new(Mutex::new(State { file: file.into(), ..State::default() }));
        let shared = state.clone();
        Self { server: Raw::start(move |stream| answer(stream, shared.clone())).await, state }
    }

    /// Where the file is.
    pub fn url(&self) -> String {
        format!("{}/list.crl", self.server.url())
    }

    /// Publishes another file in its place.
    pub fn replace(&self, file: impl Into<Vec<u8>>) {
        let mut state = self.state.lock().unwrap();
        state.edition += 1;
        state.file = file.into();
    }

    /// How often the file was sent.
    pub fn sent(&self) -> u64 {
        self.state.lock().unwrap().sent
    }

    /// How often a client was told that it has the file already.
    pub fn unchanged(&self) -> u64 {
        self.state.lock().unwrap().unchanged
    }
}

async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let head = read_head(&mut stream).await;
    let answer = {
        let mut state = state.lock().unwrap();
        let etag = format!("\"{}\"", state.edition);
        if head.contains(&format!("\r\nif-none-match: {etag}\r\n")) {
            state.unchanged += 1;
            b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n".to_vec()
        } else {
            state.sent += 1;
            let length = state.file.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nETag: {etag}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            [head.as_bytes(), &state.file].concat()
        }
    };
    // The client may have gone.
    let _ = stream.write_all(&answer).await;
}
