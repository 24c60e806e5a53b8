//! Logins at a provider that may be good, slow, broken or hostile.

mod discovery;
mod login;
mod logout;
mod provider;
mod refresh;
mod tokens;

use provider::{ACCESS_TOKEN, CLIENT, CODE, FakeProvider, REDIRECT, SECRET, Scene};

/// Nothing of what opens something is in words that go into a record.
fn assert_no_secret(words: &str) {
    for secret in [SECRET, ACCESS_TOKEN, CODE, "refresh-1", "eyJ"] {
        assert!(!words.contains(secret), "{words}");
    }
}
