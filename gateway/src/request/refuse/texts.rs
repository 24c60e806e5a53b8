//! What refusals say of reasons and remedies. The words are in the translation files, `gateway/i18n/`.

use std::borrow::Cow;

use fluent_bundle::FluentArgs;
use gaccong_policy::Remedy;

use super::Language;
use crate::reason::Reason;

/// What a refusal says of a reason, to the person who is refused.
pub(super) struct Text {
    /// What happened, in a few words.
    pub(super) title: Cow<'static, str>,
    /// Why, in plain words.
    pub(super) detail: Cow<'static, str>,
    /// What the person can do now.
    pub(super) advice: Cow<'static, str>,
}

/// The text of a reason.
pub(super) fn text(reason: Reason, language: Language) -> Text {
    let message = format!("reason-{}", reason.code().replace('.', "-"));
    let part = |attribute: &str| language.say(&format!("{message}.{attribute}"));
    Text { title: part("title"), detail: part("detail"), advice: part("advice") }
}

/// What to do, in one or two sentences.
pub(crate) fn remedy(remedy: Remedy, language: Language) -> Cow<'static, str> {
    let message = match remedy {
        Remedy::Managed => "remedy-managed",
        Remedy::Reported => "remedy-reported",
        Remedy::DiskEncrypted => "remedy-disk_encrypted",
        Remedy::Firewall => "remedy-firewall",
        Remedy::ScreenLock => "remedy-screen_lock",
        Remedy::SecureBoot => "remedy-secure_boot",
        Remedy::EdrRunning => "remedy-edr_running",
        Remedy::PatchAgeDays { actual, max } => {
            let args = FluentArgs::from_iter([("actual", actual), ("max", max)]);
            return language.say_with("remedy-patch_age_days", &args);
        }
        Remedy::OsVersion => "remedy-os_version",
        Remedy::Compliant => "remedy-compliant",
        Remedy::AuthAgeS { .. } => "remedy-auth_age_s",
        Remedy::Acr => "remedy-acr",
    };
    language.say(message)
}
