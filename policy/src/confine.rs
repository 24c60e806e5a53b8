//! Confinement: what stands in the folder of an app may speak of that app only, so that the folder can be left to those
//! who answer for the app.

use cedar_policy::{EntityTypeName, EntityUid, ResourceConstraint};

use crate::diagnostic::{Diagnostic, Place};
use crate::load::Policy;
use crate::source::Source;

/// The folder of the apps' folders.
const APPS: &str = "apps/";

/// An error for each policy below `apps/NAME/` whose scope does not tie the resource to `App::"NAME"`, and for each
/// schema extension there.
pub(crate) fn check(policies: &[Policy], extensions: &[Source]) -> Vec<Diagnostic> {
    let policies = policies.iter().filter_map(policy);
    policies.chain(extensions.iter().filter_map(schema)).collect()
}

fn policy(policy: &Policy) -> Option<Diagnostic> {
    let app = app_of(&policy.place.source)?;
    let is_own = |uid: &EntityUid| is_app(uid.type_name()) && uid.id().unescaped() == app;
    let tied = match policy.cedar.resource_constraint() {
        ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) => is_own(&uid),
        ResourceConstraint::IsIn(kind, uid) => is_app(&kind) && is_own(&uid),
        ResourceConstraint::Any | ResourceConstraint::Is(_) => false,
    };
    let message = format!("the policy `{}` is in the folder of the app `{app}` and speaks of others", policy.id);
    let remedy = format!("write `resource == App::\"{app}\"` in its scope, or move it out of `{APPS}`");
    (!tied).then(|| Diagnostic::new(Some(policy.place.clone()), message).remedy(remedy))
}

/// A schema extension would hold for all apps.
fn schema(source: &Source) -> Option<Diagnostic> {
    app_of(&source.name)?;
    let place = Place { source: source.name.as_str().into(), line: 1, column: 1 };
    let message = "a schema extension holds for every app, and this one is in the folder of one";
    Some(Diagnostic::new(Some(place), message).remedy(format!("move it out of `{APPS}`")))
}

fn is_app(kind: &EntityTypeName) -> bool {
    kind.to_string() == "App"
}

/// The app in whose folder a file is: `payroll` of `apps/payroll/clerks.cedar`.
fn app_of(name: &str) -> Option<&str> {
    Some(name.strip_prefix(APPS)?.split_once('/')?.0)
}

#[cfg(test)]
mod tests {
    use crate::{PolicySet, Source, Sources, Vocabulary};

    fn errors_of(name: &str, text: &str) -> Vec<String> {
        let source = Source { name: name.to_owned(), text: text.to_owned() };
        let mut sources = Sources::default();
        match name.ends_with(".cedar") {
            true => sources.policies.push(source),
            false => sources.schema_extensions.push(source),
        }
        let loaded = PolicySet::load(&sources, &Vocabulary::default());
        loaded.err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn policies_in_the_folder_of_an_app_speak_of_it_only() {
        let permit = |resource: &str| format!("permit (principal, action, {resource});");
        for own in ["resource == App::\"wiki\"", "resource in App::\"wiki\"", "resource is App in App::\"wiki\""] {
            assert_eq!(errors_of("apps/wiki/a.cedar", &permit(own)), [""; 0], "{own}");
        }
        let others = [
            "resource",
            "resource is App",
            "resource == App::\"payroll\"",
            "resource in AppGroup::\"wiki\"",
            "resource is App in AppGroup::\"wiki\"",
        ];
        for other in others {
            for file in ["apps/wiki/a.cedar", "apps/wiki/more/a.cedar"] {
                let found = errors_of(file, &permit(other));
                assert_eq!(found.len(), 1, "{other}: {found:?}");
                assert!(found[0].starts_with(&format!("{file}:1:1: the policy `")), "{found:?}");
                assert!(found[0].contains("write `resource == App::\"wiki\"` in its scope"), "{found:?}");
            }
            for file in ["a.cedar", "apps/a.cedar", "global/apps/wiki/a.cedar"] {
                assert_eq!(errors_of(file, &permit(other)), [""; 0], "{file}: {other}");
            }
        }
    }

    #[test]
    fn a_forbid_is_confined_too() {
        let found = errors_of("apps/wiki/a.cedar", "@id(\"f\")\nforbid (principal, action, resource);");
        assert!(found[0].contains("the policy `f` is in the folder of the app `wiki`"), "{found:?}");
    }

    #[test]
    fn a_schema_in_the_folder_of_an_app_is_refused() {
        let found = errors_of("apps/wiki/a.cedarschema", "entity Site;");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("apps/wiki/a.cedarschema:1:1: a schema extension holds for every app"),
            "{found:?}"
        );
    }
}
