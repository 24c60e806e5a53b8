//! `POST /v1/sources/{name}/release`: a person has looked, and lets a held source go on.

use std::sync::Arc;

use gaccong_policy::PrincipalKind;
use http::StatusCode;

use super::super::{Answer, Asking};
use crate::config::PostureSource;
use crate::state::Change;

pub(in crate::control) async fn release(asking: &Asking<'_>) -> Answer {
    let Some(name) = asking.target() else { return Answer::problem(StatusCode::BAD_REQUEST, "no source is named") };
    if asking.live.asked.principal.kind != PrincipalKind::User {
        return Answer::known_problem(StatusCode::FORBIDDEN, "source.person", "only a person can release a source");
    }
    let Some(hold) = asking.gateway.state.live().holds.get(&name) else {
        return Answer::problem(StatusCode::NOT_FOUND, format!("the source `{name}` is not held"));
    };
    if let Err(answer) = asking.change(Change::Release { source: Arc::clone(&name), by: asking.by() }).await {
        return answer;
    }
    tracing::warn!(source = %name, by = %asking.by(), cause = %hold.cause, "a source of posture is released");
    let settings = &asking.gateway.snapshot.load().config.posture;
    match settings.source(&name) {
        Some(source) => asking.gateway.sources.release(source),
        None => asking.gateway.sources.release(&PostureSource::of_stream(&name)),
    }
    Answer::done()
}
