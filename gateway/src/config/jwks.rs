//! Where keys of other systems come from, and what may be signed with them: parts of several tables.

use std::path::PathBuf;
use std::str::FromStr;

use jsonwebtoken::Algorithm;

use super::diagnostic::one_of;
use super::reader::{Table, Text, file};
use crate::outgoing::Url;

/// `jwks`: a key set (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwksSource {
    /// `file`
    File(PathBuf),
    /// `url`
    Url(Endpoint),
}

/// An address that the gateway calls, and the CAs that its server must be vouched for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `url`: https.
    pub url: Url,
    /// `ca`: PEM files.
    pub ca: Vec<PathBuf>,
}

const ALGORITHMS: [&str; 9] = ["ES256", "ES384", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA"];

/// `algorithms` that may sign tokens. A symmetric one is none of them, nor is `none`.
pub(super) fn algorithms(table: &mut Table<'_>) -> Vec<Algorithm> {
    let named: Vec<_> = table.texts("algorithms").iter().filter_map(algorithm).collect();
    match named.is_empty() {
        true => vec![Algorithm::ES256, Algorithm::PS256, Algorithm::RS256, Algorithm::EdDSA],
        false => named,
    }
}

fn algorithm(text: &Text<'_>) -> Option<Algorithm> {
    let known = ALGORITHMS.contains(&&**text).then(|| Algorithm::from_str(text).ok()).flatten();
    known.or_else(|| text.refuse(format!("`{}` cannot sign tokens here", &**text), one_of(ALGORITHMS)))
}

/// `jwks`, which must be there.
pub(super) fn jwks(table: &mut Table<'_>) -> Option<JwksSource> {
    table.require("jwks", "a table with `file`, or `url` and `ca`");
    let mut table = table.table("jwks")?;
    let by_file = table.has("file");
    if by_file == table.has("url") {
        return table.spot.refuse("keys come from one place", "either `file`, or `url` with `ca`");
    }
    let source = match by_file {
        true => table.required_file("file").map(JwksSource::File),
        false => endpoint(&mut table).map(JwksSource::Url),
    };
    table.finish();
    source
}

/// `url` and `ca`. Whoever could answer in its place could open what it closed: a server is always proven.
pub(super) fn endpoint(table: &mut Table<'_>) -> Option<Endpoint> {
    let url = table.required_text("url");
    let ca = table.required_texts("ca").iter().filter_map(file).collect();
    let text = url?;
    match text.parse::<Url>() {
        Ok(url) if url.is_https() => Some(Endpoint { url, ca }),
        Ok(_) => text.refuse("keys and tokens come from servers that prove who they are", "`https://host/path`"),
        Err(error) => text.refuse(format!("`{}` cannot be called: {error}", &*text), "`https://host/path`"),
    }
}
