//! Names and values of which the possible ones are known: a misspelt one is never equal to anything, so that its policy
//! silently means something else.

use std::collections::HashSet;

use cedar_policy_core::ast::{BinaryOp, EntityUID, Expr, ExprKind, Literal, Policy as CorePolicy, Var};

use crate::core_syntax::{context_path, path, text};
use crate::diagnostic::{Finding, did_you_mean};
use crate::load::Policy;
use crate::vocabulary::Vocabulary;

const PLATFORMS: &[&str] = &["windows", "macos", "linux", "android", "ios"];
const RISKS: &[&str] = &["low", "medium", "high"];
/// What a call of the control API can be about.
const TARGETS: &[&str] = &[
    "user",
    "workload",
    "device",
    "certificate",
    "session",
    "app",
    "group",
    "issuer",
    "trust-domain",
    "source",
    "stream",
    "grant",
    "alert",
];
const LOGINS: &[&str] = &["oidc", "token", "smartcard"];
/// Fetch Metadata Request Headers, `Sec-Fetch-Site`.
const SITES: &[&str] = &["same-origin", "same-site", "cross-site", "none"];

/// What the configuration knows, ready to look up.
pub(crate) struct Known<'a> {
    apps: HashSet<&'a str>,
    app_groups: HashSet<&'a str>,
    groups: Option<HashSet<&'a str>>,
    trust_domains: Option<&'a [&'a str]>,
    sensitivities: &'a [&'a str],
}

/// What an attribute can be.
enum Domain<'a> {
    OneOf(&'a [&'a str]),
    /// The names of trust domains: one that is not configured now may be later.
    TrustedBy(&'a [&'a str]),
    /// An HTTP method, which is a token in upper case.
    Method,
}

impl<'a> Known<'a> {
    pub(crate) fn new(vocabulary: &Vocabulary<'a>) -> Self {
        Self {
            apps: vocabulary.apps.iter().map(|app| app.name).collect(),
            app_groups: vocabulary.apps.iter().flat_map(|app| app.groups).map(AsRef::as_ref).collect(),
            groups: vocabulary.groups.map(|groups| groups.iter().copied().collect()),
            trust_domains: vocabulary.trust_domains,
            sensitivities: vocabulary.sensitivities,
        }
    }

    pub(crate) fn apps(&self) -> impl Iterator<Item = &'a str> {
        self.apps.iter().copied()
    }

    /// Whether the entity has attributes in every question.
    pub(crate) fn exists(&self, uid: &EntityUID) -> bool {
        uid.entity_type().to_string() == "App" && self.apps.contains(uid.eid().as_ref() as &str)
    }

    /// What is wrong with the name of an entity, if the names of its kind are known.
    pub(crate) fn fault(&self, uid: &EntityUID) -> Option<Finding> {
        let name: &str = uid.eid().as_ref();
        let (names, message) = match uid.entity_type().to_string().as_str() {
            "App" => (&self.apps, format!("no app is called `{name}`")),
            "AppGroup" => (&self.app_groups, format!("no app is in the group `{name}`")),
            "Group" => (self.groups.as_ref()?, format!("no group is called `{name}`")),
            _ => return None,
        };
        if names.contains(name) {
            return None;
        }
        let remedy = did_you_mean(name, names.iter().copied());
        Some(Finding { is_error: false, part: uid.loc().cloned(), message, remedy })
    }

    fn domain(&self, attribute: &Expr) -> Option<Domain<'a>> {
        if is_sensitivity(attribute) {
            return (!self.sensitivities.is_empty()).then_some(Domain::OneOf(self.sensitivities));
        }
        Some(match context_path(attribute)?.as_slice() {
            ["device", "platform"] => Domain::OneOf(PLATFORMS),
            ["target", "kind"] => Domain::OneOf(TARGETS),
            ["device", "risk"] | ["risk"] => Domain::OneOf(RISKS),
            ["session", "method"] => Domain::OneOf(LOGINS),
            ["request", "site"] => Domain::OneOf(SITES),
            ["certificate", "trust_domain"] => Domain::TrustedBy(self.trust_domains?),
            ["request", "method"] => Domain::Method,
            _ => return None,
        })
    }
}

/// Whether this is the sensitivity of an app.
fn is_sensitivity(expr: &Expr) -> bool {
    match expr.expr_kind() {
        ExprKind::GetAttr { expr: app, attr } if attr == "sensitivity" => {
            path(app, Var::Resource).is_some_and(|path| path.is_empty())
                || matches!(app.expr_kind(), ExprKind::Lit(Literal::EntityUID(_)))
        }
        _ => false,
    }
}

/// Every name and value of the policy that cannot be right.
pub(crate) fn check(policy: &Policy, known: &Known<'_>) -> Vec<Finding> {
    let core: &CorePolicy = policy.cedar.as_ref();
    let (principal, resource) = (core.principal_constraint(), core.resource_constraint());
    let scope = [principal.as_inner().get_euid(), resource.as_inner().get_euid()];
    let mut found: Vec<_> = scope.into_iter().flatten().filter_map(|uid| known.fault(uid)).collect();
    if let Some(condition) = &policy.written.condition {
        found.extend(condition.subexpressions().flat_map(|expr| check_expression(expr, known)));
    }
    found
}

fn check_expression(expr: &Expr, known: &Known<'_>) -> Vec<Finding> {
    let literals: Vec<(&Expr, &Expr)> = match expr.expr_kind() {
        ExprKind::Lit(Literal::EntityUID(uid)) => {
            let fault = known.fault(uid).map(|fault| Finding { part: expr.source_loc().cloned(), ..fault });
            return fault.into_iter().collect();
        }
        ExprKind::Like { expr: attribute, pattern } => {
            let Some(Domain::OneOf(words)) = known.domain(attribute) else { return vec![] };
            let never = !words.iter().any(|word| pattern.wildcard_match(word));
            return never.then(|| never_is(attribute, expr, &pattern.to_string(), words)).into_iter().collect();
        }
        ExprKind::BinaryApp { op: BinaryOp::Eq, arg1, arg2 } => vec![(arg1, arg2), (arg2, arg1)],
        ExprKind::BinaryApp { op: BinaryOp::Contains, arg1, arg2 } => match arg1.expr_kind() {
            ExprKind::Set(elements) => elements.iter().map(|element| (arg2.as_ref(), element)).collect(),
            _ => vec![],
        },
        _ => vec![],
    };
    literals.into_iter().filter_map(|(attribute, literal)| check_literal(attribute, literal, known)).collect()
}

fn check_literal(attribute: &Expr, literal: &Expr, known: &Known<'_>) -> Option<Finding> {
    let value = text(literal)?;
    match known.domain(attribute)? {
        Domain::OneOf(words) if !words.contains(&value) => Some(never_is(attribute, literal, value, words)),
        Domain::TrustedBy(names) if !names.contains(&value) => {
            let message = format!("no trust domain is called `{value}`");
            let remedy = did_you_mean(value, names.iter().copied());
            Some(Finding { is_error: false, part: literal.source_loc().cloned(), message, remedy })
        }
        Domain::Method if !is_method(value) => Some(Finding {
            is_error: true,
            part: literal.source_loc().cloned(),
            message: format!("`context.request.method` is never `{value}`"),
            remedy: Some(format!("methods are in upper case: write `{}`", value.trim().to_ascii_uppercase())),
        }),
        _ => None,
    }
}

fn never_is(attribute: &Expr, literal: &Expr, value: &str, words: &[&str]) -> Finding {
    let all = || words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    Finding {
        is_error: true,
        part: literal.source_loc().cloned(),
        message: format!("`{attribute}` is never `{value}`"),
        remedy: Some(did_you_mean(value, words.iter().copied()).unwrap_or_else(|| format!("it is one of {}", all()))),
    }
}

/// Whether this is a method as a question spells it (RFC 9110 §5.6.2, without lower case).
fn is_method(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token)
}
