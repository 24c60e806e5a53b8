//! The host where people log in: from the ticket of an app's host to the code that ends the login there.

pub mod callback;
pub mod establish;
pub mod login;
pub mod rate;

use super::own::{Answer, Visit, see_other};
use crate::config::Auth;
use crate::reason::Reason;
use crate::request::own::with_cookie;
use crate::session::tickets::{Code, Ticket};
use crate::session::{Carried, Purpose, Session};

/// The path to which the identity provider sends the browser back: the only one that it knows.
pub const CALLBACK: &str = "/callback";

/// Where the identity provider sends the browser back to.
fn redirect_uri(auth: &Auth) -> String {
    format!("{}{CALLBACK}", auth.host.origin())
}

/// Ends a login here: the session's cookie for this host, and a code for the one that asked.
///
/// A person who came with a card gets no cookie here: the card itself is what they show next time.
fn hand_over(visit: &Visit<'_>, ticket: &Ticket, session: &Session) -> Answer {
    let sealer = visit.gateway.state.live().sessions.sealer();
    let carried = Carried::of(session, visit.now_ms);
    let here = (session.binding == visit.binding)
        .then(|| carried.set_cookie(&visit.normal.host, &sealer, visit.now_ms))
        .flatten();
    let code = Code {
        flow: ticket.flow.clone(),
        binding: ticket.binding.clone(),
        session: carried.session,
        groups_kept: carried.groups_kept,
        issued_at_ms: visit.now_ms,
    };
    let host = ticket.host.split(':').next().unwrap_or_default();
    let code = sealer.seal(Purpose::Code, host, &code).ok_or(Reason::GatewayInternal)?;
    let response = see_other(&format!("https://{}/.gaccong/session?state={}&code={code}", ticket.host, ticket.flow))?;
    Ok(match here {
        Some(cookie) => with_cookie(response, cookie),
        None => response,
    })
}
