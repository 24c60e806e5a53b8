//! Entities: who asks, what is done, and what policies call by name.
//!
//! Their hierarchy is flat: a principal is in its groups, an app in its app groups, an action in the actions above it.
//! Nothing else is in anything.

use std::sync::Arc;

use cedar_policy::pst::{EntityType, EntityUID};

use super::{Asked, Fault, If};
use crate::question::{Principal, PrincipalKind};

#[derive(Debug)]
pub(crate) enum Entity {
    Principal,
    Action,
    Known(Arc<Known>),
    If(Box<If<Entity>>),
}

/// An entity that the policies or the configuration name.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) uid: Uid,
    /// Everything that it is in.
    pub(crate) ancestors: Box<[Uid]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Uid {
    pub(crate) kind: Kind,
    pub(crate) id: Box<str>,
}

/// A type of entities.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    User,
    Workload,
    Device,
    Group,
    App,
    AppGroup,
    Action,
    /// A type of a schema extension, by its full name.
    Other(Box<str>),
}

/// An entity while a question is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolved<'a> {
    pub(crate) kind: &'a Kind,
    pub(crate) id: &'a str,
    ancestors: &'a [Uid],
}

impl Entity {
    pub(crate) fn resolve<'a>(&'a self, asked: &Asked<'a>) -> Result<Resolved<'a>, Fault> {
        match self {
            Self::Principal => Ok(Resolved::principal(&asked.question.principal)),
            Self::Action => Ok(Resolved::known(asked.action)),
            Self::Known(known) => Ok(Resolved::known(known)),
            Self::If(branches) => branches.branch(asked)?.resolve(asked),
        }
    }

    pub(crate) fn may_fail(&self) -> bool {
        matches!(self, Self::If(_))
    }
}

impl<'a> Resolved<'a> {
    fn principal(principal: &Principal<'a>) -> Self {
        Self { kind: Kind::of_principal(principal.kind), id: principal.id, ancestors: &[] }
    }

    fn known(known: &'a Known) -> Self {
        Self { kind: &known.uid.kind, id: &known.uid.id, ancestors: &known.ancestors }
    }

    pub(crate) fn is(self, other: Self) -> bool {
        self.kind == other.kind && self.id == other.id
    }

    /// Whether this is the other or in it.
    pub(crate) fn is_in(self, other: Self, principal: &Principal<'_>) -> bool {
        self.is(other)
            || self.ancestors.iter().any(|uid| uid.kind == *other.kind && *uid.id == *other.id)
            || (*other.kind == Kind::Group && self.is(Resolved::principal(principal)) && is_member(principal, other.id))
    }
}

pub(crate) fn is_member(principal: &Principal<'_>, group: &str) -> bool {
    principal.groups.iter().any(|name| **name == *group)
}

impl Known {
    /// Whether this is the other or in it, whoever asks.
    pub(crate) fn is_in(&self, other: &Uid) -> bool {
        self.uid == *other || self.ancestors.contains(other)
    }
}

impl Uid {
    pub(crate) fn of(uid: &EntityUID) -> Self {
        Self { kind: Kind::of(&uid.ty), id: uid.eid.as_str().into() }
    }
}

impl Kind {
    pub(crate) fn of(kind: &EntityType) -> Self {
        match kind.0.namespace.is_empty() {
            true => Self::named(kind.0.id.as_str()),
            false => Self::named(&kind.to_string()),
        }
    }

    pub(crate) fn named(name: &str) -> Self {
        match name {
            "User" => Self::User,
            "Workload" => Self::Workload,
            "Device" => Self::Device,
            "Group" => Self::Group,
            "App" => Self::App,
            "AppGroup" => Self::AppGroup,
            "Action" => Self::Action,
            other => Self::Other(other.into()),
        }
    }

    fn of_principal(kind: PrincipalKind) -> &'static Self {
        match kind {
            PrincipalKind::User => &Self::User,
            PrincipalKind::Workload => &Self::Workload,
            PrincipalKind::Device => &Self::Device,
        }
    }

    /// The kind of principals that are of this type.
    pub(crate) fn principal_kind(&self) -> Option<PrincipalKind> {
        match self {
            Self::User => Some(PrincipalKind::User),
            Self::Workload => Some(PrincipalKind::Workload),
            Self::Device => Some(PrincipalKind::Device),
            _ => None,
        }
    }
}
