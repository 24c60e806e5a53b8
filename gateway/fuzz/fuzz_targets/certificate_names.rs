//! No certificate, however broken, makes the parser of names panic or yields a name that cannot be shown.

#![no_main]

use gaccong::request::identify::{Names, certificate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|der: &[u8]| {
    let Ok(Names { uris, emails, upns, dns, common_name }) = certificate::parse(der) else { return };
    let common_name: Vec<String> = common_name.into_iter().collect();
    for name in [uris, emails, upns, dns, common_name].iter().flatten() {
        assert!(!name.is_empty() && name.len() <= 512, "{name:?} is out of bounds");
        assert!(!name.chars().any(char::is_control), "{name:?} has control characters");
    }
});
