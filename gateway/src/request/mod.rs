//! The path of a request, in the order it is walked.

pub mod decide;
pub mod identify;
