//! What is certain at load: the apps, and the actions with what is above them.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{Entities, EntityUid};

use super::entity::{Kind, Known, Uid};
use crate::vocabulary::AppScope;

/// The entities that the configuration and the schema know.
#[derive(Debug)]
pub(crate) struct World<'a> {
    entities: HashMap<Uid, Arc<Known>>,
    apps: HashMap<&'a str, &'a AppScope<'a>>,
    /// The actions that a question may be about.
    pub(crate) actions: Vec<Arc<Known>>,
}

impl<'a> World<'a> {
    /// `actions` are those in a hierarchy.
    pub(crate) fn new(apps: &'a [AppScope<'a>], actions: &Entities) -> Self {
        let known_actions = actions.iter().map(|action| {
            let above = actions.ancestors(&action.uid()).into_iter().flatten();
            Known { uid: uid(&action.uid()), ancestors: above.map(uid).collect() }
        });
        let known_apps = apps.iter().map(|app| Known {
            uid: Uid { kind: Kind::App, id: app.name.into() },
            ancestors: app.groups.iter().map(|group| Uid { kind: Kind::AppGroup, id: (**group).into() }).collect(),
        });
        let entities = known_actions.chain(known_apps).map(|known| (known.uid.clone(), Arc::new(known))).collect();
        Self { entities, apps: apps.iter().map(|app| (app.name, app)).collect(), actions: Vec::new() }
    }

    /// Adds an action that a question may be about, and gives its place among them.
    pub(crate) fn add_action(&mut self, name: &str) -> (usize, Arc<Known>) {
        let known = self.known(Uid { kind: Kind::Action, id: name.into() });
        self.actions.push(Arc::clone(&known));
        (self.actions.len().saturating_sub(1), known)
    }

    /// The entity of this name, with all that it is in. One that nobody knows is in nothing.
    pub(crate) fn known(&self, uid: Uid) -> Arc<Known> {
        match self.entities.get(&uid) {
            Some(known) => Arc::clone(known),
            None => Arc::new(Known { uid, ancestors: Box::default() }),
        }
    }

    pub(crate) fn app(&self, name: &str) -> Arc<Known> {
        self.known(Uid { kind: Kind::App, id: name.into() })
    }

    /// The attribute of an entity. Only apps have any.
    pub(crate) fn attribute(&self, uid: &Uid, name: &str) -> Option<&'a str> {
        if uid.kind != Kind::App {
            return None;
        }
        let app = self.apps.get(&*uid.id)?;
        match name {
            "owner" => app.owner,
            "sensitivity" => Some(app.sensitivity),
            _ => None,
        }
    }
}

fn uid(uid: &EntityUid) -> Uid {
    Uid { kind: Kind::named(&uid.type_name().to_string()), id: uid.id().unescaped().into() }
}
