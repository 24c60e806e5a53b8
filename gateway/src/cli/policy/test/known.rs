//! The names that a case may use, because configuration and policies know them.

use std::sync::Arc;

use gaccong_policy::{PolicyId, Vocabulary};

use crate::config::App;
use crate::config::diagnostic::{one_of, suggestion};
use crate::config::reader::Text;

/// Names of apps, groups, trust domains and policies. What is `None` cannot be listed, so that any name may be right.
pub(super) struct Known<'a> {
    pub(super) apps: &'a [Arc<App>],
    pub(super) vocabulary: Vocabulary<'a>,
    pub(super) policies: Option<&'a [PolicyId]>,
}

impl<'a> Known<'a> {
    /// The app of this name; an error where there is none.
    pub(super) fn app(&self, name: &Text<'_>) -> Option<&'a App> {
        let names = || self.apps.iter().map(|app| &*app.name);
        is_one_of(name, "app", names)
            .then(|| self.apps.iter().find(|app| *app.name == **name))
            .flatten()
            .map(|app| &**app)
    }

    pub(super) fn is_group(&self, name: &Text<'_>) -> bool {
        self.vocabulary.groups.is_none_or(|groups| is_one_of(name, "group", || groups.iter().copied()))
    }

    pub(super) fn is_trust_domain(&self, name: &Text<'_>) -> bool {
        let domains = self.vocabulary.trust_domains;
        domains.is_none_or(|domains| is_one_of(name, "trust domain", || domains.iter().copied()))
    }

    pub(super) fn is_policy(&self, name: &Text<'_>) -> bool {
        self.policies.is_none_or(|ids| {
            let unknown = || {
                let hint = suggestion(name, ids.iter().map(|id| &**id));
                name.spot.error(format!("unknown policy `{}`{hint}", &**name), "the `@id` of a policy");
            };
            let found = ids.iter().any(|id| **id == **name);
            if !found {
                unknown();
            }
            found
        })
    }
}

/// Whether `name` is known; an error where it is not.
fn is_one_of<'k, I: Iterator<Item = &'k str>>(name: &Text<'_>, what: &str, known: impl Fn() -> I) -> bool {
    let found = known().any(|known| known == &**name);
    if !found {
        let hint = suggestion(name, known());
        name.spot.error(format!("unknown {what} `{}`{hint}", &**name), one_of(known()));
    }
    found
}
