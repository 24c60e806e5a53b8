//! Which parts of the context the policies of a slice look at. What none of them looks at need not be translated.

use cedar_policy::pst::{Expr, Var};

use crate::syntax::children;

/// The parts of the context that some condition mentions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mentions {
    pub(crate) device: bool,
    pub(crate) certificate: bool,
    pub(crate) session: bool,
    pub(crate) threat: bool,
    pub(crate) request: bool,
    pub(crate) now: bool,
}

impl Mentions {
    pub(crate) const ALL: Self =
        Self { device: true, certificate: true, session: true, threat: true, request: true, now: true };

    pub(crate) fn of<'a>(conditions: impl Iterator<Item = &'a Expr>) -> Self {
        let mut mentions = Self::default();
        conditions.for_each(|condition| mentions.visit(condition));
        mentions
    }

    fn visit(&mut self, expr: &Expr) {
        let part = match expr {
            Expr::GetAttr { expr, attr } if is_context(expr) => Some(attr.as_str()),
            Expr::HasAttr { expr, attrs } if is_context(expr) => Some(attrs.first().as_str()),
            _ => None,
        };
        match (part, children(expr)) {
            (Some(part), _) => self.mention(part),
            // The context as a whole, and what is not understood here, may show anything.
            (None, None) => *self = Self::ALL,
            (None, Some(_)) if is_context(expr) => *self = Self::ALL,
            (None, Some(children)) => children.into_iter().for_each(|child| self.visit(child)),
        }
    }

    fn mention(&mut self, part: &str) {
        match part {
            "device" => self.device = true,
            "certificate" => self.certificate = true,
            "session" => self.session = true,
            "threat" => self.threat = true,
            "request" => self.request = true,
            "now" => self.now = true,
            _ => *self = Self::ALL,
        }
    }
}

fn is_context(expr: &Expr) -> bool {
    matches!(expr, Expr::Var(Var::Context))
}

#[cfg(test)]
mod tests {
    use crate::mentions::Mentions;
    use crate::syntax::expression;
    use crate::tests::source;

    fn mentions(condition: &str) -> Vec<bool> {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        let policies = crate::load::parse_policies(&[source(&text)]).unwrap();
        let clauses = policies.iter().flat_map(|policy| policy.syntax.body().clauses());
        let Mentions { device, certificate, session, request, now, .. } = Mentions::of(clauses.map(expression));
        vec![device, certificate, session, request, now]
    }

    #[test]
    fn parts_are_found_wherever_they_stand() {
        assert_eq!(mentions("resource.sensitivity == \"low\""), [false; 5]);
        assert_eq!(
            mentions("context has device.risk && context.device.risk == \"low\""),
            [true, false, false, false, false]
        );
        assert_eq!(
            mentions("if context has session then true else context.request.path like \"/a\""),
            [false, false, true, true, false]
        );
        assert_eq!(
            mentions("[context.certificate.serial].contains(\"1\") || context.now > datetime(\"2026-01-01\")"),
            [false, true, false, false, true]
        );
    }

    #[test]
    fn the_context_as_a_whole_mentions_everything() {
        assert_eq!(mentions("context == context"), [true; 5]);
        assert_eq!(mentions("[context].isEmpty()"), [true; 5]);
    }
}
