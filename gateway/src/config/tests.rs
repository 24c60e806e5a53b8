//! Whole files in, diagnostics out.
