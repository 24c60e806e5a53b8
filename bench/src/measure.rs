//! What is measured of a proxy in one turn, and how much of it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::bodies::{self, BODY_BYTES};
use crate::client::Http;
use crate::load::Lanes;
use crate::peers::{Peer, Running};
use crate::{handshakes, idle};

/// The figures of one turn, and of the table; [`Measure::title`] says what each is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    H1RequestsPerS,
    H1P50Us,
    H1P99Us,
    H1CpuUsPerRequest,
    H2RequestsPerS,
    H2P50Us,
    H2P99Us,
    H2CpuUsPerRequest,
    DecisionUsPerRequest,
    CpuUsPerConnection,
    DownloadCpuSPerGb,
    UploadCpuSPerGb,
    IdleKibPerConnection,
}

impl Measure {
    /// All of them in the order of the table.
    pub(crate) const ALL: [Self; 13] = [
        Self::H1RequestsPerS,
        Self::H1P50Us,
        Self::H1P99Us,
        Self::H1CpuUsPerRequest,
        Self::H2RequestsPerS,
        Self::H2P50Us,
        Self::H2P99Us,
        Self::H2CpuUsPerRequest,
        Self::DecisionUsPerRequest,
        Self::CpuUsPerConnection,
        Self::DownloadCpuSPerGb,
        Self::UploadCpuSPerGb,
        Self::IdleKibPerConnection,
    ];

    /// As the table and the plot call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::H1RequestsPerS => "HTTP/1.1: requests/s",
            Self::H1P50Us => "HTTP/1.1: p50, µs",
            Self::H1P99Us => "HTTP/1.1: p99, µs",
            Self::H1CpuUsPerRequest => "HTTP/1.1: CPU µs per request",
            Self::H2RequestsPerS => "HTTP/2: requests/s",
            Self::H2P50Us => "HTTP/2: p50, µs",
            Self::H2P99Us => "HTTP/2: p99, µs",
            Self::H2CpuUsPerRequest => "HTTP/2: CPU µs per request",
            Self::DecisionUsPerRequest => "decision, µs per request",
            Self::CpuUsPerConnection => "CPU µs per new connection",
            Self::DownloadCpuSPerGb => "download: CPU s per GB",
            Self::UploadCpuSPerGb => "upload: CPU s per GB",
            Self::IdleKibPerConnection => "KiB per idle connection",
        }
    }

    /// Whether a decision is part of the cost: the rest of the gateway is then shown apart.
    pub(crate) fn includes_decision(self) -> bool {
        matches!(self, Self::H1CpuUsPerRequest | Self::H2CpuUsPerRequest)
    }
}

/// The figures of one proxy in one round.
pub(crate) type Figures = BTreeMap<Measure, f64>;

/// How much is measured in a turn.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Amounts {
    /// Rounds; each proxy has one turn a round.
    pub(crate) rounds: u32,
    /// How long each of the two loads lasts.
    pub(crate) load_s: f64,
    /// Unmeasured load before each.
    pub(crate) warm_up_s: f64,
    /// HTTP/1.1 connections under load.
    pub(crate) h1_connections: u32,
    /// HTTP/2 connections under load, and concurrent requests on each.
    pub(crate) h2_connections: u32,
    pub(crate) h2_streams: u32,
    /// Full handshakes.
    pub(crate) handshakes: u32,
    /// Bodies of 64 MiB each way.
    pub(crate) bodies: u32,
    /// Idle connections.
    pub(crate) idle_connections: u32,
}

impl Amounts {
    /// Enough for figures that hold.
    pub(crate) const FULL: Self = Self {
        rounds: 5,
        load_s: 5.0,
        warm_up_s: 0.5,
        h1_connections: 32,
        h2_connections: 4,
        h2_streams: 8,
        handshakes: 3_000,
        bodies: 32,
        idle_connections: 2_000,
    };

    /// Enough to see that everything works.
    pub(crate) const QUICK: Self = Self {
        rounds: 1,
        load_s: 1.0,
        warm_up_s: 0.2,
        handshakes: 400,
        bodies: 2,
        idle_connections: 400,
        ..Self::FULL
    };
}

/// One turn: idle connections first, while the process is fresh and no earlier load has left it memory to reuse.
pub(crate) async fn turn(peer: Peer, running: &Running, amounts: &Amounts) -> Result<Figures> {
    let mut figures = Figures::new();
    let client = &running.client;

    let kib = idle::run(client, running.group(), amounts.idle_connections).await.context("idle connections")?;
    figures.insert(Measure::IdleKibPerConnection, kib);

    let begin = running.group().cpu_seconds()?;
    handshakes::run(client, amounts.handshakes).await.context("new connections")?;
    let spent = running.group().cpu_seconds()? - begin;
    figures.insert(Measure::CpuUsPerConnection, spent * 1e6 / f64::from(amounts.handshakes));

    requests(peer, running, Http::One, amounts, &mut figures).await.context("HTTP/1.1 requests")?;
    requests(peer, running, Http::Two, amounts, &mut figures).await.context("HTTP/2 requests")?;

    let gigabytes = f64::from(amounts.bodies) * BODY_BYTES as f64 / 1e9;
    let begin = running.group().cpu_seconds()?;
    bodies::download(client, amounts.bodies).await.context("downloads")?;
    let middle = running.group().cpu_seconds()?;
    bodies::upload(client, amounts.bodies).await.context("uploads")?;
    let end = running.group().cpu_seconds()?;
    figures.insert(Measure::DownloadCpuSPerGb, (middle - begin) / gigabytes);
    figures.insert(Measure::UploadCpuSPerGb, (end - middle) / gigabytes);
    Ok(figures)
}

async fn requests(peer: Peer, running: &Running, http: Http, amounts: &Amounts, figures: &mut Figures) -> Result<()> {
    let connections = match http {
        Http::One => amounts.h1_connections,
        Http::Two => amounts.h2_connections,
    };
    let mut lanes = Lanes::open(&running.client, http, connections, amounts.h2_streams).await?;
    lanes.drive(Duration::from_secs_f64(amounts.warm_up_s)).await?;

    // The metrics are read outside of the stretch that is measured: reading them costs CPU time too.
    let decided_before = running.decision_time(peer).await?;
    let begin = running.group().cpu_seconds()?;
    let answers = lanes.drive(Duration::from_secs_f64(amounts.load_s)).await?;
    let spent = running.group().cpu_seconds()? - begin;
    let decided_after = running.decision_time(peer).await?;

    let [rate, p50, p99, cpu] = match http {
        Http::One => [Measure::H1RequestsPerS, Measure::H1P50Us, Measure::H1P99Us, Measure::H1CpuUsPerRequest],
        Http::Two => [Measure::H2RequestsPerS, Measure::H2P50Us, Measure::H2P99Us, Measure::H2CpuUsPerRequest],
    };
    figures.insert(rate, answers.per_second());
    figures.insert(p50, answers.percentile_us(50)?);
    figures.insert(p99, answers.percentile_us(99)?);
    figures.insert(cpu, spent * 1e6 / answers.count());
    if let (Http::One, Some(before), Some(after)) = (http, decided_before, decided_after) {
        figures.insert(Measure::DecisionUsPerRequest, after.us_per_decision_since(before));
    }
    Ok(())
}
