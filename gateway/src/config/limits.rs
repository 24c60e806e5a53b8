//! `[limits]`: every bound on what clients may cost.

use std::time::Duration;

use super::reader::Table;

/// `[limits]`: every bound on what clients may cost. The defaults serve a few thousand employees a node.
#[derive(Debug, Clone)]
pub struct Limits {
    /// `connections`: in all. Default 50 000.
    pub connections: usize,
    /// `connections_per_source`: by IPv4 address or IPv6 /64. Default 1 000.
    pub connections_per_source: usize,
    /// `requests_per_source`: running at once, by IPv4 address or IPv6 /64. Default 2 000.
    pub requests_per_source: usize,
    /// `handshake_ms`: from accept to the end of the handshake, PROXY header included. Default 10 s.
    pub handshake: Duration,
    /// `header_ms`: from the first byte of a request's head to its last. Default 10 s.
    pub header: Duration,
    /// `header_bytes`: of a request's head in all. Default 64 KiB.
    pub header_bytes: usize,
    /// `headers`: number of header fields. Default 100.
    pub headers: usize,
    /// `idle_ms`: of a connection without a request. Default 75 s.
    pub idle: Duration,
    /// `min_body_bytes_per_s`: a body slower than this, over any stretch of ten seconds spent waiting for the client, is cut. Default 240.
    pub min_body_bytes_per_s: u32,
    /// `streams`: concurrent HTTP/2 streams a connection. Default 128.
    pub streams: u32,
    /// `control_frames_per_10s`: HTTP/2 frames that carry no request (SETTINGS, PRIORITY, RST_STREAM, PING and
    /// WINDOW_UPDATE beyond data, empty DATA, CONTINUATION) a connection in ten seconds. Default 1 000.
    pub control_frames_per_10s: u32,
    /// `unauthenticated_records_per_min`: audit records a source prefix may cause before it is authenticated;
    /// beyond it they become one record with a count. Default 60.
    pub unauthenticated_records_per_min: u32,
}

pub(super) fn read(mut table: Table<'_>) -> Limits {
    let limits = Limits {
        connections: table.size("connections", 50_000, 1..=10_000_000),
        connections_per_source: table.size("connections_per_source", 1_000, 1..=10_000_000),
        requests_per_source: table.size("requests_per_source", 2_000, 1..=1_000_000),
        handshake: table.milliseconds("handshake_ms", 10_000, 100..=120_000),
        header: table.milliseconds("header_ms", 10_000, 100..=120_000),
        header_bytes: table.size("header_bytes", 65_536, 8_192..=1_048_576),
        headers: table.size("headers", 100, 10..=1_000),
        idle: table.milliseconds("idle_ms", 75_000, 100..=3_600_000),
        min_body_bytes_per_s: table.count("min_body_bytes_per_s", 240, 1..=1_048_576),
        streams: table.count("streams", 128, 1..=10_000),
        control_frames_per_10s: table.count("control_frames_per_10s", 1_000, 10..=1_000_000),
        unauthenticated_records_per_min: table.count("unauthenticated_records_per_min", 60, 1..=1_000_000),
    };
    table.finish();
    limits
}
