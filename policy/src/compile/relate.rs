//! Lowering of what relates two terms, with what is certain computed.

use std::sync::Arc;

use super::entity::{Entity, Kind, Known, Uid};
use super::lower::{Lowered, Lowering, Unsupported};
use super::number::{Comparison, Number};
use super::relation::Relation;
use super::test::Test;
use super::text::{Pattern, Text};
use super::value::Term;
use super::world::World;
use crate::question::PrincipalKind;

impl Test {
    pub(super) fn compare(left: Number, comparison: Comparison, right: Number) -> Self {
        match (left, right) {
            (Number::Fails(fault), _) | (_, Number::Fails(fault)) => Self::Fails(fault),
            (Number::Constant(left), Number::Constant(right)) => Self::Always(comparison.holds(left, right)),
            (Number::Slot(read), Number::Constant(value)) => Self::NumberIs(read, comparison, value),
            (Number::Constant(value), Number::Slot(read)) => Self::NumberIs(read, comparison.mirrored(), value),
            (left, right) => Relation::Compare(left, comparison, right).into(),
        }
    }

    pub(super) fn like(text: Text, pattern: Pattern) -> Self {
        match text {
            Text::Constant(text) => Self::Always(pattern.matches(&text)),
            text => Relation::Like(text, pattern).into(),
        }
    }

    fn same_text(left: Text, right: Text) -> Self {
        match (left, right) {
            (Text::Constant(left), Text::Constant(right)) => Self::Always(left == right),
            (Text::Slot(read), Text::Constant(text)) | (Text::Constant(text), Text::Slot(read)) => {
                Self::TextIs(read, text)
            }
            (left, right) => Relation::SameText(left, right).into(),
        }
    }

    fn same_test(left: Self, right: Self) -> Self {
        match (left, right) {
            (Self::Always(true), test) | (test, Self::Always(true)) => test,
            (Self::Always(false), test) | (test, Self::Always(false)) => Self::not(test),
            (left, right) => Relation::SameTest(left, right).into(),
        }
    }

    /// The principal is one of these.
    fn principal<'a>(uids: impl Iterator<Item = &'a Uid> + Clone) -> Self {
        Self::any(PrincipalKind::ALL.map(|kind| {
            let mut ids: Vec<_> =
                uids.clone().filter(|uid| uid.kind.principal_kind() == Some(kind)).map(|uid| uid.id.clone()).collect();
            ids.sort_unstable();
            if ids.is_empty() { Self::Always(false) } else { Self::Principal(kind, ids.into()) }
        }))
    }

    /// The principal is in one of these groups.
    fn member<'a>(uids: impl Iterator<Item = &'a Uid>, world: &World<'_>) -> Self {
        Self::any(uids.filter(|uid| uid.kind == Kind::Group).map(|uid| Self::Member(world.group(&uid.id))))
    }
}

impl Lowering<'_> {
    pub(super) fn same(&self, left: Term, right: Term) -> Lowered<Test> {
        Ok(match (left, right) {
            (Term::Test(left), Term::Test(right)) => Test::same_test(left, right),
            (Term::Number(unit, left), Term::Number(other, right)) if unit == other => {
                Test::compare(left, Comparison::Equal, right)
            }
            (Term::Text(left), Term::Text(right)) => Test::same_text(left, right),
            (Term::Address(left), Term::Address(right)) => Relation::SameAddress(left, right).into(),
            (Term::Entity(left), Term::Entity(right)) => self.same_entity(left, right),
            (
                left @ (Term::Set(_) | Term::Record(_) | Term::Part(_) | Term::If(_)),
                right @ (Term::Set(_) | Term::Record(_) | Term::Part(_) | Term::If(_)),
            ) => Relation::SameValue(left, right).into(),
            _ => return Err(Unsupported),
        })
    }

    pub(super) fn same_entity(&self, left: Entity, right: Entity) -> Test {
        match (left, right) {
            (Entity::Principal, Entity::Principal) | (Entity::Action, Entity::Action) => Test::Always(true),
            (Entity::Principal, Entity::Action) | (Entity::Action, Entity::Principal) => Test::Always(false),
            (Entity::Known(left), Entity::Known(right)) => Test::Always(left.uid == right.uid),
            (Entity::Principal, Entity::Known(known)) | (Entity::Known(known), Entity::Principal) => {
                Test::principal([&known.uid].into_iter())
            }
            (Entity::Action, Entity::Known(known)) | (Entity::Known(known), Entity::Action) => {
                self.action(|action| action.uid == known.uid)
            }
            (left, right) => Relation::SameEntity(left, right).into(),
        }
    }

    pub(super) fn is(entity: Entity, kind: Kind) -> Test {
        match entity {
            Entity::Principal => kind.principal_kind().map_or(Test::Always(false), Test::PrincipalKind),
            Entity::Action => Test::Always(kind == Kind::Action),
            Entity::Known(known) => Test::Always(known.uid.kind == kind),
            entity => Relation::Is(entity, kind).into(),
        }
    }

    /// Whether an entity is one of these or in one of them.
    pub(super) fn is_in(&self, entity: Entity, ancestors: Vec<Entity>) -> Test {
        let Some(known) = all_known(&ancestors) else {
            return Relation::IsIn(entity, ancestors.into()).into();
        };
        let uids = || known.iter().map(|known| &known.uid);
        match entity {
            Entity::Principal => Test::any([Test::principal(uids()), Test::member(uids(), self.world)]),
            Entity::Action => self.action(|action| uids().any(|uid| action.is_in(uid))),
            Entity::Known(known) if uids().any(|uid| known.is_in(uid)) => Test::Always(true),
            // It is in groups only where it is the one who asks.
            Entity::Known(known) => {
                Test::all([Test::principal([&known.uid].into_iter()), Test::member(uids(), self.world)])
            }
            entity => Relation::IsIn(entity, ancestors.into()).into(),
        }
    }

    pub(super) fn contains(&self, set: Term, element: Term) -> Test {
        match (set, element) {
            (Term::Set(elements), Term::Text(text)) if elements.iter().all(is_constant_text) => {
                let mut texts: Vec<_> = elements.into_iter().filter_map(constant_text).collect();
                texts.sort_unstable();
                Relation::TextIn(text, texts.into()).into()
            }
            (Term::Set(elements), Term::Entity(Entity::Principal)) if elements.iter().all(is_known_entity) => {
                let uids: Vec<_> = elements.into_iter().filter_map(known_entity).collect();
                Test::principal(uids.iter().map(|known| &known.uid))
            }
            (set, element) => Relation::Contains(set, element).into(),
        }
    }

    /// The action is one of those that `is_one` picks out.
    fn action(&self, is_one: impl Fn(&Known) -> bool) -> Test {
        let actions = &self.world.actions;
        let picked: Vec<_> =
            actions.iter().enumerate().filter(|(_, action)| is_one(action)).map(|(index, _)| index).collect();
        match picked.len() {
            0 => Test::Always(false),
            all if all == actions.len() => Test::Always(true),
            _ => Test::Action(picked.into()),
        }
    }
}

/// The entities, if all of them are certain.
fn all_known(entities: &[Entity]) -> Option<Vec<Arc<Known>>> {
    let known = |entity: &Entity| match entity {
        Entity::Known(known) => Some(Arc::clone(known)),
        _ => None,
    };
    entities.iter().map(known).collect()
}

fn is_known_entity(term: &Term) -> bool {
    matches!(term, Term::Entity(Entity::Known(_)))
}

fn known_entity(term: Term) -> Option<Arc<Known>> {
    match term {
        Term::Entity(Entity::Known(known)) => Some(known),
        _ => None,
    }
}

fn is_constant_text(term: &Term) -> bool {
    matches!(term, Term::Text(Text::Constant(_)))
}

fn constant_text(term: Term) -> Option<Box<str>> {
    match term {
        Term::Text(Text::Constant(text)) => Some(text),
        _ => None,
    }
}
