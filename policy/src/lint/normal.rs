//! From a condition to its formula, with what the configuration and the schema say of the world: whatever is asked of the
//! resource becomes the set of the apps of which it is true.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::Schema;
use cedar_policy_core::ast::{BinaryOp, EntityUID, Expr, ExprKind, Literal, UnaryOp, Var};

use super::formula::{Atom, Formula, Term};
use super::posture;
use crate::core_syntax::{children, path};
use crate::names::Names;
use crate::ranges::{self, Range};
use crate::vocabulary::{AppScope, Vocabulary};

pub(super) const RESOURCE: &str = "resource";
pub(super) const PRINCIPAL_TYPE: &str = "type of principal";

/// What there is, so that terms have a known set of values.
#[derive(Clone)]
pub(super) struct World<'a> {
    /// By their names as entities.
    apps: Vec<(Arc<str>, &'a AppScope<'a>)>,
    groups: Option<HashSet<&'a str>>,
    /// Each action, and each group of actions, with the actions in it.
    actions: HashMap<String, BTreeSet<Arc<str>>>,
    all_actions: BTreeSet<Arc<str>>,
    principal_types: BTreeSet<Arc<str>>,
    /// Whether there may be other apps tomorrow.
    is_open: bool,
}

impl<'a> World<'a> {
    pub(super) fn new(vocabulary: &Vocabulary<'a>, schema: &Schema, names: &Names) -> Self {
        let mut actions: HashMap<String, BTreeSet<Arc<str>>> = HashMap::new();
        let mut all_actions = BTreeSet::new();
        if let Ok(entities) = schema.action_entities() {
            for action in entities.iter() {
                let name: Arc<str> = action.uid().to_string().into();
                let within = entities.ancestors(&action.uid()).into_iter().flatten().map(ToString::to_string);
                for group in within.chain([name.to_string()]) {
                    actions.entry(group).or_default().insert(Arc::clone(&name));
                }
                all_actions.insert(name);
            }
        }
        Self {
            apps: vocabulary.apps.iter().map(|app| (names.app(app.name).to_string().into(), app)).collect(),
            groups: vocabulary.groups.map(|groups| groups.iter().copied().collect()),
            actions,
            all_actions,
            principal_types: vocabulary.principal_types().map(Arc::from).collect(),
            is_open: false,
        }
    }

    /// The same with apps that are yet to come: a rule for secret apps makes sense before there is one. Only the names of
    /// apps and app groups are still those that are known.
    pub(super) fn open(&self) -> Self {
        Self { is_open: true, ..self.clone() }
    }

    pub(super) fn apps(&self) -> impl Iterator<Item = (&Arc<str>, &'a AppScope<'a>)> {
        self.apps.iter().map(|(name, app)| (name, *app))
    }

    /// What it means that the condition is true, or false.
    pub(super) fn formula(&self, expr: &Expr, is: bool) -> Formula {
        let of = |expr: &Expr| self.formula(expr, is);
        match expr.expr_kind() {
            ExprKind::Lit(Literal::Bool(value)) => Formula::constant(*value == is),
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => self.formula(arg, !is),
            ExprKind::And { left, right } if is => Formula::all([of(left), of(right)]),
            ExprKind::And { left, right } => Formula::any([of(left), of(right)]),
            ExprKind::Or { left, right } if is => Formula::any([of(left), of(right)]),
            ExprKind::Or { left, right } => Formula::all([of(left), of(right)]),
            // A test stands twice in the formula: one with a test inside is left whole, or formulas would grow without bound.
            ExprKind::If { test_expr, then_expr, else_expr } if !branches(test_expr) => {
                let branch = |test: bool, then: &Expr| Formula::all([self.formula(test_expr, test), of(then)]);
                Formula::any([branch(true, then_expr), branch(false, else_expr)])
            }
            ExprKind::ExtHasAttr { expr, attrs } => {
                let mut parts = Vec::new();
                let mut at = expr.as_ref().clone();
                for attr in attrs {
                    parts.push(self.has(&at, attr, is));
                    at = Expr::get_attr(at, attr.clone());
                }
                if is { Formula::all(parts) } else { Formula::any(parts) }
            }
            ExprKind::HasAttr { expr, attr } => self.has(expr, attr, is),
            ExprKind::Is { expr, entity_type } => {
                let term = Term { text: format!("type of {expr}").into(), is_posture: false };
                self.one_of(term, [entity_type.to_string().into()].into(), is)
            }
            ExprKind::BinaryApp { op, arg1, arg2 } => self.binary(expr, *op, arg1, arg2, is),
            _ => holds(expr, is),
        }
    }

    fn binary(&self, expr: &Expr, op: BinaryOp, left: &Expr, right: &Expr, is: bool) -> Formula {
        match op {
            BinaryOp::Less | BinaryOp::LessEq => compare(expr, op, left, right, is),
            BinaryOp::Eq => self.equal(expr, left, right, is),
            BinaryOp::In => self.within(expr, left, right, is),
            BinaryOp::Contains => match left.expr_kind() {
                ExprKind::Set(elements) => {
                    let equal = elements.iter().map(|element| self.equal(expr, right, element, is));
                    if is { Formula::any(equal) } else { Formula::all(equal) }
                }
                _ => holds(expr, is),
            },
            _ => holds(expr, is),
        }
    }

    fn equal(&self, expr: &Expr, left: &Expr, right: &Expr, is: bool) -> Formula {
        match (left.expr_kind(), right.expr_kind()) {
            (ExprKind::Lit(left), ExprKind::Lit(right)) => return Formula::constant((left == right) == is),
            (ExprKind::Lit(_), _) => return self.equal(expr, right, left, is),
            (_, ExprKind::Lit(Literal::Bool(value))) => return self.formula(left, *value == is),
            (_, ExprKind::Lit(Literal::String(value))) => {
                if let Some(apps) = self.apps_where(
                    left,
                    |app, attr| match attr {
                        "sensitivity" => Some(app.sensitivity == value),
                        "owner" => app.owner.map(|owner| owner == value),
                        _ => None,
                    },
                    is,
                ) {
                    return apps;
                }
                return self.one_of(term(left), [right.to_string().into()].into(), is);
            }
            (_, ExprKind::Lit(Literal::EntityUID(uid))) => {
                return self.one_of(term(left), [uid.to_string().into()].into(), is);
            }
            _ => {}
        }
        if constant(left).is_some() || constant(right).is_some() {
            return compare(expr, BinaryOp::Eq, left, right, is);
        }
        if left == right { Formula::constant(is) } else { holds(expr, is) }
    }

    /// `left in right`, where that is one entity or a set of them.
    fn within(&self, expr: &Expr, left: &Expr, right: &Expr, is: bool) -> Formula {
        match right.expr_kind() {
            ExprKind::Set(elements) => {
                let one = |element| {
                    let alone = Expr::is_in(left.clone(), Expr::clone(element));
                    self.within(&alone, left, element, is)
                };
                let each = elements.iter().map(one);
                if is { Formula::any(each) } else { Formula::all(each) }
            }
            ExprKind::Lit(Literal::EntityUID(uid)) => match left.expr_kind() {
                ExprKind::Var(Var::Action) => {
                    let actions = self.actions.get(&uid.to_string()).cloned().unwrap_or_default();
                    self.one_of(term(left), actions, is)
                }
                ExprKind::Var(Var::Resource) if !self.apps.is_empty() => {
                    let inside = self.apps.iter().filter(|(name, app)| is_in(name, app, uid));
                    self.one_of(term(left), inside.map(|(name, _)| Arc::clone(name)).collect(), is)
                }
                ExprKind::Var(Var::Principal) if self.is_unknown_group(uid) => Formula::constant(!is),
                _ => holds(expr, is),
            },
            _ => holds(expr, is),
        }
    }

    fn has(&self, subject: &Expr, attr: &str, is: bool) -> Formula {
        let attribute = Expr::get_attr(subject.clone(), attr.into());
        let present = |app: &AppScope<'_>, attr: &str| match attr {
            "sensitivity" => Some(true),
            "owner" => Some(app.owner.is_some()),
            _ => None,
        };
        self.apps_where(&attribute, present, is)
            .unwrap_or_else(|| holds(&Expr::has_attr(subject.clone(), attr.into()), is))
    }

    /// That the resource is one of the apps for which a test of this attribute gives `is`. Where the attribute is absent,
    /// nobody looks at it.
    fn apps_where(
        &self,
        attribute: &Expr,
        test: impl Fn(&AppScope<'_>, &str) -> Option<bool>,
        is: bool,
    ) -> Option<Formula> {
        let path = path(attribute, Var::Resource)?;
        let [attr @ ("sensitivity" | "owner")] = path.as_slice() else { return None };
        if self.apps.is_empty() || self.is_open {
            return None;
        }
        let those = self.apps.iter().filter(|(_, app)| test(app, attr) == Some(is)).map(|(name, _)| Arc::clone(name));
        Some(self.one_of(Term { text: RESOURCE.into(), is_posture: false }, those.collect(), true))
    }

    fn is_unknown_group(&self, uid: &EntityUID) -> bool {
        let name: &str = uid.eid().as_ref();
        uid.entity_type().to_string() == "Group" && self.groups.as_ref().is_some_and(|groups| !groups.contains(name))
    }

    /// An atom, or the constant that it is for all values that there are.
    fn one_of(&self, term: Term, values: BTreeSet<Arc<str>>, is: bool) -> Formula {
        let all: BTreeSet<Arc<str>> = match &*term.text {
            "action" => self.all_actions.clone(),
            RESOURCE => self.apps.iter().map(|(name, _)| Arc::clone(name)).collect(),
            PRINCIPAL_TYPE => self.principal_types.clone(),
            "type of resource" => ["App".into()].into(),
            _ => BTreeSet::new(),
        };
        let possible = all.is_empty() || all.iter().any(|value| values.contains(value));
        if values.is_empty() || !possible {
            return Formula::constant(!is);
        }
        let may_grow = self.is_open && &*term.text == RESOURCE;
        if !all.is_empty() && !may_grow && all.is_subset(&values) {
            return Formula::constant(is);
        }
        Formula::Atom(Atom::OneOf { term, values, is })
    }
}

fn is_in(name: &str, app: &AppScope<'_>, uid: &EntityUID) -> bool {
    let group: &str = uid.eid().as_ref();
    uid.to_string() == name
        || (uid.entity_type().to_string() == "AppGroup" && app.groups.iter().any(|its| **its == *group))
}

/// A comparison of numbers; of a number with a constant where one side is constant.
fn compare(expr: &Expr, op: BinaryOp, left: &Expr, right: &Expr, is: bool) -> Formula {
    let range = |expr: &Expr| ranges::of(expr).unwrap_or(Range::UNKNOWN);
    let (term, range, (low, high)) = match (op, constant(left), constant(right)) {
        (BinaryOp::Eq, _, Some(value)) => (term(left), range(left), (value, value)),
        (BinaryOp::Eq, Some(value), None) => (term(right), range(right), (value, value)),
        (BinaryOp::Less, _, Some(value)) => (term(left), range(left), (i128::MIN, value.saturating_sub(1))),
        (BinaryOp::Less, Some(value), None) => (term(right), range(right), (value.saturating_add(1), i128::MAX)),
        (_, _, Some(value)) => (term(left), range(left), (i128::MIN, value)),
        (_, Some(value), None) => (term(right), range(right), (value, i128::MAX)),
        (_, None, None) => return holds(expr, is),
    };
    let between = |low: i128, high: i128| match (low.max(range.low), high.min(range.high)) {
        (low, high) if low > high => Formula::FALSE,
        (low, high) if low == range.low && high == range.high => Formula::TRUE,
        (low, high) => Formula::Atom(Atom::Within { term: term.clone(), low, high }),
    };
    if is {
        return between(low, high);
    }
    let below = if low == i128::MIN { Formula::FALSE } else { between(i128::MIN, low.saturating_sub(1)) };
    let above = if high == i128::MAX { Formula::FALSE } else { between(high.saturating_add(1), i128::MAX) };
    Formula::any([below, above])
}

fn branches(expr: &Expr) -> bool {
    expr.subexpressions().any(|part| matches!(part.expr_kind(), ExprKind::If { .. }))
}

/// The value of a number that no fact can change.
fn constant(expr: &Expr) -> Option<i128> {
    ranges::of(expr).filter(|range| range.is_known && range.low == range.high).map(|range| range.low)
}

fn holds(expr: &Expr, is: bool) -> Formula {
    Formula::Atom(Atom::Holds { term: term(expr), is })
}

fn term(expr: &Expr) -> Term {
    Term { text: expr.to_string().into(), is_posture: is_posture(expr) }
}

fn is_posture(expr: &Expr) -> bool {
    posture::is_fact(expr) || children(expr).into_iter().any(is_posture)
}
