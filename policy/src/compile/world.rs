//! What is certain at load: the apps, and the actions with what is above them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{Entities, EntityUid};
use smallvec::SmallVec;

use super::entity::{Kind, Known, Uid};
use crate::question::Principal;
use crate::vocabulary::AppScope;

/// The entities that the configuration and the schema know.
#[derive(Debug)]
pub(crate) struct World<'a> {
    entities: HashMap<Uid, Arc<Known>>,
    apps: HashMap<&'a str, &'a AppScope<'a>>,
    /// The actions that a question may be about.
    pub(crate) actions: Vec<Arc<Known>>,
    groups: RefCell<Groups>,
}

/// The groups that policies name, by number: to compare numbers is cheaper than to compare names.
#[derive(Debug, Default)]
pub(crate) struct Groups(foldhash::HashMap<Box<str>, u32>);

/// The numbers of the groups that a principal is in, as far as policies name them.
pub(crate) type Memberships = SmallVec<[u32; 16]>;

impl Groups {
    fn number(&mut self, name: &str) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(name.into()).or_insert(next)
    }

    pub(crate) fn of(&self, principal: &Principal<'_>) -> Memberships {
        principal.groups.iter().filter_map(|name| self.0.get(&**name).copied()).collect()
    }
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
        Self {
            entities,
            apps: apps.iter().map(|app| (app.name, app)).collect(),
            actions: Vec::new(),
            groups: RefCell::default(),
        }
    }

    /// Adds an action that a question may be about, and gives its place among them.
    pub(crate) fn add_action(&mut self, name: &str) -> (usize, Arc<Known>) {
        let known = self.known(Uid { kind: Kind::Action, id: name.into() });
        self.actions.push(Arc::clone(&known));
        (self.actions.len().saturating_sub(1), known)
    }

    /// The number of a group that a policy names.
    pub(crate) fn group(&self, name: &str) -> u32 {
        self.groups.borrow_mut().number(name)
    }

    /// All groups that were asked for.
    pub(crate) fn into_groups(self) -> Groups {
        self.groups.into_inner()
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
