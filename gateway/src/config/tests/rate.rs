//! `rate_limit` of an app.

use super::*;

fn limited(rate_limit: &str) -> String {
    and(&format!("{SECOND_APP}rate_limit = {rate_limit}"))
}

#[test]
fn a_rate_limit_is_a_rate_and_a_burst() {
    let config = Folder::new().load(&limited("{ requests_per_min = 600, burst = 100 }")).unwrap().config;
    let limit = config.apps[1].rate_limit.unwrap();
    assert_eq!((limit.requests_per_min.get(), limit.burst.get()), (600, 100));
    assert_eq!(config.apps[0].rate_limit, None);
}

#[test]
fn half_a_rate_limit_or_one_that_stops_everybody_is_refused() {
    let folder = Folder::new();
    for (rate_limit, words) in [
        ("{ requests_per_min = 600 }", "`burst` is missing"),
        ("{ burst = 100 }", "`requests_per_min` is missing"),
        ("{ requests_per_min = 0, burst = 100 }", "`requests_per_min` is out of range: `0`"),
        ("{ requests_per_min = 600, burst = 1_000_001 }", "`burst` is out of range"),
        ("{ requests_per_s = 10, requests_per_min = 600, burst = 1 }", "unknown key `requests_per_s`"),
    ] {
        let found = folder.fault(&limited(rate_limit)).message;
        assert!(found.contains(words), "{rate_limit}: {found}");
    }
}
