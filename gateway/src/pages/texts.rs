//! The texts of pages, out of the translation files in `gateway/i18n/` (Project Fluent).
//!
//! They are compiled in and read once. To look one up costs two hash tables; what has no placeables is borrowed.

use std::borrow::Cow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};

use super::Language;

type Bundle = FluentBundle<FluentResource>;

static VIETNAMESE: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::Vietnamese, include_str!("../../i18n/vi.ftl")));
static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::English, include_str!("../../i18n/en.ftl")));

impl Language {
    /// The text of `message` or `message.attribute`.
    pub fn say(self, key: &str) -> Cow<'static, str> {
        self.look_up(key, None)
    }

    /// The same of a text with placeables.
    pub fn say_with(self, key: &str, args: &FluentArgs<'_>) -> Cow<'static, str> {
        self.look_up(key, Some(args))
    }

    /// A key that is in no file stands for itself; tests see to it that there is none.
    fn look_up(self, key: &str, args: Option<&FluentArgs<'_>>) -> Cow<'static, str> {
        self.pattern_of(key, args).unwrap_or_else(|| Cow::Owned(key.to_owned()))
    }

    fn pattern_of(self, key: &str, args: Option<&FluentArgs<'_>>) -> Option<Cow<'static, str>> {
        let bundle = self.bundle();
        let pattern = match key.split_once('.') {
            Some((id, attribute)) => bundle.get_message(id)?.get_attribute(attribute)?.value(),
            None => bundle.get_message(key)?.value()?,
        };
        // What cannot be put in stands as its own name; nothing is to be done about it here.
        Some(bundle.format_pattern(pattern, args, &mut Vec::new()))
    }

    fn bundle(self) -> &'static Bundle {
        match self {
            Self::Vietnamese => &VIETNAMESE,
            Self::English => &ENGLISH,
        }
    }
}

/// The bundle of a file. What cannot be parsed is left out; tests see to it that all can.
fn bundle(language: Language, source: &str) -> Bundle {
    let mut bundle = Bundle::new_concurrent(language.tag().parse().into_iter().collect());
    // Isolation marks are for texts that mix directions of writing. Neither language does.
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(partial, _)| partial);
    bundle.add_resource_overriding(resource);
    bundle
}

#[cfg(test)]
mod tests;
