//! When to ask again: later after each failure, and never all gateways at once.

use std::time::Duration;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait after failures.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// How long to wait after so many failures in a row, before [`jittered`].
pub fn after_failures(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST.saturating_mul(1 << doublings).min(LONGEST)
}

/// Between three quarters of `wait` and all of it, by chance.
pub fn jittered(wait: Duration) -> Duration {
    let mut random = [0; 1];
    // Without randomness everyone waits the same time, which is no fault.
    let _ = aws_lc_rs::rand::fill(&mut random);
    let [random] = random;
    wait.mul_f64(1.0 - f64::from(random) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        let seconds: Vec<u64> = [1, 2, 3, 5, 100, u32::MAX].map(|failures| after_failures(failures).as_secs()).into();
        assert_eq!(seconds, [1, 2, 4, 16, 900, 900]);
    }

    #[test]
    fn jitter_only_shortens_and_by_a_quarter_at_most() {
        let wait = Duration::from_secs(100);
        for _ in 0..1000 {
            assert!((Duration::from_secs(75)..=wait).contains(&jittered(wait)));
        }
    }
}
