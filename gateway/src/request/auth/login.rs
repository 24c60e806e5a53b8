//! `/login`: what a ticket asks for is there already, or comes of a card, or of the identity provider.

use std::sync::Arc;

use gaccong_policy::PrincipalKind;
use http::HeaderValue;

use super::establish::{self, Proven};
use super::{hand_over, redirect_uri};
use crate::oidc::Begun;
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::request::identify::{ClientCertificate, Identity, Subject};
use crate::request::own::session::spend;
use crate::request::own::{Answer, Visit, see_other, with_cookie};
use crate::session::tickets::{FLOW_MS, PENDING_COOKIE, Pending, Ticket};
use crate::session::{Purpose, Voucher};
use crate::state::{self, ScopeKind, SubjectKind};

/// Begins a login, or finds that it is done.
pub async fn begin(visit: &Visit<'_>) -> Answer {
    let mut ticket = ticket(visit)?;
    if let Some((card, person)) = card(visit) {
        return with_card(visit, &ticket, card, person).await;
    }
    if ticket.binding != visit.binding {
        return Err(invalid("it was begun on another device"));
    }
    match visit.session() {
        Ok(Some(shown)) if ticket.demand.is_met_by(&shown.session, visit.now_ms) => {
            return hand_over(visit, &ticket, &shown.session);
        }
        // What was taken away here is not given back by another host's asking.
        Err(refused) if refused.reason == Reason::SessionRevoked => ticket.demand.login_again = true,
        // A session that does not count is no hindrance to a new one.
        _ => {}
    }
    at_provider(visit, ticket, false)
}

fn invalid(why: &str) -> Box<Refused> {
    Box::new(Refused::because(Reason::LoginStateInvalid, why))
}

fn ticket(visit: &Visit<'_>) -> Result<Ticket, Box<Refused>> {
    let sealed = visit.query("ticket").ok_or_else(|| invalid("no ticket"))?;
    let sealer = visit.gateway.state.live().sessions.sealer();
    let ticket: Ticket = sealer
        .open(Purpose::Ticket, &visit.normal.host, &sealed)
        .map_err(|why| invalid(&format!("the ticket: {why}")))?;
    if visit.now_ms.saturating_sub(ticket.issued_at_ms) > FLOW_MS {
        return Err(invalid("the ticket is too old"));
    }
    Ok(ticket)
}

/// The person whose card this connection was opened with, where this host asks for cards.
fn card<'v>(visit: &'v Visit<'_>) -> Option<(&'v ClientCertificate, &'v Subject)> {
    let Identity::Proven { certificate, principal, .. } = &visit.connection.facts.identity else { return None };
    let person = principal.as_ref().filter(|it| it.kind == PrincipalKind::User)?;
    visit.auth().ok()?.trust.contains(&certificate.trust_domain).then_some((certificate, person))
}

/// The card was proven by the handshake of this connection: when that was is when the person logged in.
async fn with_card(visit: &Visit<'_>, ticket: &Ticket, card: &ClientCertificate, person: &Subject) -> Answer {
    let (trust_domain, issuer) = (&card.trust_domain, &card.issuer);
    let chain = [(ScopeKind::TrustDomain, trust_domain), (ScopeKind::Issuer, issuer)];
    if visit.gateway.state.live().is_locked(chain) {
        return Err(Reason::Lockdown.into());
    }
    let subjects = state::Subject::of(&visit.connection.facts.identity);
    let proofs = subjects.into_iter().filter(|it| it.kind == SubjectKind::Certificate).collect();
    let proven = Proven {
        principal: Arc::clone(&person.id),
        groups: Arc::default(),
        voucher: Voucher::Smartcard { trust_domain: Arc::clone(trust_domain), issuer: Arc::clone(issuer) },
        acr: None,
        auth_time_ms: visit.connection.authenticated_at_ms,
        not_after_ms: card.not_after_ms,
        proofs,
        provider: None,
    };
    if ticket.demand.acr.is_some() {
        // What a card is worth is for the policy to say by its method; it has no class.
        return at_provider(visit, ticket.clone(), false);
    }
    let max_age_ms = ticket.demand.max_age_s.map(|max_age_s| i64::from(max_age_s) * 1000);
    let is_old = max_age_ms.is_some_and(|max_age_ms| visit.now_ms.saturating_sub(proven.auth_time_ms) > max_age_ms)
        || (ticket.demand.login_again && proven.auth_time_ms <= ticket.issued_at_ms)
        || establish::is_from_before(visit, &person.id, &ticket.binding, proven.auth_time_ms);
    if is_old {
        // A new connection asks for the card anew.
        visit.connection.close.cut(());
        return see_other(&format!("{}{}", visit.auth()?.host.origin(), visit.normal.path_and_query));
    }
    spend(visit, "card", &ticket.flow, Reason::LoginStateInvalid).await?;
    let session = establish::session(visit, &ticket.binding, proven).await?;
    hand_over(visit, ticket, &session)
}

/// Sends the browser to the identity provider. What must be known when it comes back is in a cookie of its own, so that
/// several tabs do not disturb one another.
pub(super) fn at_provider(visit: &Visit<'_>, ticket: Ticket, again: bool) -> Answer {
    let unavailable = || Refused::because(Reason::LoginProviderUnavailable, "no identity provider is configured");
    let provider = visit.snapshot.oidc.as_ref().ok_or_else(unavailable)?;
    let begun = provider.begin(&redirect_uri(visit.auth()?), &ticket.flow, &ticket.demand);
    let Begun { url, nonce, verifier } = begun.map_err(establish::refused)?;
    let flow = Arc::clone(&ticket.flow);
    let pending = Pending { ticket, nonce, verifier, begun_at_ms: visit.now_ms, again };
    let sealer = visit.gateway.state.live().sessions.sealer();
    let value = sealer.seal(Purpose::Pending, &visit.normal.host, &pending).ok_or(Reason::GatewayInternal)?;
    let max_age_s = FLOW_MS / 1000;
    let cookie =
        format!("{PENDING_COOKIE}{flow}={value}; Path=/callback; Max-Age={max_age_s}; Secure; HttpOnly; SameSite=Lax");
    let cookie = HeaderValue::try_from(cookie).map_err(|_| Reason::GatewayInternal)?;
    Ok(with_cookie(see_other(&url)?, cookie))
}
