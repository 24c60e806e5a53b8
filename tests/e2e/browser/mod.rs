//! What a person sees in a browser that nobody here wrote.

mod provider;
mod refusals;
