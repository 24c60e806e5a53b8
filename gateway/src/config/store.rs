//! `[store]`: where what must survive the process is kept.

use std::path::PathBuf;

use super::reader::Table;

/// `[store]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// `path`: the file of the embedded store (`kind = "embedded"`, the only kind).
    pub path: PathBuf,
}

pub(super) fn read(mut table: Table<'_>) -> Option<Store> {
    let kind = table.choice("kind", &[("embedded", ())]);
    let named = kind.is_some() || !table.has("kind");
    let path = table.required_text("path").map(|text| text.spot.resolve(&text));
    table.finish();
    Some(Store { path: path.filter(|_| named)? })
}
