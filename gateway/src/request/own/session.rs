//! `/.gaccong/session`: the end of a login on the host where it began.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, StatusCode};

use super::{Answer, Visit, with_cookie};
use crate::pages::login::Return;
use crate::pages::{Layout, Page};
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::session::tickets::{CODE_MS, Code, FLOW_COOKIE, FLOW_MS, Flow};
use crate::session::{Carried, Purpose, cookie};
use crate::state::{Change, Outcome, Seen};

/// Takes a code, once, and gives the session's cookie for it. A code counts for the browser, the device and the host that
/// began its flow.
pub async fn redeem(visit: &Visit<'_>) -> Answer {
    let (flow, code) = opened(visit)?;
    spend(visit, "code", &flow.id, Reason::LoginCodeInvalid).await?;
    let carried = Carried { session: code.session, groups_kept: code.groups_kept, used_at_ms: visit.now_ms };
    let sealer = visit.gateway.state.live().sessions.sealer();
    let cookie = carried.set_cookie(&visit.normal.host, &sealer, visit.now_ms).ok_or(Reason::GatewayInternal)?;
    let language = visit.reader.language;
    let layout = Layout::new(language.say("return-title"), language, &visit.snapshot.config.pages);
    let page = Return { layout, flow: &flow.id, to: &flow.return_to }.document().response(StatusCode::OK);
    Ok(with_cookie(with_cookie(page, cookie), no_flow(&flow.id)))
}

fn opened(visit: &Visit<'_>) -> Result<(Flow, Code), Box<Refused>> {
    let invalid = |why: &str| Box::new(Refused::because(Reason::LoginCodeInvalid, why));
    let state = visit.query("state").ok_or_else(|| invalid("no `state`"))?;
    let code = visit.query("code").ok_or_else(|| invalid("no `code`"))?;
    let sealer = visit.gateway.state.live().sessions.sealer();
    let host = &*visit.normal.host;

    let name = format!("{FLOW_COOKIE}{state}");
    let mut cookies = cookie::values(&visit.parts.headers, &name);
    let (Some(cookie), None) = (cookies.next(), cookies.next()) else {
        return Err(invalid("the browser did not begin this login, or has ended it"));
    };
    let cookie = std::str::from_utf8(cookie).map_err(|_| invalid("the cookie of the login is not text"))?;
    let flow: Flow = sealer.open(Purpose::Flow, host, cookie).map_err(|why| invalid(&format!("its cookie: {why}")))?;
    let code: Code = sealer.open(Purpose::Code, host, &code).map_err(|why| invalid(&format!("the code: {why}")))?;

    let age = |at_ms: i64| visit.now_ms.saturating_sub(at_ms);
    if *flow.id != *state || code.flow != flow.id {
        return Err(invalid("the code is of another login"));
    }
    if age(flow.begun_at_ms) > FLOW_MS || age(code.issued_at_ms) > CODE_MS {
        return Err(invalid("the code is too old"));
    }
    if flow.binding != visit.binding || code.binding != visit.binding {
        return Err(invalid("the login was begun on another device"));
    }
    Ok((flow, code))
}

/// Notes that a step of a flow was taken; it cannot be taken twice, on any node, nor after a restart.
pub async fn spend(visit: &Visit<'_>, step: &str, flow: &str, reason: Reason) -> Result<(), Box<Refused>> {
    let seen = Seen {
        stream: format!("login:{step}").into(),
        jti: flow.into(),
        until_ms: visit.now_ms.saturating_add(FLOW_MS + CODE_MS),
    };
    let used = || Box::new(Refused::because(reason, "it was used before"));
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

/// The `Set-Cookie` field that ends a flow.
fn no_flow(flow: &str) -> HeaderValue {
    let cookie = format!("{FLOW_COOKIE}{flow}=; Path=/.gaccong/session; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
    // Ids are of base64url.
    HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static(""))
}
