//! What people see: texts in their language, and the pages that are made of them.

mod language;
mod texts;

pub use language::Language;
