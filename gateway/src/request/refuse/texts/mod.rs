//! What refusals say, one file per language. A reason without a text does not compile.

mod en;
mod vi;

use std::borrow::Cow;

use gaccong_policy::Remedy;

use super::Language;
use crate::reason::Reason;

/// What a refusal says of a reason, to the person who is refused.
pub(super) struct Text {
    /// What happened, in a few words.
    pub(super) title: &'static str,
    /// Why, in plain words.
    pub(super) detail: &'static str,
    /// What the person can do now.
    pub(super) advice: &'static str,
}

impl Text {
    const fn new(title: &'static str, detail: &'static str, advice: &'static str) -> Self {
        Self { title, detail, advice }
    }
}

/// The words of the page that are the same for every reason.
pub(super) struct Labels {
    /// Heading of the detail.
    pub(super) why: &'static str,
    /// Heading of the advice.
    pub(super) what_now: &'static str,
    /// Heading of whom to ask.
    pub(super) help: &'static str,
    /// Whom to ask, and to quote the request's id, which follows.
    pub(super) whom_to_ask: &'static str,
    /// Detail, in place of the reason's, of a refusal that the person can mend.
    pub(super) mendable: &'static str,
    /// Advice, in place of the reason's, before the remedies.
    pub(super) mend: &'static str,
}

/// The text of a reason.
pub(super) fn text(reason: Reason, language: Language) -> Text {
    match language {
        Language::Vietnamese => vi::text(reason),
        Language::English => en::text(reason),
    }
}

/// What to do, in one or two sentences.
pub(super) fn remedy(remedy: Remedy, language: Language) -> Cow<'static, str> {
    match language {
        Language::Vietnamese => vi::remedy(remedy),
        Language::English => en::remedy(remedy),
    }
}

/// The labels of the page.
pub(super) fn labels(language: Language) -> &'static Labels {
    match language {
        Language::Vietnamese => &vi::LABELS,
        Language::English => &en::LABELS,
    }
}
