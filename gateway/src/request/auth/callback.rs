//! `/callback`: the browser comes back from the identity provider.

use std::sync::Arc;

use super::establish::{self, Proven};
use super::login::at_provider;
use super::{hand_over, redirect_uri};
use crate::oidc::{Attempt, AuthorizationResponse, OidcError};
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::request::own::once::{self, Step};
use crate::request::own::{Answer, Visit, with_cookie};
use crate::session::tickets::{Demand, Pending, Ticket};
use crate::session::{AtProvider, Remembered, Voucher};

/// Ends a login at the identity provider. It works once, in the browser and on the device that began it.
pub async fn finish(visit: &Visit<'_>) -> Answer {
    let pending = pending(visit)?;
    let forgotten = pending.forget().ok_or(Reason::GatewayInternal)?;
    let Pending { ticket, nonce, verifier, begun_at_ms, again, .. } = pending;
    let unavailable = || Refused::because(Reason::LoginProviderUnavailable, "no identity provider is configured");
    let provider = visit.snapshot.oidc.as_ref().ok_or_else(unavailable)?;
    let iss = visit.query("iss");
    if let Some(error) = visit.query("error") {
        let description = visit.query("error_description");
        return Err(establish::refused(OidcError::of_callback(&error, description.as_deref())));
    }
    let code = visit.query("code").ok_or_else(|| invalid("no `code`"))?;
    visit.gateway.code_rates.count(&ticket.binding)?;
    let step = if again { Step::CallbackAgain } else { Step::Callback };
    once::take(visit, step, &ticket.flow).await?;
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
    Ok(with_cookie(hand_over(visit, &ticket, &session)?, forgotten))
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
    let pending: Pending = visit.recall().map_err(|why| invalid(&why))?;
    // Over a card the device is not seen here: the host where the login began sees it again.
    if pending.ticket.binding != visit.binding && !visit.auth()?.trust.contains(&visit.binding.trust_domain) {
        return Err(invalid("it was begun on another device"));
    }
    Ok(pending)
}
