//! Lowering: from Cedar's syntax tree to tests and terms, for one app.
//!
//! Strict validation leaves operands of a wrong type only where evaluation never comes. They are not supported, as is
//! whatever is too rare to be worth its code.

use std::sync::Arc;

use cedar_policy::pst::{
    ActionConstraint, BinaryOp, Clause, EntityOrSlot, EntityUID, Expr, Literal, PrincipalConstraint,
    ResourceConstraint, Template, UnaryOp, Var,
};

use super::If;
use super::address::{Address, Property};
use super::entity::{Entity, Kind, Known, Uid};
use super::literal::constructed;
use super::number::{Comparison, Number, Operator, Step, Unit};
use super::relation::Relation;
use super::slot::CONTEXT;
use super::test::Test;
use super::text::{Pattern, Text};
use super::value::Term;
use super::world::World;

/// A construct that is not known here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unsupported;

pub(super) type Lowered<T> = Result<T, Unsupported>;

/// What a policy asks when the resource is this app: the policy is satisfied where the test holds.
pub(crate) fn compile(policy: &Template, app: &Arc<Known>, world: &World<'_>) -> Lowered<Test> {
    let lowering = Lowering { app, world };
    let mut tests = lowering.scope(policy)?;
    for clause in policy.clauses() {
        tests.push(match clause {
            Clause::When(condition) => lowering.test(condition)?,
            Clause::Unless(condition) => Test::not(lowering.test(condition)?),
        });
    }
    Ok(Test::all(tests))
}

/// What is known while a policy is lowered.
pub(super) struct Lowering<'a> {
    app: &'a Arc<Known>,
    pub(super) world: &'a World<'a>,
}

impl Lowering<'_> {
    fn scope(&self, policy: &Template) -> Lowered<Vec<Test>> {
        let resource = Entity::Known(Arc::clone(self.app));
        let (principal_kind, principal_within) = match &policy.principal {
            PrincipalConstraint::Any => (None, None),
            PrincipalConstraint::Eq(uid) => (None, Some(self.same_entity(Entity::Principal, self.filled(uid)?))),
            PrincipalConstraint::In(uid) => (None, Some(self.is_in(Entity::Principal, vec![self.filled(uid)?]))),
            PrincipalConstraint::Is(kind) => (Some(kind), None),
            PrincipalConstraint::IsIn(kind, uid) => {
                (Some(kind), Some(self.is_in(Entity::Principal, vec![self.filled(uid)?])))
            }
        };
        let action = match &policy.action {
            ActionConstraint::Any => None,
            ActionConstraint::Eq(uid) => Some(self.same_entity(Entity::Action, self.known(uid))),
            ActionConstraint::In(uids) => {
                Some(self.is_in(Entity::Action, uids.iter().map(|uid| self.known(uid)).collect()))
            }
        };
        let (resource_kind, resource_within) = match &policy.resource {
            ResourceConstraint::Any => (None, None),
            ResourceConstraint::Eq(uid) => (None, Some(self.same_entity(resource, self.filled(uid)?))),
            ResourceConstraint::In(uid) => (None, Some(self.is_in(resource, vec![self.filled(uid)?]))),
            ResourceConstraint::Is(kind) => (Some(kind), None),
            ResourceConstraint::IsIn(kind, uid) => (Some(kind), Some(self.is_in(resource, vec![self.filled(uid)?]))),
        };
        let is = |kind, entity| Self::is(entity, Kind::of(kind));
        Ok([
            principal_kind.map(|kind| is(kind, Entity::Principal)),
            principal_within,
            action,
            resource_kind.map(|kind| is(kind, Entity::Known(Arc::clone(self.app)))),
            resource_within,
        ]
        .into_iter()
        .flatten()
        .collect())
    }

    fn filled(&self, uid: &EntityOrSlot) -> Lowered<Entity> {
        match uid {
            EntityOrSlot::Entity(uid) => Ok(self.known(uid)),
            EntityOrSlot::Slot(_) => Err(Unsupported),
        }
    }

    fn known(&self, uid: &EntityUID) -> Entity {
        Entity::Known(self.world.known(Uid::of(uid)))
    }

    fn test(&self, expr: &Expr) -> Lowered<Test> {
        match self.term(expr)? {
            Term::Test(test) => Ok(test),
            Term::Fails(fault) => Ok(Test::Fails(fault)),
            _ => Err(Unsupported),
        }
    }

    fn term(&self, expr: &Expr) -> Lowered<Term> {
        Ok(match expr {
            Expr::Literal(literal) => return self.literal(literal),
            Expr::Var(Var::Principal) => Term::Entity(Entity::Principal),
            Expr::Var(Var::Action) => Term::Entity(Entity::Action),
            Expr::Var(Var::Resource) => Term::Entity(Entity::Known(Arc::clone(self.app))),
            Expr::Var(Var::Context) => Term::Part(&CONTEXT),
            Expr::UnaryOp { op, expr } => return self.unary(*op, expr),
            Expr::BinaryOp { op: BinaryOp::And, left, right } => {
                Term::Test(Test::all([self.test(left)?, self.test(right)?]))
            }
            Expr::BinaryOp { op: BinaryOp::Or, left, right } => {
                Term::Test(Test::any([self.test(left)?, self.test(right)?]))
            }
            Expr::BinaryOp { op, left, right } => match (self.term(left)?, self.term(right)?) {
                (Term::Fails(fault), _) | (_, Term::Fails(fault)) => Term::Fails(fault),
                (left, right) => return self.binary(*op, left, right),
            },
            Expr::GetAttr { expr, attr } => return self.attribute(self.term(expr)?, attr),
            Expr::HasAttr { expr, attrs } => {
                let path: Vec<_> = attrs.iter().map(|attr| attr.as_str()).collect();
                return self.has(self.term(expr)?, &path);
            }
            Expr::Like { expr, pattern } => match self.term(expr)? {
                Term::Fails(fault) => Term::Fails(fault),
                Term::Text(text) => Term::Test(Test::like(text, Pattern::new(pattern))),
                _ => return Err(Unsupported),
            },
            Expr::Is { expr, entity_type, in_expr } => {
                let is = self.is_of_kind(expr, Kind::of(entity_type))?;
                let is_in = in_expr.as_ref().map(|ancestor| self.is_within(expr, ancestor)).transpose()?;
                Term::Test(Test::all([Some(is), is_in].into_iter().flatten()))
            }
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                return choice(self.test(cond)?, self.term(then_expr)?, self.term(else_expr)?);
            }
            Expr::Set(elements) => {
                Term::Set(elements.iter().map(|element| self.term(element)).collect::<Lowered<_>>()?)
            }
            Expr::Record(fields) => {
                let fields = fields.iter().map(|(name, field)| Ok((name.as_str().into(), self.term(field)?)));
                Term::Record(fields.collect::<Lowered<_>>()?)
            }
            _ => return Err(Unsupported),
        })
    }

    fn literal(&self, literal: &Literal) -> Lowered<Term> {
        Ok(match literal {
            Literal::Bool(value) => Term::Test(Test::Always(*value)),
            Literal::Long(value) => Term::Number(Unit::Long, Number::Constant(*value)),
            Literal::String(text) => Term::Text(Text::Constant(text.as_str().into())),
            Literal::EntityUID(uid) => Term::Entity(self.known(uid)),
            _ => return Err(Unsupported),
        })
    }

    fn is_of_kind(&self, expr: &Expr, kind: Kind) -> Lowered<Test> {
        match self.term(expr)? {
            Term::Fails(fault) => Ok(Test::Fails(fault)),
            Term::Entity(entity) => Ok(Self::is(entity, kind)),
            _ => Err(Unsupported),
        }
    }

    fn is_within(&self, expr: &Expr, ancestor: &Expr) -> Lowered<Test> {
        match self.binary(BinaryOp::In, self.term(expr)?, self.term(ancestor)?)? {
            Term::Test(test) => Ok(test),
            _ => Err(Unsupported),
        }
    }

    fn unary(&self, op: UnaryOp, operand: &Expr) -> Lowered<Term> {
        if let (UnaryOp::Datetime | UnaryOp::Duration | UnaryOp::Decimal | UnaryOp::Ip, Expr::Literal(literal)) =
            (op, operand)
        {
            return match literal {
                Literal::String(text) => constructed(op, text).ok_or(Unsupported),
                _ => Err(Unsupported),
            };
        }
        let property = |address, property| Term::Test(Relation::Has(address, property).into());
        let number = |unit, number, step| Term::Number(unit, Number::step(number, step));
        Ok(match (op, self.term(operand)?) {
            (_, Term::Fails(fault)) => Term::Fails(fault),
            (UnaryOp::Not, Term::Test(test)) => Term::Test(Test::not(test)),
            (UnaryOp::IsEmpty, set @ (Term::Set(_) | Term::If(_))) => Term::Test(Relation::IsEmpty(set).into()),
            (UnaryOp::IsIPv4, Term::Address(address)) => property(address, Property::V4),
            (UnaryOp::IsIPV6, Term::Address(address)) => property(address, Property::V6),
            (UnaryOp::IsLoopback, Term::Address(address)) => property(address, Property::Loopback),
            (UnaryOp::IsMulticast, Term::Address(address)) => property(address, Property::Multicast),
            (UnaryOp::Neg, Term::Number(Unit::Long, of)) => number(Unit::Long, of, Step::Negate),
            (UnaryOp::ToDate, Term::Number(Unit::Datetime, of)) => number(Unit::Datetime, of, Step::Date),
            (UnaryOp::ToTime, Term::Number(Unit::Datetime, of)) => number(Unit::Duration, of, Step::TimeOfDay),
            (UnaryOp::ToMilliseconds, Term::Number(Unit::Duration, of)) => number(Unit::Long, of, Step::Per(1)),
            (UnaryOp::ToSeconds, Term::Number(Unit::Duration, of)) => number(Unit::Long, of, Step::Per(1_000)),
            (UnaryOp::ToMinutes, Term::Number(Unit::Duration, of)) => number(Unit::Long, of, Step::Per(60_000)),
            (UnaryOp::ToHours, Term::Number(Unit::Duration, of)) => number(Unit::Long, of, Step::Per(3_600_000)),
            (UnaryOp::ToDays, Term::Number(Unit::Duration, of)) => number(Unit::Long, of, Step::Per(86_400_000)),
            _ => return Err(Unsupported),
        })
    }

    fn binary(&self, op: BinaryOp, left: Term, right: Term) -> Lowered<Term> {
        let number = |unit, left, operator, right| Term::Number(unit, Number::arithmetic(left, operator, right));
        Ok(match (op, left, right) {
            (BinaryOp::Eq, left, right) => Term::Test(self.same(left, right)?),
            (BinaryOp::NotEq, left, right) => Term::Test(Test::not(self.same(left, right)?)),
            (op, Term::Number(unit, left), Term::Number(other, right)) => match (op, unit, other) {
                (BinaryOp::Add, Unit::Long, Unit::Long) => number(Unit::Long, left, Operator::Add, right),
                (BinaryOp::Sub, Unit::Long, Unit::Long) => number(Unit::Long, left, Operator::Subtract, right),
                (BinaryOp::Mul, Unit::Long, Unit::Long) => number(Unit::Long, left, Operator::Multiply, right),
                (BinaryOp::Offset, Unit::Datetime, Unit::Duration) => {
                    number(Unit::Datetime, left, Operator::Add, right)
                }
                (BinaryOp::DurationSince, Unit::Datetime, Unit::Datetime) => {
                    number(Unit::Duration, left, Operator::Subtract, right)
                }
                _ if unit == other => Term::Test(Test::compare(left, comparison(op, unit)?, right)),
                _ => return Err(Unsupported),
            },
            (BinaryOp::IsInRange, Term::Address(address), Term::Address(range)) => {
                Term::Test(Relation::IsInRange(address, range).into())
            }
            (BinaryOp::In, Term::Entity(entity), Term::Entity(ancestor)) => {
                Term::Test(self.is_in(entity, vec![ancestor]))
            }
            (BinaryOp::In, Term::Entity(entity), Term::Set(ancestors)) => {
                Term::Test(self.is_in(entity, entities(ancestors)?))
            }
            (BinaryOp::Contains, set @ (Term::Set(_) | Term::If(_)), element) => {
                Term::Test(self.contains(set, element))
            }
            (BinaryOp::ContainsAll, set @ (Term::Set(_) | Term::If(_)), subset @ (Term::Set(_) | Term::If(_))) => {
                Term::Test(Relation::ContainsAll(set, subset).into())
            }
            (BinaryOp::ContainsAny, set @ (Term::Set(_) | Term::If(_)), other @ (Term::Set(_) | Term::If(_))) => {
                Term::Test(Relation::ContainsAny(set, other).into())
            }
            _ => return Err(Unsupported),
        })
    }
}

fn comparison(op: BinaryOp, unit: Unit) -> Lowered<Comparison> {
    match (op, unit == Unit::Decimal) {
        (BinaryOp::Less, false) | (BinaryOp::DecimalLessThan, true) => Ok(Comparison::Less),
        (BinaryOp::LessEq, false) | (BinaryOp::DecimalLessEq, true) => Ok(Comparison::LessOrEqual),
        (BinaryOp::Greater, false) | (BinaryOp::DecimalGreater, true) => Ok(Comparison::Greater),
        (BinaryOp::GreaterEq, false) | (BinaryOp::DecimalGreaterEq, true) => Ok(Comparison::GreaterOrEqual),
        _ => Err(Unsupported),
    }
}

fn entities(terms: Box<[Term]>) -> Lowered<Vec<Entity>> {
    let entity = |term| match term {
        Term::Entity(entity) => Ok(entity),
        _ => Err(Unsupported),
    };
    terms.into_iter().map(entity).collect()
}

/// One of two terms, which are of one type.
fn choice(condition: Test, yes: Term, no: Term) -> Lowered<Term> {
    match condition {
        Test::Always(true) => return Ok(yes),
        Test::Always(false) => return Ok(no),
        _ => {}
    }
    Ok(match (yes, no) {
        (Term::Test(yes), Term::Test(no)) => Term::Test(Test::choice(condition, yes, no)),
        (Term::Number(unit, yes), Term::Number(other, no)) if unit == other => {
            Term::Number(unit, Number::If(Box::new(If { condition, yes, no })))
        }
        (Term::Text(yes), Term::Text(no)) => Term::Text(Text::If(Box::new(If { condition, yes, no }))),
        (Term::Address(yes), Term::Address(no)) => Term::Address(Address::If(Box::new(If { condition, yes, no }))),
        (Term::Entity(yes), Term::Entity(no)) => Term::Entity(Entity::If(Box::new(If { condition, yes, no }))),
        (yes @ (Term::Set(_) | Term::If(_)), no @ (Term::Set(_) | Term::If(_)))
        | (yes @ (Term::Part(_) | Term::Record(_)), no @ (Term::Part(_) | Term::Record(_))) => {
            Term::If(Box::new(If { condition, yes, no }))
        }
        (Term::Fails(fault), Term::Fails(_)) => Term::Fails(fault),
        (Term::Fails(fault), Term::Test(no)) => Term::Test(Test::choice(condition, Test::Fails(fault), no)),
        (Term::Test(yes), Term::Fails(fault)) => Term::Test(Test::choice(condition, yes, Test::Fails(fault))),
        _ => return Err(Unsupported),
    })
}
