//! The names that a configuration knows: what policies can speak of, and what a misspelt name is measured against.

use std::sync::Arc;

use crate::question::PrincipalKind;

/// What the configuration says of the world that policies are written for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vocabulary<'a> {
    /// The apps. Their names are unique.
    pub apps: &'a [AppScope<'a>],
    /// The actions beyond `read` and `write`.
    pub actions: &'a [&'a str],
    /// Whether devices can ask too, as principals of their own that are in no group: for `actions` only, never to read or
    /// write.
    pub devices: bool,
    /// The groups that principals can be in; `None` where groups come from a source that cannot be listed, so that any
    /// name may be right.
    pub groups: Option<&'a [&'a str]>,
    /// The trust domains of client certificates; `None` where they are not known.
    pub trust_domains: Option<&'a [&'a str]>,
    /// The scale of sensitivities, the least first; empty where any word may be one.
    pub sensitivities: &'a [&'a str],
}

impl Vocabulary<'_> {
    /// The entity types of those who can ask for `actions`.
    pub(crate) fn principal_types(&self) -> impl Iterator<Item = &'static str> {
        let devices = self.devices;
        let kinds = PrincipalKind::ALL.into_iter().filter(move |kind| devices || *kind != PrincipalKind::Device);
        kinds.map(PrincipalKind::entity_type)
    }
}

/// What policy knows of an app beside its name.
#[derive(Debug, Clone, Copy)]
pub struct AppScope<'a> {
    /// The name: `App::"name"` in Cedar.
    pub name: &'a str,
    /// The groups that it is a member of: `AppGroup::"…"` in Cedar.
    pub groups: &'a [Arc<str>],
    /// Who answers for it.
    pub owner: Option<&'a str>,
    /// How sensitive it is, in the operator's own scale.
    pub sensitivity: &'a str,
}
