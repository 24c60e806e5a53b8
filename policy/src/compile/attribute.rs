//! Lowering of attributes: reading one, and asking whether it is there.

use super::Fault;
use super::entity::Entity;
use super::lower::{Lowered, Lowering, Unsupported};
use super::number::Number;
use super::slot::{Part, Slot};
use super::test::Test;
use super::text::Text;
use super::value::Term;

impl Lowering<'_> {
    pub(super) fn attribute(&self, of: Term, name: &str) -> Lowered<Term> {
        Ok(match of {
            Term::Fails(fault) => Term::Fails(fault),
            Term::Part(part) => part.slot(name).map_or(Term::Fails(Fault::Absent), Term::from),
            Term::Entity(Entity::Known(known)) => match self.world.attribute(&known.uid, name) {
                Some(text) => Term::Text(Text::Constant(text.into())),
                None => Term::Fails(Fault::Absent),
            },
            Term::Entity(Entity::Principal | Entity::Action) => Term::Fails(Fault::Absent),
            // All fields are evaluated, so that leaving any out must not hide an error.
            Term::Record(mut fields) => {
                let field = fields.remove(name);
                if fields.values().any(Term::may_fail) {
                    return Err(Unsupported);
                }
                field.unwrap_or(Term::Fails(Fault::Absent))
            }
            _ => return Err(Unsupported),
        })
    }

    /// Whether the path of attributes leads somewhere from here.
    pub(super) fn has(&self, of: Term, path: &[&str]) -> Lowered<Term> {
        let test = match (of, path) {
            (Term::Fails(fault), _) => return Ok(Term::Fails(fault)),
            (Term::Part(part), path) if part.is_certain => has_slot(part, path)?,
            (Term::Part(part), path) => Test::all([Test::Requires(part), has_slot(part, path)?]),
            (Term::Entity(Entity::Principal | Entity::Action), _) => Test::Always(false),
            (Term::Entity(Entity::Known(known)), [name]) => {
                Test::Always(self.world.attribute(&known.uid, name).is_some())
            }
            (Term::Record(fields), [name]) if !fields.values().any(Term::may_fail) => {
                Test::Always(fields.contains_key(*name))
            }
            _ => return Err(Unsupported),
        };
        Ok(Term::Test(test))
    }
}

/// Whether the path leads to a slot that is present. The last slot says so for those before it.
fn has_slot(part: &Part, path: &[&str]) -> Lowered<Test> {
    let Some((name, rest)) = path.split_first() else { return Err(Unsupported) };
    match (part.slot(name), rest) {
        (None, _) => Ok(Test::Always(false)),
        (Some(slot), []) => Ok(Test::Has(slot)),
        (Some(Slot::Part(inner)), rest) => has_slot(inner, rest),
        (Some(_), _) => Err(Unsupported),
    }
}

impl From<Slot> for Term {
    fn from(slot: Slot) -> Self {
        match slot {
            Slot::Flag(read) => Self::Test(Test::Flag(read)),
            Slot::Number(unit, read) => Self::Number(unit, Number::Slot(read)),
            Slot::Text(read) => Self::Text(Text::Slot(read)),
            Slot::Address(read) => Self::Address(super::address::Address::Slot(read)),
            Slot::Part(part) => Self::Part(part),
        }
    }
}
