//! `rate_limit` of an app: how many requests one principal may make.

use std::num::NonZeroU32;

use super::reader::Table;

/// The most of either: beyond this a limit bounds nothing.
const MAX: u32 = 1_000_000;

/// `rate_limit = { requests_per_min = …, burst = … }`: of each principal by itself, the control API included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// `requests_per_min`: in the long run.
    pub requests_per_min: NonZeroU32,
    /// `burst`: at once, after a pause.
    pub burst: NonZeroU32,
}

pub(super) fn read(mut table: Table<'_>) -> Option<RateLimit> {
    let mut required = |key: &'static str| {
        table.require(key, "a number");
        NonZeroU32::new(table.count(key, 1, 1..=MAX))
    };
    let (requests_per_min, burst) = (required("requests_per_min"), required("burst"));
    table.finish();
    Some(RateLimit { requests_per_min: requests_per_min?, burst: burst? })
}
