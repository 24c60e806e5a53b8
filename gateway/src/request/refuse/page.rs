//! A refusal for people.

use std::borrow::Cow;

use super::{Message, Refusal};
use crate::config::Pages;
use crate::pages::login::{GoToLogin, How};
use crate::pages::{Document, Language, Layout, Page, refusal};
use crate::reason::Reason;

/// Where a person sees the state of the device, on every host with an app.
const STATUS_PATH: &str = "/.gaccong/status";

/// The page: on to the login where that is all it takes, else what was refused and why.
pub(super) fn document(refusal: &Refusal, message: Message<'_>, language: Language, pages: &Pages) -> Document {
    let mut layout = Layout::new(message.title, language, pages);
    layout.back = refusal.path.as_deref().filter(|_| refusal.has_own_pages).map(Cow::Borrowed);
    match &refusal.login {
        Some(login) if login.how == How::Automatic => {
            GoToLogin { layout, detail: message.detail.text, login: login.clone() }.document()
        }
        login => refusal::Refusal {
            layout,
            place: refusal.place.as_deref().map(Cow::Borrowed),
            detail: message.detail,
            advice: message.advice,
            remedies: message.remedies.into_iter().map(|(_, text)| text).collect(),
            login: login.clone(),
            try_again: is_of_a_login(refusal.reason).then_some("/"),
            status_page: refusal.has_own_pages.then_some(STATUS_PATH),
            certificate_choice: is_about_the_choice(refusal.reason),
            request_id: Some(refusal.request_id.to_string().into()),
            code: refusal.reason.code(),
            status: refusal.reason.status().as_u16(),
        }
        .document(),
    }
}

/// Whether a login did not end well, and may end better another time.
fn is_of_a_login(reason: Reason) -> bool {
    reason.code().starts_with("login.")
}

/// Whether another certificate of the same browser might do.
const fn is_about_the_choice(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::CertificateAbsent
            | Reason::CertificateExpired
            | Reason::CertificateUntrusted
            | Reason::CertificateWrongUsage
            | Reason::CertificateUnnamed
            | Reason::DeviceAbsent
            | Reason::PrincipalAbsent
            | Reason::SessionPrincipalMismatch
    )
}
