//! The table of promises names tests that exist.

use std::path::Path;

#[test]
fn every_promise_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let promises = std::fs::read_to_string(root.join("docs/PROMISES.md")).unwrap();
    let named: Vec<_> = promises.split('`').filter_map(|code| code.split_once(".rs::")).collect();
    assert!(named.len() > 100, "{} tests are named", named.len());
    for (file, test) in named {
        let source = std::fs::read_to_string(root.join(format!("{file}.rs"))).unwrap_or_default();
        assert!(source.contains(&format!("fn {test}(")), "{file}.rs has no test {test}");
    }
}
