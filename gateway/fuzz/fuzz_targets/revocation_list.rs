//! No revocation list, however broken, makes the reader panic or yields more entries than its bytes can hold.

#![no_main]

use gaccong::facts::trust::crl::Unverified;
use libfuzzer_sys::fuzz_target;

/// A SEQUENCE of a serial number and a time.
const SMALLEST_ENTRY_BYTES: usize = 2 + 3 + 15;

fuzz_target!(|file: &[u8]| {
    let Ok(lists) = Unverified::read_all(file) else { return };
    let entries: usize = lists.iter().map(Unverified::len).sum();
    assert!(entries * SMALLEST_ENTRY_BYTES <= file.len(), "{entries} entries in {} bytes", file.len());
});
