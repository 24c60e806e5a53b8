//! `/.gaccong/language`: the language of the person's choice, kept in a cookie of the host.

use http::HeaderValue;

use super::{Answer, Visit, is_local, see_other, with_cookie};
use crate::pages::Language;
use crate::reason::Reason;
use crate::request::decide::Refused;
use crate::request::refuse::LANGUAGE_COOKIE;

/// How long a choice is kept: a year.
const MAX_AGE_S: u32 = 365 * 86_400;

/// Keeps the language that `set` names, and goes back to `to`, a path of this host. All that another site could do with
/// it is to change a person's language.
pub fn choose(visit: &Visit<'_>) -> Answer {
    let set = visit.query("set").unwrap_or_default();
    let chosen = Language::ALL.into_iter().find(|language| language.tag() == set);
    let chosen = chosen.ok_or_else(|| Refused::because(Reason::RequestMalformed, "`set` is not a language"))?;
    let to = visit.query("to").filter(|to| is_local(to)).unwrap_or_else(|| "/".to_owned());
    Ok(with_cookie(see_other(&to)?, cookie(chosen)))
}

fn cookie(language: Language) -> HeaderValue {
    let attributes = format!("Path=/; Max-Age={MAX_AGE_S}; Secure; HttpOnly; SameSite=Lax");
    let cookie = format!("{LANGUAGE_COOKIE}={}; {attributes}", language.tag());
    HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static(""))
}
