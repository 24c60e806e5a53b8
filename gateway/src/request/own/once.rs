//! Each step of a login is taken once: not twice, not on another node, nor again after a restart.

use std::sync::Arc;
use std::time::Instant;

use super::Visit;
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::session::tickets::{CODE_MS, FLOW_MS};
use crate::state::{Change, Outcome, Seen};

/// A step of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A card is shown.
    Card,
    /// The browser comes back from the identity provider.
    Callback,
    /// It comes back a second time, after the person has proven anew who they are.
    CallbackAgain,
    /// The code is taken on the host where the login began.
    Code,
}

impl Step {
    /// Under which name it is kept.
    const fn stream(self) -> &'static str {
        match self {
            Self::Card => "login:card",
            Self::Callback => "login:callback",
            Self::CallbackAgain => "login:callback-again",
            Self::Code => "login:code",
        }
    }

    /// Why it is refused where it was taken before.
    const fn reason(self) -> Reason {
        match self {
            Self::Card | Self::Callback | Self::CallbackAgain => Reason::LoginStateInvalid,
            Self::Code => Reason::LoginCodeInvalid,
        }
    }
}

/// Takes a step of a flow. That it was taken is kept on disk: so only where all else is in order.
pub async fn take(visit: &Visit<'_>, step: Step, flow: &Arc<str>) -> Result<(), Box<Refused>> {
    let seen = Seen {
        stream: step.stream().into(),
        jti: Arc::clone(flow),
        until_ms: visit.now_ms.saturating_add(FLOW_MS + CODE_MS),
    };
    let used = || Box::new(Refused::because(step.reason(), "it was used before"));
    if visit.gateway.state.live().seen.get(&(Arc::clone(&seen.stream), Arc::clone(&seen.jti))).is_some() {
        return Err(used());
    }
    let _turn = visit.gateway.logins.acquire().await;
    match visit.gateway.state.change(vec![Change::Seen(seen)], Instant::now()).await {
        Ok(applied) if applied.outcomes.first() == Some(&Outcome::Applied) => Ok(()),
        Ok(_) => Err(used()),
        Err(error) => Err(Box::new(Refused::because(Reason::GatewayInternal, error.to_string()))),
    }
}
