//! The values that policies name, for each fact that they compare with them.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::pst::{BinaryOp, Expr, Literal, PatternElem, PrincipalConstraint, UnaryOp, Var};
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use crate::ground::{Ground, children, expression};

/// What policies name.
#[derive(Debug, Default)]
pub(crate) struct Literals {
    /// By the path of the fact in the context: `device.risk`. A fact that is only tested for has none.
    pub(crate) of_fact: BTreeMap<String, Values>,
    /// Principals and groups, by type and name.
    pub(crate) entities: BTreeSet<(String, String)>,
}

/// Values of one fact.
#[derive(Debug, Default)]
pub(crate) struct Values {
    pub(crate) numbers: BTreeSet<i64>,
    pub(crate) texts: BTreeSet<String>,
    pub(crate) instants_ms: BTreeSet<i64>,
}

impl Literals {
    pub(crate) fn of<'a>(policies: impl Iterator<Item = &'a Ground>) -> Self {
        let mut literals = Self::default();
        for policy in policies {
            literals.scope(&policy.template.principal);
            policy.template.clauses().iter().for_each(|clause| literals.condition(expression(clause)));
        }
        literals
    }

    fn scope(&mut self, scope: &PrincipalConstraint) {
        use PrincipalConstraint::{Eq, In, IsIn};
        use cedar_policy::pst::EntityOrSlot::Entity;
        if let Eq(Entity(uid)) | In(Entity(uid)) | IsIn(_, Entity(uid)) = scope {
            self.entities.insert((uid.ty.to_string(), uid.eid.to_string()));
        }
    }

    /// Takes a condition apart into what is compared: each fact of a comparison gets each of its literals.
    fn condition(&mut self, expr: &Expr) {
        match expr {
            Expr::BinaryOp { op: BinaryOp::And | BinaryOp::Or, .. }
            | Expr::UnaryOp { op: UnaryOp::Not, .. }
            | Expr::IfThenElse { .. } => children(expr).into_iter().for_each(|expr| self.condition(expr)),
            _ => {
                let (mut facts, mut values) = (BTreeSet::new(), Values::default());
                self.comparison(expr, &mut facts, &mut values);
                for fact in facts {
                    let known = self.of_fact.entry(fact).or_default();
                    known.numbers.extend(&values.numbers);
                    known.texts.extend(values.texts.iter().cloned());
                    known.instants_ms.extend(&values.instants_ms);
                }
            }
        }
    }

    fn comparison(&mut self, expr: &Expr, facts: &mut BTreeSet<String>, values: &mut Values) {
        if let Some(path) = fact(expr) {
            facts.extend(prefixes(&path));
            return;
        }
        match expr {
            Expr::Literal(Literal::Long(number)) => drop(values.numbers.insert(*number)),
            Expr::Literal(Literal::String(text)) => drop(values.texts.insert(text.to_string())),
            Expr::Literal(Literal::EntityUID(uid)) => {
                self.entities.insert((uid.ty.to_string(), uid.eid.to_string()));
            }
            Expr::Like { pattern, .. } => drop(values.texts.insert(matching(pattern))),
            Expr::UnaryOp { op: UnaryOp::Datetime, expr } => values.instants_ms.extend(instant_ms(expr)),
            _ => {}
        }
        children(expr).into_iter().for_each(|expr| self.comparison(expr, facts, values));
    }
}

/// The fact that an expression reads, or tests for.
fn fact(expr: &Expr) -> Option<Vec<&str>> {
    let mut path = match expr {
        Expr::Var(Var::Context) => return Some(vec![]),
        Expr::GetAttr { expr, .. } | Expr::HasAttr { expr, .. } => fact(expr)?,
        _ => return None,
    };
    match expr {
        Expr::GetAttr { attr, .. } => path.push(attr),
        Expr::HasAttr { attrs, .. } => path.extend(attrs.iter().map(|attr| attr.as_str())),
        _ => {}
    }
    Some(path)
}

/// The path and those of the records around it.
fn prefixes(path: &[&str]) -> Vec<String> {
    (1..=path.len()).filter_map(|length| Some(path.get(..length)?.join("."))).collect()
}

/// A text that the pattern matches.
fn matching(pattern: &[PatternElem]) -> String {
    let char_of = |element: &PatternElem| match element {
        PatternElem::Char(char) => *char,
        PatternElem::Wildcard => 'x',
    };
    pattern.iter().map(char_of).collect()
}

fn instant_ms(expr: &Expr) -> Option<i64> {
    let Expr::Literal(Literal::String(text)) = expr else { return None };
    let of_day = || {
        let midnight = text.parse::<Date>().ok()?.to_datetime(Time::midnight());
        Some(midnight.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    text.parse::<Timestamp>().ok().or_else(of_day).map(Timestamp::as_millisecond)
}
