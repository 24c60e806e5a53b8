//! Policies and questions out of arbitrary bytes: we and Cedar give the same answers, and every policy that is well-typed
//! loads.

#![no_main]

use gaccong_policy_differential::Case;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|case: Case| {
    if let Err(disagreement) = case.compare() {
        panic!("{disagreement}");
    }
});
