//! `[audit]`: where records go.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::Table;

/// `[audit]`
#[derive(Debug, Clone)]
pub struct Audit {
    /// `directory`: a folder for segments, or `"stdout"`, which is also the default. It is made where it does not exist.
    /// (A folder of that name is written `"./stdout"`.)
    pub sink: AuditSink,
    /// `segment_bytes`: a segment is closed at this size. Default 256 MiB.
    pub segment_bytes: u64,
    /// `segment_age_s`: or at this age. Default 1 h.
    pub segment_age: Duration,
    /// `keep_segments`: the oldest beyond this number are deleted; 0 (the default) keeps all.
    pub keep_segments: usize,
    /// `queue_records`: how many records may wait to be written. Default 65 536.
    pub queue_records: usize,
    /// `query_strings`: record them. Default false.
    pub query_strings: bool,
}

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditSink {
    /// Segments in a directory.
    Directory(PathBuf),
    /// Standard output.
    Stdout,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const DAY_S: u64 = 86_400;

pub(super) fn read(mut table: Table<'_>) -> Audit {
    let directory = table.text("directory").filter(|text| &**text != "stdout");
    let audit = Audit {
        sink: directory.map_or(AuditSink::Stdout, |text| AuditSink::Directory(text.spot.resolve(&text))),
        segment_bytes: table.integer("segment_bytes", 256 * MIB, 64 * KIB..=1024 * 1024 * MIB),
        segment_age: table.seconds("segment_age_s", 3_600, 1..=7 * DAY_S),
        keep_segments: table.size("keep_segments", 0, 0..=1_000_000),
        queue_records: table.size("queue_records", 65_536, 8..=4_194_304),
        query_strings: table.flag("query_strings", false),
    };
    table.finish();
    audit
}
