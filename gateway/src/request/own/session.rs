//! `/.gaccong/session`: the end of a login on the host where it began.

use http::StatusCode;

use super::once::{self, Step};
use super::{Answer, Visit, with_cookie};
use crate::pages::login::Return;
use crate::pages::{Layout, Page};
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::session::tickets::{CODE_MS, Code, Flow};
use crate::session::{Carried, Purpose, Remembered};

/// Takes a code, once, and gives the session's cookie for it. A code counts for the browser, the device and the host that
/// began its flow.
pub async fn redeem(visit: &Visit<'_>) -> Answer {
    let flow: Flow = visit.recall().map_err(|why| invalid(&why))?;
    let code = code(visit, &flow)?;
    once::take(visit, Step::Code, &flow.id).await?;
    let carried = Carried { session: code.session, groups_kept: code.groups_kept, used_at_ms: visit.now_ms };
    let sealer = visit.gateway.state.live().sessions.sealer();
    let cookie = carried.set_cookie(&visit.normal.host, &sealer, visit.now_ms).ok_or(Reason::GatewayInternal)?;
    let forgotten = flow.forget().ok_or(Reason::GatewayInternal)?;
    let language = visit.reader.language;
    let layout = Layout::new(language.say("return-title"), language, &visit.snapshot.config.pages);
    let page = Return { layout, flow: &flow.id, to: &flow.return_to }.document().response(StatusCode::OK);
    Ok(with_cookie(with_cookie(page, cookie), forgotten))
}

fn code(visit: &Visit<'_>, flow: &Flow) -> Result<Code, Box<Refused>> {
    let sealed = visit.query("code").ok_or_else(|| invalid("no `code`"))?;
    let sealer = visit.gateway.state.live().sessions.sealer();
    let code: Code =
        sealer.open(Purpose::Code, &visit.normal.host, &sealed).map_err(|why| invalid(&format!("the code: {why}")))?;
    if code.flow != flow.id {
        return Err(invalid("the code is of another login"));
    }
    if visit.now_ms.saturating_sub(code.issued_at_ms) > CODE_MS {
        return Err(invalid("the code is too old"));
    }
    if flow.binding != visit.binding || code.binding != visit.binding {
        return Err(invalid("the login was begun on another device"));
    }
    Ok(code)
}

fn invalid(why: &str) -> Box<Refused> {
    Box::new(Refused::because(Reason::LoginCodeInvalid, why))
}
