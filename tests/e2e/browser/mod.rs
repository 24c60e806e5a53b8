//! What a person sees in a browser that nobody here wrote, and the provider that nobody here wrote.

mod provider;
mod refusals;
