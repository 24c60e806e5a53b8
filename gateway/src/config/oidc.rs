//! `[identity.oidc]`: the OpenID provider where people log in (OpenID Connect Core 1.0).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::Algorithm;

use super::KeyRef;
use super::jwks;
use super::reader::{Table, Text, file};
use crate::outgoing::Url;

/// `[identity.oidc]`: the provider, and what its tokens say of a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Oidc {
    /// `issuer`: the provider's name, an https URL without query; its metadata is found below it.
    pub issuer: Arc<str>,
    /// `ca`: PEM files, by which its servers must be vouched for.
    pub ca: Vec<PathBuf>,
    /// `client_id`: by what the provider knows the gateway.
    pub client_id: Arc<str>,
    /// `client_secret`: by what the gateway proves that.
    pub client_secret: KeyRef,
    /// `scopes` that are asked for, without `openid`. Default profile and email, and offline_access where `refresh` is on.
    pub scopes: Vec<Arc<str>>,
    /// `principal`: the claim that is the id of a person. Default sub. An email must have been verified by the provider,
    /// and is written in lower case.
    pub principal: Arc<str>,
    /// `groups`: the claim that names the person's groups, a string or a list. Default groups.
    pub groups: Arc<str>,
    /// `acr_values`: the authentication classes that every login asks for. Policies demand them, not this list.
    pub acr_values: Vec<Arc<str>>,
    /// `algorithms` that may sign its tokens. Default ES256, PS256, RS256, EdDSA.
    pub algorithms: Vec<Algorithm>,
    /// `userinfo`: whether claims that an ID token lacks are asked for at the UserInfo endpoint. Default false.
    pub userinfo: bool,
    /// `refresh`: whether claims are kept current by refresh tokens. Default true.
    pub refresh: bool,
    /// `refresh_s`: how old the claims of a session in use become. Default 900.
    pub refresh_after: Duration,
    /// `leeway_s`: how far the provider's clock may be from ours. Default 60.
    pub leeway: Duration,
    /// `logout`: whether whoever logs out here logs out at the provider too. Default true.
    pub logout: bool,
}

/// The longest text that a claim, scope or client may be named by.
const MAX_NAME_BYTES: usize = 256;

/// `[identity.oidc]`
pub(super) fn read(mut table: Table<'_>) -> Option<Oidc> {
    let issuer = table.required_text("issuer");
    let ca = table.required_texts("ca").iter().filter_map(file).collect();
    let client_id = table.required_text("client_id").and_then(|text| name(&text));
    let client_secret = table.required_key("client_secret");
    let refresh = table.flag("refresh", true);
    let scopes = scopes(&mut table, refresh);
    let principal = claim(&mut table, "principal", "sub");
    let groups = claim(&mut table, "groups", "groups");
    let acr_values = table.texts("acr_values").iter().filter_map(name).collect();
    let algorithms = jwks::algorithms(&mut table);
    let userinfo = table.flag("userinfo", false);
    let refresh_after = table.seconds("refresh_s", 900, 1..=86_400);
    let leeway = table.seconds("leeway_s", 60, 0..=300);
    let logout = table.flag("logout", true);
    table.finish();

    Some(Oidc {
        issuer: issuer.and_then(|text| issuer_url(&text))?,
        ca,
        client_id: client_id?,
        client_secret: client_secret?,
        scopes,
        principal: principal?,
        groups: groups?,
        acr_values,
        algorithms,
        userinfo,
        refresh,
        refresh_after,
        leeway,
        logout,
    })
}

/// Whoever could answer in the provider's place could log in as anyone: it is always proven who it is.
fn issuer_url(text: &Text<'_>) -> Option<Arc<str>> {
    let expected = "`https://host/path`, as the provider writes it";
    match text.parse::<Url>() {
        Ok(url) if !url.is_https() => text.refuse("the provider must prove who it is", expected),
        Ok(_) if text.contains('?') => text.refuse(format!("`{}` has a query", &**text), expected),
        Ok(_) => Some(Arc::from(&**text)),
        Err(error) => text.refuse(format!("`{}` cannot be called: {error}", &**text), expected),
    }
}

/// `openid` is always asked for.
fn scopes(table: &mut Table<'_>, refresh: bool) -> Vec<Arc<str>> {
    if !table.has("scopes") {
        let usual = ["profile", "email"].into_iter().chain(refresh.then_some("offline_access"));
        return usual.map(Arc::from).collect();
    }
    let given: Vec<_> = table.texts("scopes").iter().filter_map(name).collect();
    given.into_iter().filter(|scope| &**scope != "openid").collect()
}

fn claim(table: &mut Table<'_>, key: &'static str, default: &str) -> Option<Arc<str>> {
    if table.has(key) { table.text(key).and_then(|text| name(&text)) } else { Some(Arc::from(default)) }
}

/// A name as OAuth writes scopes and clients (RFC 6749 Appendix A): visible ASCII without spaces.
fn name(text: &Text<'_>) -> Option<Arc<str>> {
    let good = (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    match good {
        true => Some(Arc::from(&**text)),
        false => text.refuse(
            format!("`{}` is not a name", &**text),
            format!("1 to {MAX_NAME_BYTES} visible ASCII characters without spaces"),
        ),
    }
}
