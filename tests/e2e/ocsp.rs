//! Certificates about which an OCSP responder is asked.

use futures_util::{SinkExt, StreamExt};
use gaccong_tests::client::{WebSocket, get};
use gaccong_tests::ocsp::Responder;
use gaccong_tests::upstream::Echo;
use gaccong_tests::{Answer, Ca, Certified, Gateway, Pki, eventually, within_patience};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const HOST: &str = "echo.example.test";

/// A gateway whose laptops have a responder, and two of them.
struct World {
    gateway: Gateway,
    responder: Responder,
    _echo: Echo,
    alice: Certified,
    bob: Certified,
}

impl World {
    /// `lines` are those of `ocsp`; the responder is dead.
    async fn new(lines: &str, signer: Option<&Ca>) -> Self {
        let (echo, pki) = (Echo::h1().await, Pki::new());
        let responder = Responder::new(&pki.laptops, signer.unwrap_or(&pki.laptops)).await;
        let (alice, bob) = (pki.alice(), pki.bob());
        let gateway = Gateway::start(|setup| {
            setup.write("laptops.pem", &pki.laptops.pem());
            setup.pki.laptops = pki.laptops;
            let names = "device = \"uri:urn:device:{id}\"\nperson = \"email\"";
            let ocsp = format!("ocsp = {{ url = \"{}\", every_s = 1, {lines} }}", responder.url());
            setup.trust.insert("laptops", format!("ca = [\"laptops.pem\"]\n{ocsp}\n{names}"));
            setup.app("echo", echo.url());
        })
        .await;
        Self { gateway, responder, _echo: echo, alice, bob }
    }

    async fn ask(&self, certified: &Certified) -> Answer {
        let mut connection = self.gateway.client(certified).h1(HOST).await.unwrap();
        connection.send(get(HOST, "/")).await.unwrap()
    }

    async fn socket(&self, certified: &Certified) -> WebSocket {
        self.gateway.client(certified).websocket(HOST, "/socket").await.unwrap()
    }

    async fn cut(&self) -> Option<String> {
        let record =
            self.gateway.record("a stream that was cut", |r| r.path() == Some("/socket") && r.is_final()).await;
        assert_eq!(record.outcome(), Some("cut"));
        record.reason().map(str::to_owned)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_revoked_at_its_responder_is_cut() {
    let mut world = World::new("on_failure = \"hard\", wait_ms = 10_000", None).await;
    let (alice, bob) = (world.alice.clone(), world.bob.clone());
    world.responder.knows(&[&alice, &bob], &[]).await;
    // The first request waits for the answer and is served.
    assert_eq!(world.ask(&alice).await.status, 200);
    let (mut hers, mut his) = (world.socket(&alice).await, world.socket(&bob).await);

    world.responder.knows(&[&alice], &[&bob]).await;

    assert_eq!(closed(&mut his).await.code, CloseCode::Policy);
    assert_eq!(world.cut().await.as_deref(), Some("certificate.revoked"));
    hers.send(Message::text("still here")).await.unwrap();
    assert!(matches!(within_patience("an echo", hers.next()).await, Some(Ok(Message::Text(_)))));
    let metrics = world.gateway.metrics().await;
    let answered = |result| metrics.count("gaccong_ocsp_answers_total", &[("trust", "laptops"), ("result", result)]);
    assert!(answered("good") >= 2.0 && answered("revoked") >= 1.0, "{}", metrics.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_a_hard_responder_refuses_and_a_soft_one_does_not() {
    let mut hard = World::new("on_failure = \"hard\"", None).await;
    let answer = hard.ask(&hard.alice).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (503, Some("certificate.ocsp_unknown")));
    assert!(answer.headers.contains_key("retry-after"));
    // On its living connection too, once the responder is there.
    let alice = hard.alice.clone();
    let mut connection = hard.gateway.client(&alice).h1(HOST).await.unwrap();
    hard.responder.knows(&[&alice], &[]).await;
    eventually("an answer", || async { (hard.ask(&alice).await.status == 200).then_some(()) }).await;
    assert_eq!(connection.send(get(HOST, "/")).await.unwrap().status, 200);
    // It does not know Bob.
    assert_eq!(hard.ask(&hard.bob).await.reason(), Some("certificate.ocsp_unknown"));

    let mut soft = World::new("on_failure = \"soft\"", None).await;
    assert_eq!(soft.ask(&soft.alice).await.status, 200);
    let (alice, bob) = (soft.alice.clone(), soft.bob.clone());
    soft.responder.knows(&[&alice], &[&bob]).await;
    // A request, or once it is known the handshake.
    eventually("a certificate that is refused", || async {
        let mut connection = soft.gateway.client(&bob).h1(HOST).await.ok()?;
        let served = connection.send(get(HOST, "/")).await.is_ok_and(|answer| answer.status == 200);
        (!served).then_some(())
    })
    .await;
    assert_eq!(soft.ask(&alice).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_goes_stale_ends_what_it_permitted() {
    let mut world = World::new("on_failure = \"hard\", wait_ms = 10_000, max_age_s = 4", None).await;
    let alice = world.alice.clone();
    world.responder.knows(&[&alice], &[]).await;
    let mut socket = world.socket(&alice).await;

    world.responder.dies().await;

    assert_eq!(closed(&mut socket).await.code, CloseCode::Policy);
    assert_eq!(world.cut().await.as_deref(), Some("certificate.ocsp_unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_signed_by_another_is_none() {
    let stranger = Ca::new("Test laptops");
    let mut world = World::new("on_failure = \"hard\"", Some(&stranger)).await;
    let alice = world.alice.clone();
    world.responder.knows(&[&alice], &[]).await;
    assert_eq!(world.ask(&alice).await.reason(), Some("certificate.ocsp_unknown"));
    assert!(world.gateway.log().contains("its signature is neither by the issuer"), "{}", world.gateway.log());
}

async fn closed(socket: &mut WebSocket) -> CloseFrame {
    loop {
        match within_patience("a close frame", socket.next()).await {
            Some(Ok(Message::Close(Some(frame)))) => return frame,
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}
