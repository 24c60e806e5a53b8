//! Versions of the store: each step rewrites entries of one version as those of the next.

use super::{StoreError, Table, Write};

/// The version that this gateway writes.
pub const VERSION: u64 = 1;

/// Rewrites the entries of one version as those of the next. It sees every entry and returns what is to be written.
pub type Step = fn(&[(Table, String, Vec<u8>)]) -> Result<Vec<Write>, StoreError>;

/// The step from each version to the next, from version 1 on.
pub const STEPS: &[Step] = &[];

/// The steps that lead from `version` to the newest, or `None` where that is unknown.
pub fn steps_from(version: u64, steps: &[Step]) -> Option<&[Step]> {
    usize::try_from(version.checked_sub(1)?).ok().and_then(|done| steps.get(done..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_needs_no_step() {
        assert_eq!(steps_from(VERSION, STEPS).map(<[Step]>::len), Some(0));
        assert!(steps_from(VERSION + 1, STEPS).is_none() && steps_from(0, STEPS).is_none());
    }
}
