//! No OCSP response, however broken, makes the reader panic or yields more answers than it may have.

#![no_main]

use gaccong::facts::trust::ocsp::response::Response;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|der: &[u8]| {
    if let Ok(response) = Response::parse(der) {
        assert!(response.len() <= 64, "{} answers", response.len());
    }
});
