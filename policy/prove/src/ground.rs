//! Grounding: a policy as it reads for one app, one action and one kind of principal.
//!
//! What the configuration says of apps is constant, so it is put into the policy: `resource.sensitivity` becomes
//! `"secret"`, `resource in AppGroup::"internal"` becomes `true`. What is left speaks of the principal and of the context
//! only, and holds for every entity store. Policies that cannot apply drop out, and policies that differ only by the app that
//! they are for become the same, so that they are asked about once.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cedar_policy::pst::{
    ActionConstraint, BinaryOp, Clause, Effect, EntityOrSlot, EntityType, EntityUID, Expr, Literal, Name, NonEmpty,
    Policy, PrincipalConstraint, ResourceConstraint, Template, UnaryOp, Var,
};
use gaccong_policy::{AppScope, PrincipalKind};
use smol_str::SmolStr;

/// What a request is about, as far as it is constant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) app: &'a AppScope<'a>,
    pub(crate) action: &'a Action,
    pub(crate) principal: PrincipalKind,
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.principal {
            PrincipalKind::User => "a person",
            PrincipalKind::Workload => "a workload",
            PrincipalKind::Device => "a device",
        };
        write!(f, "`{}` of `{}` by {who}", self.action.name, self.app.name)
    }
}

/// An action of the schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Action {
    pub(crate) name: String,
    /// The actions that it is in, itself not counted.
    pub(crate) within: Vec<SmolStr>,
    pub(crate) by_user: bool,
    pub(crate) by_workload: bool,
    pub(crate) by_device: bool,
}

/// A policy that was grounded.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) template: Template,
    /// What it says, in Cedar's syntax, without its name: two that say the same are the same.
    pub(crate) text: Arc<str>,
    /// Whether it still asks for the action.
    pub(crate) asks_action: bool,
}

/// All apps by name: a policy may speak of another app than the one that is asked for.
pub(crate) type Apps<'a> = HashMap<&'a str, &'a AppScope<'a>>;

/// The policy as it reads for `subject`; `None` where it cannot apply.
pub(crate) fn ground(policy: &Policy, subject: Subject<'_>, apps: &Apps<'_>) -> Option<Ground> {
    let linked;
    let body = match policy {
        Policy::Linked(link) => {
            linked = link.into_static_policy().ok()?;
            linked.body()
        }
        Policy::Static(_) => policy.body(),
    };
    let grounding = Grounding { subject, apps };
    if !grounding.resource(&body.resource) || !grounding.action(&body.action) || !grounding.principal(&body.principal) {
        return None;
    }
    let mut clauses = Vec::new();
    for clause in body.clauses() {
        let (expr, wanted) = match clause {
            Clause::When(expr) => (grounding.expr(expr), true),
            Clause::Unless(expr) => (grounding.expr(expr), false),
        };
        match as_bool(&expr) {
            Some(value) if value == wanted => {}
            Some(_) => return None,
            None if wanted => clauses.push(Clause::When(expr)),
            None => clauses.push(Clause::Unless(expr)),
        }
    }
    let asks_action = clauses.iter().any(|clause| mentions_action(expression(clause)));
    let scope = (body.principal.clone(), ActionConstraint::Any, ResourceConstraint::Any);
    let template = Template::new("ground", body.effect, scope.0, scope.1, scope.2).try_with_clauses(clauses).ok()?;
    let text = template.to_string().into();
    Some(Ground { template, text, asks_action })
}

impl Ground {
    /// A policy that permits everything.
    pub(crate) fn everything() -> Self {
        let scope = (PrincipalConstraint::Any, ActionConstraint::Any, ResourceConstraint::Any);
        let template = Template::new("everything", Effect::Permit, scope.0, scope.1, scope.2);
        Self { text: template.to_string().into(), template, asks_action: false }
    }

    /// The same conditions with this effect.
    pub(crate) fn with_effect(&self, effect: Effect) -> Self {
        let mut template = self.template.clone();
        template.effect = effect;
        Self { text: template.to_string().into(), template, asks_action: self.asks_action }
    }
}

pub(crate) fn expression(clause: &Clause) -> &Expr {
    match clause {
        Clause::When(expr) | Clause::Unless(expr) => expr,
    }
}

struct Grounding<'a> {
    subject: Subject<'a>,
    apps: &'a Apps<'a>,
}

impl Grounding<'_> {
    fn resource(&self, scope: &ResourceConstraint) -> bool {
        match scope {
            ResourceConstraint::Any => true,
            ResourceConstraint::Eq(EntityOrSlot::Entity(uid)) => self.is_the_app(uid),
            ResourceConstraint::In(EntityOrSlot::Entity(uid)) => is_in(self.subject.app, uid),
            ResourceConstraint::Is(kind) => type_name(kind) == Some("App"),
            ResourceConstraint::IsIn(kind, EntityOrSlot::Entity(uid)) => {
                type_name(kind) == Some("App") && is_in(self.subject.app, uid)
            }
            _ => false,
        }
    }

    fn is_the_app(&self, uid: &EntityUID) -> bool {
        name_of(uid, "App") == Some(self.subject.app.name)
    }

    fn action(&self, scope: &ActionConstraint) -> bool {
        let Action { name, within, .. } = self.subject.action;
        let is = |uid: &EntityUID| name_of(uid, "Action").is_some_and(|id| id == name);
        let is_in = |uid: &EntityUID| {
            is(uid) || name_of(uid, "Action").is_some_and(|id| within.iter().any(|group| group == id))
        };
        match scope {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => is(uid),
            ActionConstraint::In(uids) => uids.iter().any(is_in),
        }
    }

    /// Whether the scope may be true of such a principal: which one it is remains open.
    fn principal(&self, scope: &PrincipalConstraint) -> bool {
        let kind = self.subject.principal.entity_type();
        match scope {
            PrincipalConstraint::Is(named) | PrincipalConstraint::IsIn(named, _) => type_name(named) == Some(kind),
            PrincipalConstraint::Eq(EntityOrSlot::Entity(uid)) => type_name(&uid.ty) == Some(kind),
            _ => true,
        }
    }

    fn expr(&self, expr: &Arc<Expr>) -> Arc<Expr> {
        let inner = |expr| self.expr(expr);
        let grounded = match &**expr {
            Expr::Var(Var::Resource) => self.the_app(),
            Expr::UnaryOp { op, expr } => unary(*op, inner(expr)),
            Expr::BinaryOp { op, left, right } => self.binary(*op, inner(left), right),
            Expr::GetAttr { expr, attr } => self.attribute(inner(expr), attr),
            Expr::HasAttr { expr, attrs } => self.has(inner(expr), attrs),
            Expr::Like { expr, pattern } => Some(Expr::Like { expr: inner(expr), pattern: pattern.clone() }),
            Expr::Is { expr, entity_type, in_expr } => {
                let in_expr = in_expr.as_ref().map(inner);
                Some(Expr::Is { expr: inner(expr), entity_type: entity_type.clone(), in_expr })
            }
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                let cond = inner(cond);
                match as_bool(&cond) {
                    Some(true) => return inner(then_expr),
                    Some(false) => return inner(else_expr),
                    None => Some(Expr::IfThenElse { cond, then_expr: inner(then_expr), else_expr: inner(else_expr) }),
                }
            }
            Expr::Set(elements) => Some(Expr::Set(elements.iter().map(inner).collect())),
            Expr::Record(fields) => {
                Some(Expr::Record(fields.iter().map(|(name, expr)| (name.clone(), inner(expr))).collect()))
            }
            _ => None,
        };
        grounded.map_or_else(|| Arc::clone(expr), Arc::new)
    }

    fn the_app(&self) -> Option<Expr> {
        let ty = EntityType::from_name(Name::unqualified("App").ok()?);
        Some(Expr::Literal(Literal::EntityUID(EntityUID { ty, eid: self.subject.app.name.into() })))
    }

    fn binary(&self, op: BinaryOp, left: Arc<Expr>, right: &Arc<Expr>) -> Option<Expr> {
        // What stands behind a decided left side is not evaluated, and may make sense only if it is not.
        match (op, as_bool(&left)) {
            (BinaryOp::And, Some(false)) | (BinaryOp::Or, Some(true)) => return Some(Expr::clone(&left)),
            (BinaryOp::And, Some(true)) | (BinaryOp::Or, Some(false)) => return Some(Expr::clone(&self.expr(right))),
            _ => {}
        }
        let right = self.expr(right);
        let value = match op {
            BinaryOp::Eq => equal(&left, &right),
            BinaryOp::NotEq => equal(&left, &right).map(|equal| !equal),
            BinaryOp::In => self.within(&left, &right),
            _ => None,
        };
        Some(value.map_or_else(|| Expr::BinaryOp { op, left, right }, boolean))
    }

    /// Whether the app on the left is in what stands on the right.
    fn within(&self, left: &Expr, right: &Expr) -> Option<bool> {
        let app = self.app(left)?;
        match right {
            Expr::Literal(Literal::EntityUID(uid)) => Some(is_in(app, uid)),
            Expr::Set(elements) => elements.iter().try_fold(false, |any, element| match &**element {
                Expr::Literal(Literal::EntityUID(uid)) => Some(any || is_in(app, uid)),
                _ => None,
            }),
            _ => None,
        }
    }

    fn attribute(&self, expr: Arc<Expr>, attr: &SmolStr) -> Option<Expr> {
        let value = self.app(&expr).and_then(|app| attribute_of(app, attr));
        let value = value.map(|value| Expr::Literal(Literal::String(value.into())));
        Some(value.unwrap_or_else(|| Expr::GetAttr { expr, attr: attr.clone() }))
    }

    fn has(&self, expr: Arc<Expr>, attrs: &NonEmpty<SmolStr>) -> Option<Expr> {
        let value = match (self.app(&expr), attrs.len()) {
            (Some(app), 1) => Some(attribute_of(app, attrs.first()).is_some()),
            _ => None,
        };
        Some(value.map_or_else(|| Expr::HasAttr { expr, attrs: attrs.clone() }, boolean))
    }

    /// The app that an expression names.
    fn app(&self, expr: &Expr) -> Option<&AppScope<'_>> {
        let Expr::Literal(Literal::EntityUID(uid)) = expr else { return None };
        self.apps.get(name_of(uid, "App")?).copied()
    }
}

fn unary(op: UnaryOp, expr: Arc<Expr>) -> Option<Expr> {
    match (op, as_bool(&expr)) {
        (UnaryOp::Not, Some(value)) => Some(boolean(!value)),
        _ => Some(Expr::UnaryOp { op, expr }),
    }
}

fn boolean(value: bool) -> Expr {
    Expr::Literal(Literal::Bool(value))
}

fn as_bool(expr: &Expr) -> Option<bool> {
    match expr {
        Expr::Literal(Literal::Bool(value)) => Some(*value),
        _ => None,
    }
}

/// Whether two literals are the same.
fn equal(left: &Expr, right: &Expr) -> Option<bool> {
    match (left, right) {
        (Expr::Literal(left), Expr::Literal(right)) => Some(left == right),
        _ => None,
    }
}

fn attribute_of<'a>(app: &AppScope<'a>, attr: &str) -> Option<&'a str> {
    match attr {
        "sensitivity" => Some(app.sensitivity),
        "owner" => app.owner,
        _ => None,
    }
}

/// Whether an app is `uid`, or a member of it.
fn is_in(app: &AppScope<'_>, uid: &EntityUID) -> bool {
    name_of(uid, "App") == Some(app.name)
        || name_of(uid, "AppGroup").is_some_and(|name| app.groups.iter().any(|group| **group == *name))
}

/// The name of an entity, if it is of the type `kind`.
fn name_of<'a>(uid: &'a EntityUID, kind: &str) -> Option<&'a str> {
    (type_name(&uid.ty)? == kind).then_some(uid.eid.as_str())
}

/// The name of a type that is in no namespace.
pub(crate) fn type_name(kind: &EntityType) -> Option<&str> {
    kind.0.namespace.is_empty().then(|| kind.0.id.as_str())
}

fn mentions_action(expr: &Expr) -> bool {
    matches!(expr, Expr::Var(Var::Action)) || children(expr).into_iter().any(mentions_action)
}

/// The expressions directly inside `expr`.
pub(crate) fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::UnaryOp { expr, .. }
        | Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. }
        | Expr::Like { expr, .. } => {
            vec![expr]
        }
        Expr::BinaryOp { left, right, .. } => vec![left, right],
        Expr::Is { expr, in_expr, .. } => std::iter::once(expr).chain(in_expr).map(AsRef::as_ref).collect(),
        Expr::IfThenElse { cond, then_expr, else_expr } => vec![cond, then_expr, else_expr],
        Expr::Set(elements) => elements.iter().map(AsRef::as_ref).collect(),
        Expr::Record(fields) => fields.values().map(AsRef::as_ref).collect(),
        _ => vec![],
    }
}
