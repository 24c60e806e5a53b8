//! `/.gaccong/language`: the language of the person's choice, kept in a cookie of the host.

use super::{Answer, Visit, is_local, see_other, with_cookie};
use crate::pages::Language;
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::request::refuse::LANGUAGE_COOKIE;
use crate::session::Cookie;

/// How long a choice is kept: a year.
const MAX_AGE_S: i64 = 365 * 86_400;

/// Keeps the language that `set` names, and goes back to `to`, a path of this host. All that another site could do with
/// it is to change a person's language.
pub fn choose(visit: &Visit<'_>) -> Answer {
    let set = visit.query("set").unwrap_or_default();
    let chosen = Language::ALL.into_iter().find(|language| language.tag() == set);
    let chosen = chosen.ok_or_else(|| Refused::because(Reason::RequestMalformed, "`set` is not a language"))?;
    let to = visit.query("to").filter(|to| is_local(to)).unwrap_or_else(|| "/".to_owned());
    let cookie = Cookie { name: LANGUAGE_COOKIE, path: "/" }.set(chosen.tag(), MAX_AGE_S);
    Ok(with_cookie(see_other(&to)?, cookie.ok_or(Reason::GatewayInternal)?))
}
