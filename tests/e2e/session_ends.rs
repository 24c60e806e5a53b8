//! The end of one session cuts what runs by it, and nothing that runs by another of the same person.

use gaccong_tests::streams::event;
use gaccong_tests::transmitter::{Transmitter, about};
use gaccong_tests::{Setup, UserAgent};
use http::Response;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::login_faults::{Office, refused};
use crate::sessions::{APP, listed, listen, open};
use crate::signals::{BEARER, STREAM, push, signal};

/// One of Alice's sessions, and what runs by it.
struct Running {
    id: String,
    agent: UserAgent,
    stream: Response<Incoming>,
}

impl Running {
    /// Alice logs in once more; the provider knows the session by this id.
    async fn begin(office: &Office, sid: &str) -> Self {
        let before = listed(office, "").await;
        let mut agent = office.agent();
        let begun = office.begin(&mut agent).await;
        let back = begun.back(&office.provider, |claims| claims["sid"] = json!(sid));
        assert_eq!(agent.follow(&back).await.1.status, 200);
        let sessions = listed(office, "").await;
        let new = sessions.iter().find(|session| before.iter().all(|before| before["id"] != session["id"])).unwrap();
        let stream = listen(office, &agent).await;
        Self { id: new["id"].as_str().unwrap().to_owned(), agent, stream }
    }

    /// Nothing runs by it any more, and nothing new begins.
    async fn assert_ended(mut self) {
        assert_eq!(event(&mut self.stream).await, None, "the stream is cut");
        assert_eq!(refused(&self.agent.get(APP).await), (401, Some("session.revoked")));
    }
}

/// Of all that run, each gets an event and serves.
async fn assert_run(office: &Office, running: &mut [&mut Running]) {
    office.echo.emit("news").await;
    for session in running {
        assert_eq!(event(&mut session.stream).await.as_deref(), Some("news"));
        assert_eq!(session.agent.get(APP).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_revoked_ends_with_its_streams_and_alone() {
    let office = open(|_| {}).await;
    let (mut first, mut second) = (Running::begin(&office, "1").await, Running::begin(&office, "2").await);
    assert_run(&office, &mut [&mut first, &mut second]).await;

    let profile = office.gateway.client_profile("bob", &office.gateway.pki().bob());
    let (code, _, error) = office.gateway.command(&profile, &["revoke", "session", &first.id]).await;
    assert_eq!(code, 0, "{error}");

    first.assert_ended().await;
    assert_run(&office, &mut [&mut second]).await;
    let cut = office.gateway.record("the cut", |record| record.outcome() == Some("cut")).await;
    assert_eq!((cut.path(), cut.reason()), (Some("/sse"), Some("session.revoked")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_a_signal_names_ends_with_its_streams_and_alone() {
    let transmitter = Transmitter::start().await;
    let signals = |setup: &mut Setup| {
        setup.write("jwks.json", &transmitter.jwks());
        setup.write("bearer", BEARER);
        setup.signals(&format!("{STREAM}push = {{ bearer = \"file:bearer\" }}\n"));
    };
    let office = open(signals).await;
    let (mut first, mut second) = (Running::begin(&office, "1").await, Running::begin(&office, "2").await);
    let mut third = Running::begin(&office, "3").await;
    assert_run(&office, &mut [&mut first, &mut second, &mut third]).await;

    // By its id here, then by that at the provider, without a word on whose it is.
    let whole = json!({"user": {"format": "email", "email": "alice@example.org"}});
    end(&office, &transmitter, &first.id, &whole).await;
    first.assert_ended().await;
    assert_run(&office, &mut [&mut second, &mut third]).await;
    end(&office, &transmitter, "2", &json!({})).await;
    second.assert_ended().await;
    assert_run(&office, &mut [&mut third]).await;

    // Hers is not Bob's, and he has none of that name.
    end(&office, &transmitter, "3", &json!({"user": {"format": "email", "email": "bob@example.org"}})).await;
    assert_run(&office, &mut [&mut third]).await;
    // One of hers that is not known may be any.
    end(&office, &transmitter, "4", &whole).await;
    third.assert_ended().await;
}

/// The transmitter says that a session was revoked, and of whom it is.
async fn end(office: &Office, transmitter: &Transmitter, session: &str, whose: &Value) {
    let mut subject = json!({"format": "complex", "session": {"format": "opaque", "id": session}});
    subject.as_object_mut().unwrap().extend(whose.as_object().unwrap().clone());
    let claims = about(&subject, "caep/session-revoked", json!({}));
    let answer = push(&office.gateway, &transmitter.token(&claims)).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let record = signal(&office.gateway, claims["jti"].as_str().unwrap()).await;
    assert_eq!(record.text("/unmapped/gaccong/effect"), Some("end_session"), "{}", record.0);
}
