//! The path of a request, in the order it is walked.

pub mod decide;
pub mod forward;
pub mod identify;
mod list;
pub mod normalise;
pub mod refuse;
