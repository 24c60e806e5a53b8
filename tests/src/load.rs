//! Honest traffic that goes on until it is told to stop, and counts what failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::task::JoinHandle;

use crate::client::{Answer, BoxError, Client, H1, H2, get};
use crate::eventually;

/// Running traffic: connections that are kept, connections for one request, and HTTP/2.
pub struct Load {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    workers: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    /// Starts it.
    pub fn start(client: &Client, host: &'static str) -> Self {
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let worker = |kind| Worker { client: client.clone(), host, kind, stop: stop.clone(), served: served.clone() };
        let kinds = [Kind::Kept, Kind::Kept, Kind::Fresh, Kind::Http2];
        let workers = kinds.into_iter().map(|kind| tokio::spawn(worker(kind).run())).collect();
        Self { stop, served, workers }
    }

    /// Waits until that many more requests were answered.
    pub async fn serve(&self, requests: u64) {
        let goal = self.served.load(Ordering::SeqCst) + requests;
        eventually("requests under load", || async {
            let stuck = self.workers.iter().all(JoinHandle::is_finished);
            (stuck || self.served.load(Ordering::SeqCst) >= goal).then_some(())
        })
        .await;
    }

    /// Stops it; returns what failed and how many requests were served.
    pub async fn stop(self) -> (Vec<String>, u64) {
        self.stop.store(true, Ordering::SeqCst);
        let mut failures = Vec::new();
        for worker in self.workers {
            failures.extend(worker.await.unwrap());
        }
        (failures, self.served.load(Ordering::SeqCst))
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Kept,
    Fresh,
    Http2,
}

struct Worker {
    client: Client,
    host: &'static str,
    kind: Kind,
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
}

impl Worker {
    async fn run(self) -> Vec<String> {
        let (mut kept, mut failures) = (Connections::default(), Vec::new());
        while !self.stop.load(Ordering::SeqCst) && failures.len() < 10 {
            match self.one(&mut kept).await {
                Ok(answer) if answer.status == 200 => {
                    self.served.fetch_add(1, Ordering::SeqCst);
                }
                Ok(answer) => failures.push(format!("{:?}: {} {:?}", self.kind, answer.status, answer.reason())),
                Err(error) => failures.push(format!("{:?}: {error:?}", self.kind)),
            }
        }
        failures
    }

    async fn one(&self, kept: &mut Connections) -> Result<Answer, BoxError> {
        match self.kind {
            Kind::Fresh => self.client.send(self.host, get(self.host, "/")).await,
            Kind::Kept => self.over_h1(kept).await,
            Kind::Http2 => self.over_h2(kept).await,
        }
    }

    async fn over_h1(&self, kept: &mut Connections) -> Result<Answer, BoxError> {
        loop {
            let mut h1 = match kept.h1.take().filter(H1::is_open) {
                Some(h1) => h1,
                None => self.client.h1(self.host).await?,
            };
            match h1.send(get(self.host, "/")).await {
                Err(error) if never_sent(&error) => {}
                Err(error) => return Err(error),
                Ok(answer) => {
                    let closes = answer.header("connection").is_some_and(|option| option == "close");
                    kept.h1 = (!closes).then_some(h1);
                    return Ok(answer);
                }
            }
        }
    }

    async fn over_h2(&self, kept: &mut Connections) -> Result<Answer, BoxError> {
        loop {
            let h2 = match kept.h2.take().filter(H2::is_open) {
                Some(h2) => h2,
                None => self.client.h2(self.host).await?,
            };
            match h2.get("/").await {
                Err(error) if never_sent(&error) => {}
                Err(error) => return Err(error),
                Ok(answer) => {
                    kept.h2 = Some(h2);
                    return Ok(answer);
                }
            }
        }
    }
}

#[derive(Default)]
struct Connections {
    h1: Option<H1>,
    h2: Option<H2>,
}

/// Whether the connection was already closed when the request was to be sent, or said that it takes no more before it had
/// come (GOAWAY without an error, RFC 9113 §6.8): any client then takes another.
fn never_sent(error: &BoxError) -> bool {
    let Some(error) = error.downcast_ref::<hyper::Error>() else { return false };
    let h2 = std::error::Error::source(error).and_then(|source| source.downcast_ref::<h2::Error>());
    let gone = h2.is_some_and(|h2| h2.is_go_away() && h2.is_remote() && h2.reason() == Some(h2::Reason::NO_ERROR));
    gone || error.is_canceled() || error.is_closed()
}
