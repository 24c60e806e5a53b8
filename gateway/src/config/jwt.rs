//! `[[identity.jwt]]`: issuers of access tokens.

use std::sync::Arc;
use std::time::Duration;

use gaccong_policy::PrincipalKind;
use jsonwebtoken::Algorithm;

use super::jwks::{self, JwksSource};
use super::reader::Table;

/// `[[identity.jwt]]`: an issuer whose access tokens (RFC 9068) say who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtIssuer {
    /// `issuer`: `iss` of its tokens.
    pub issuer: Arc<str>,
    /// `audience`: one of them must be among `aud`.
    pub audience: Vec<Arc<str>>,
    /// `algorithms` that may sign them. Default ES256, PS256, RS256, EdDSA.
    pub algorithms: Vec<Algorithm>,
    /// `jwks = { file }` or `{ url, ca }`: where the issuer's keys are.
    pub jwks: JwksSource,
    /// `principal`: the claim that is the principal's id. Default `sub`.
    pub principal: Arc<str>,
    /// `kind`: what principals are. Default: a workload where `sub` is the `client_id` (RFC 9068 §2.2), otherwise a user.
    pub kind: Option<PrincipalKind>,
    /// `groups`: the claim that lists groups. Default `groups`.
    pub groups: Arc<str>,
    /// `binding`. Default `certificate`.
    pub binding: TokenBinding,
    /// `leeway_s`: how far clocks may be apart. Default 60.
    pub leeway: Duration,
}

/// Who may use a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenBinding {
    /// `certificate`: who has the key of the certificate that the token names (RFC 8705 §3.1).
    Certificate,
    /// `none`: whoever has it, unless it names a certificate.
    None,
}

/// Every issuer.
pub(super) fn issuers(tables: Vec<Table<'_>>) -> Vec<Arc<JwtIssuer>> {
    let mut issuers: Vec<Arc<JwtIssuer>> = Vec::new();
    for table in tables {
        let spot = table.spot;
        let Some(read) = issuer(table) else { continue };
        match issuers.iter().any(|other| other.issuer == read.issuer) {
            true => spot.error(format!("there is already the issuer `{}`", read.issuer), "each issuer once"),
            false => issuers.push(Arc::new(read)),
        }
    }
    issuers
}

fn issuer(mut table: Table<'_>) -> Option<JwtIssuer> {
    let issuer = table.required_text("issuer").map(|text| Arc::from(&*text));
    let audience: Vec<_> = table.required_texts("audience").iter().map(|text| Arc::from(&**text)).collect();
    let algorithms = jwks::algorithms(&mut table);
    let jwks = jwks::jwks(&mut table);
    let principal = table.text("principal").map_or_else(|| "sub".into(), |text| Arc::from(&*text));
    let kind = table.choice("kind", &[("user", PrincipalKind::User), ("workload", PrincipalKind::Workload)]);
    let groups = table.text("groups").map_or_else(|| "groups".into(), |text| Arc::from(&*text));
    let bindings = [("certificate", TokenBinding::Certificate), ("none", TokenBinding::None)];
    let binding = table.choice("binding", &bindings).unwrap_or(TokenBinding::Certificate);
    let leeway = table.seconds("leeway_s", 60, 0..=300);
    if binding == TokenBinding::None {
        table.spot.warn("whoever copies a token of this issuer can use it", "`binding = \"certificate\"`");
    }
    table.finish();
    Some(JwtIssuer { issuer: issuer?, audience, algorithms, jwks: jwks?, principal, kind, groups, binding, leeway })
}
