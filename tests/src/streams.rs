//! Live streams as a client sees them: WebSockets that echo, events of a server, and how they end.

use futures_util::{SinkExt, StreamExt};
use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::client::{Client, WebSocket, empty};
use crate::within_patience;

/// Whether a WebSocket still echoes.
pub async fn echoes(socket: &mut WebSocket) -> bool {
    socket.send(Message::text("are you there?")).await.unwrap();
    let answer = within_patience("an echo", socket.next()).await;
    answer.is_some_and(|message| message.is_ok_and(|message| message.is_text()))
}

/// The close frame that ends a WebSocket.
pub async fn closed(socket: &mut WebSocket) -> CloseFrame {
    let last = within_patience("the end of the WebSocket", socket.next()).await.unwrap().unwrap();
    let Message::Close(Some(close)) = last else { panic!("expected a close frame, got {last:?}") };
    close
}

/// A stream of events over HTTP/2.
pub async fn events(client: &Client, host: &str, path: &str) -> Response<Incoming> {
    let h2 = client.h2(host).await.unwrap();
    h2.begin(h2.request("GET", path).body(empty()).unwrap()).await.unwrap()
}

/// The next event; `None` when the stream was cut.
pub async fn event(response: &mut Response<Incoming>) -> Option<String> {
    let frame = within_patience("an event or the end", response.body_mut().frame()).await?;
    let data = frame.ok()?.into_data().ok()?;
    let text = String::from_utf8(data.to_vec()).unwrap();
    Some(text.trim_start_matches("data: ").trim_end().to_owned())
}
