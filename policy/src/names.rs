//! The names that our schema gives to things, and the entities called by them.

use std::collections::HashSet;

use cedar_policy::{EntityId, EntityTypeName, EntityUid, ParseErrors};
use cedar_policy_core::ast::{Entity, EntityUID};

use crate::question::{Principal, PrincipalKind};

/// The entity types of the schema, parsed once.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) user: EntityTypeName,
    pub(crate) workload: EntityTypeName,
    pub(crate) device: EntityTypeName,
    pub(crate) app: EntityTypeName,
    group: EntityTypeName,
    app_group: EntityTypeName,
}

impl Names {
    pub(crate) fn new() -> Result<Self, Box<ParseErrors>> {
        let parse = |name: &str| name.parse().map_err(Box::new);
        Ok(Self {
            user: parse("User")?,
            workload: parse("Workload")?,
            device: parse("Device")?,
            app: parse("App")?,
            group: parse("Group")?,
            app_group: parse("AppGroup")?,
        })
    }

    pub(crate) fn principal(&self, principal: &Principal<'_>) -> EntityUid {
        match principal.kind {
            PrincipalKind::User => uid(&self.user, principal.id),
            PrincipalKind::Workload => uid(&self.workload, principal.id),
            PrincipalKind::Device => uid(&self.device, principal.id),
        }
    }

    /// The principal as Cedar sees it: no attributes, a member of its groups.
    pub(crate) fn principal_entity(&self, principal: &Principal<'_>) -> Entity {
        let groups: HashSet<EntityUID> =
            principal.groups.iter().map(|group| uid(&self.group, group).as_ref().clone()).collect();
        let uid = self.principal(principal).as_ref().clone();
        Entity::new_with_attr_partial_value(uid, [], HashSet::new(), groups, [])
    }

    pub(crate) fn app(&self, name: &str) -> EntityUid {
        uid(&self.app, name)
    }

    pub(crate) fn app_group(&self, name: &str) -> EntityUid {
        uid(&self.app_group, name)
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}
