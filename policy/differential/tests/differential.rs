//! Random policies and questions: ours and Cedar agree.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may say so abruptly")]

use arbitrary::{Arbitrary, Unstructured};
use gaccong_policy_differential::{Answer, Case, Compared};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

const CASE_BYTES: usize = 4096;

fn compare(bytes: &[u8]) -> Compared {
    let case = Case::arbitrary(&mut Unstructured::new(bytes)).unwrap();
    case.compare().unwrap_or_else(|disagreement| panic!("{disagreement}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    /// A disagreement reduces itself to the policies that matter; to shrink its bytes would only make another case of it.
    #[test]
    fn ours_and_cedar_agree(bytes in prop::collection::vec(any::<u8>(), 0..CASE_BYTES)) {
        compare(&bytes);
    }
}

/// What is compared must be worth comparing: most policies load, and every kind of answer is among the answers.
#[test]
fn cases_are_not_degenerate() {
    let mut runner =
        TestRunner::new_with_rng(ProptestConfig::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let bytes = prop::collection::vec(any::<u8>(), CASE_BYTES);
    let sample = (0..100).map(|_| bytes.new_tree(&mut runner).unwrap().current());
    let compared: Vec<_> = sample.map(|bytes| compare(&bytes)).collect();
    let accepted: usize = compared.iter().map(|case| case.accepted).sum();
    let refused: usize = compared.iter().map(|case| case.refused).sum();
    assert!(accepted > 4 * refused, "{accepted} policies loaded, {refused} did not");

    let answers: Vec<_> = compared.iter().flat_map(|case| &case.answers).collect();
    let share =
        |is_it: fn(&Answer) -> bool| 100 * answers.iter().filter(|answer| is_it(answer)).count() / answers.len();
    let shares = [
        share(|answer| matches!(answer, Answer::Permit(_))),
        share(|answer| matches!(answer, Answer::Forbid(_))),
        share(|answer| matches!(answer, Answer::NoPermit)),
        share(|answer| matches!(answer, Answer::Error(ids) if !ids.is_empty())),
    ];
    assert!(shares.iter().all(|share| *share >= 3), "permit, forbid, no permit, error: {shares:?} %");
}
