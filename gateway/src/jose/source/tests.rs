//! Keys that are fetched: once for many who ask, and kept where the server fails.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;
use serde_json::{Value, json};

use super::*;
use crate::jose::fixtures::Signer;

/// A server of keys that counts how often it is asked.
#[derive(Clone, Default)]
struct Server {
    keys: Arc<RwLock<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
}

impl Fetch for Server {
    fn fetch(&self) -> BoxFuture<'_, Result<Keys, String>> {
        Box::pin(async {
            self.asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            let set = json!({ "keys": *self.keys.read() });
            Keys::read(set.to_string().as_bytes()).map_err(|error| error.to_string())
        })
    }
}

impl Server {
    fn with(kids: &[&str]) -> Self {
        let server = Self::default();
        kids.iter().for_each(|kid| server.keys.write().push(Signer::new(kid).jwk()));
        server
    }

    fn source(&self, min_interval: Duration) -> KeySource {
        KeySource::of(Box::new(self.clone()), min_interval)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_known_key_is_not_asked_for() {
    let server = Server::with(&["a"]);
    let source = server.source(MIN_INTERVAL);
    source.refresh().await;
    for _ in 0..10 {
        assert!(source.naming("a").await.unwrap().has("a"));
        source.refresh().await;
    }
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_storm_of_unknown_keys_causes_one_fetch() {
    let server = Server::with(&["a"]);
    let source = Arc::new(server.source(MIN_INTERVAL));
    let storm: Vec<_> = (0..500)
        .map(|number| {
            let source = Arc::clone(&source);
            tokio::spawn(async move { source.naming(&format!("unknown-{number}")).await.map(drop) })
        })
        .collect();
    for task in storm {
        // Those that came while keys were fetched know that theirs is not among them; others may ask again later.
        let _ = task.await.unwrap();
    }
    assert_eq!(server.asked(), 1);
    assert_eq!(source.naming("unknown").await.map(drop), Err(NotNow));
    assert!(source.naming("a").await.unwrap().has("a"), "what is known goes on");
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_learned_from_the_token_that_names_it() {
    let server = Server::with(&["a"]);
    let source = server.source(Duration::ZERO);
    source.refresh().await;
    server.keys.write().push(Signer::new("b").jwk());
    assert!(source.naming("b").await.unwrap().has("b"));
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_server_that_fails_leaves_the_last_good_keys() {
    let server = Server::with(&["a"]);
    let source = server.source(Duration::ZERO);
    source.refresh().await;
    server.keys.write().clear();
    assert_eq!(source.naming("b").await.map(drop), Err(NotNow));
    assert!(source.naming("a").await.unwrap().has("a"));
}

#[tokio::test]
async fn nobody_waits_who_only_asks_what_is_known() {
    let server = Server::with(&["a"]);
    let source = Arc::new(server.source(MIN_INTERVAL));
    for _ in 0..100 {
        assert!(matches!(source.known("a"), Known::NotYet));
    }
    assert_eq!(server.asked(), 0, "this task has not waited yet");
    while !matches!(source.known("a"), Known::Yes(_)) {
        tokio::task::yield_now().await;
    }
    for number in 0..100 {
        assert!(matches!(source.known(&format!("unknown-{number}")), Known::No));
    }
    assert_eq!((server.asked(), source.take_fetched()), (1, Fetched { succeeded: 1, failed: 0 }));
    assert_eq!(source.take_fetched(), Fetched::default());
}

#[tokio::test]
async fn a_new_key_is_asked_for_while_those_who_need_it_come_again() {
    let server = Server::with(&["a"]);
    let source = Arc::new(server.source(Duration::ZERO));
    source.refresh().await;
    server.keys.write().push(Signer::new("b").jwk());
    assert!(matches!(source.known("b"), Known::NotYet));
    while !matches!(source.known("b"), Known::Yes(_)) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_that_fails_says_nothing_of_a_key() {
    let server = Server::with(&[]);
    let source = Arc::new(server.source(MIN_INTERVAL));
    source.refresh().await;
    assert!(matches!(source.known("a"), Known::NotYet));
    assert_eq!((server.asked(), source.take_fetched()), (1, Fetched { succeeded: 0, failed: 1 }));
}

#[tokio::test]
async fn keys_of_a_file_are_what_they_are() {
    let source = KeySource::fixed(Keys::read(&Signer::new("a").jwks()).unwrap());
    source.refresh().await;
    assert!(!source.naming("b").await.unwrap().has("b"));
}
