//! `/callback`: the browser comes back from the identity provider.

use std::sync::Arc;

use http::HeaderValue;

use super::establish::{self, Proven};
use super::login::at_provider;
use super::{hand_over, redirect_uri};
use crate::oidc::{Attempt, AuthorizationResponse, OidcError};
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::request::own::session::spend;
use crate::request::own::{Answer, Visit, with_cookie};
use crate::session::tickets::{Demand, FLOW_MS, PENDING_COOKIE, Pending, Ticket};
use crate::session::{AtProvider, Purpose, Voucher, cookie};

/// Ends a login at the identity provider. It works once, in the browser and on the device that began it.
pub async fn finish(visit: &Visit<'_>) -> Answer {
    let Pending { ticket, nonce, verifier, begun_at_ms, again } = pending(visit)?;
    let unavailable = || Refused::because(Reason::LoginProviderUnavailable, "no identity provider is configured");
    let provider = visit.snapshot.oidc.as_ref().ok_or_else(unavailable)?;
    let iss = visit.query("iss");
    if let Some(error) = visit.query("error") {
        let description = visit.query("error_description");
        return Err(establish::refused(OidcError::of_callback(&error, description.as_deref())));
    }
    let code = visit.query("code").ok_or_else(|| invalid("no `code`"))?;
    visit.gateway.code_rates.count(&ticket.binding)?;
    // What is kept of a step is kept on disk: only where there is something to exchange.
    let step = if again { "callback-again" } else { "callback" };
    spend(visit, step, &ticket.flow, Reason::LoginStateInvalid).await?;
    let uri = redirect_uri(visit.auth()?);
    let attempt = Attempt { demand: &ticket.demand, nonce: &nonce, verifier: &verifier, begun_at_ms };
    let response = AuthorizationResponse { code: &code, iss: iss.as_deref() };
    let login = match provider.finish(&uri, &attempt, response, visit.now_ms).await {
        // A provider counts whole seconds, by a clock of its own: it may find recent what is too old here.
        Err(OidcError::TooOld) if !ticket.demand.login_again => return anew(visit, ticket),
        login => login.map_err(establish::refused)?,
    };
    if establish::is_from_before(visit, &login.principal, &ticket.binding, login.auth_time_ms) {
        if again {
            let why = "the provider has not asked the person again, who must log in anew";
            return Err(Box::new(Refused::because(Reason::LoginProviderRefused, why)));
        }
        return anew(visit, ticket);
    }
    let proven = Proven {
        principal: login.principal,
        groups: login.groups,
        voucher: Voucher::Oidc { issuer: Arc::clone(&provider.settings().issuer) },
        acr: login.acr,
        auth_time_ms: login.auth_time_ms,
        not_after_ms: i64::MAX,
        proofs: Vec::new(),
        provider: Some(AtProvider {
            sub: login.sub,
            sid: login.sid,
            refresh_token: login.refresh_token,
            id_token: login.id_token,
            claims_at_ms: visit.now_ms,
        }),
    };
    let session = establish::session(visit, &ticket.binding, proven).await?;
    Ok(with_cookie(hand_over(visit, &ticket, &session)?, no_pending(&ticket.flow)))
}

/// Back to the provider, which is to ask the person whatever it knows.
fn anew(visit: &Visit<'_>, ticket: Ticket) -> Answer {
    let demand = Demand { login_again: true, ..ticket.demand };
    at_provider(visit, Ticket { demand, ..ticket }, true)
}

fn invalid(why: &str) -> Box<Refused> {
    Box::new(Refused::because(Reason::LoginStateInvalid, why))
}

/// What the browser remembers of the login.
fn pending(visit: &Visit<'_>) -> Result<Pending, Box<Refused>> {
    let state = visit.query("state").ok_or_else(|| invalid("no `state`"))?;
    let name = format!("{PENDING_COOKIE}{state}");
    let mut cookies = cookie::values(&visit.parts.headers, &name);
    let (Some(cookie), None) = (cookies.next(), cookies.next()) else {
        return Err(invalid("this browser has not begun this login, or has ended it"));
    };
    let cookie = std::str::from_utf8(cookie).map_err(|_| invalid("the cookie of the login is not text"))?;
    let sealer = visit.gateway.state.live().sessions.sealer();
    let opened = sealer.open(Purpose::Pending, &visit.normal.host, cookie);
    let pending: Pending = opened.map_err(|why| invalid(&format!("the cookie of the login: {why}")))?;
    if *pending.ticket.flow != *state {
        return Err(invalid("the state is of another login"));
    }
    if visit.now_ms.saturating_sub(pending.ticket.issued_at_ms) > FLOW_MS {
        return Err(invalid("the login has taken too long"));
    }
    // Over a card the device is not seen here: the host where the login began sees it again.
    if pending.ticket.binding != visit.binding && !visit.auth()?.trust.contains(&visit.binding.trust_domain) {
        return Err(invalid("it was begun on another device"));
    }
    Ok(pending)
}

/// The `Set-Cookie` field that forgets a login at the identity provider.
fn no_pending(flow: &str) -> HeaderValue {
    let cookie = format!("{PENDING_COOKIE}{flow}=; Path=/callback; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static(""))
}
