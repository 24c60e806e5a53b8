//! Grounding changes no answer.

use crate::ground::{Ground, Subject};
use crate::model::in_force;
use crate::sample::Sampler;

use super::*;

/// Policies that speak of apps and actions in every way there is.
const POLICIES: &str = r#"
    permit (principal in Group::"staff", action == Action::"read", resource in AppGroup::"office")
        when { resource.sensitivity != "secret" };
    permit (principal is User, action in [Action::"write", Action::"approve"], resource is App in AppGroup::"office")
        when { context has device.owner && resource has owner && context.device.owner == resource.owner };
    permit (principal == Workload::"spiffe://example/billing", action, resource == App::"pay");
    permit (principal in Group::"audit", action, resource)
        when { if resource has owner then resource.owner like "al*" else action == Action::"read" };
    permit (principal, action, resource)
        when { [App::"wiki", App::"other"].contains(resource) && context has session && context.session.auth_age_s < 60 };
    permit (principal, action, resource is App)
        unless { resource in [AppGroup::"office", AppGroup::"lab"] || App::"pay".sensitivity == "secret" };
    forbid (principal, action, resource)
        when { !(resource has owner) && context has threat && !(resource == App::"wiki" && context.threat.list == "old") };
    forbid (principal is Workload, action, resource)
        when { ["secret", "confidential"].contains(resource.sensitivity) && context.request.path like "/people/*" };
    forbid (principal, action == Action::"approve", resource) unless { principal in Group::"staff" };
"#;

#[test]
fn grounding_changes_no_answer() {
    let world = World::new();
    let apps = world.apps();
    let whole = model(&apps, &[("a.cedar", POLICIES)]);
    let by_name = whole.apps();
    let (mut permitted, mut asked) = (0, 0);
    for (app, slice) in whole.slices() {
        for action in &whole.actions {
            for principal in action.principals() {
                let subject = Subject { app, action, principal };
                let grounds: Vec<Ground> =
                    in_force(&slice, subject, &by_name).into_iter().map(|(_, ground)| ground).collect();
                let text: Vec<&str> = grounds.iter().map(|ground| &*ground.text).collect();
                assert!(
                    text.iter().all(|text| !text.contains("resource.") && !text.contains("resource in")),
                    "{text:?}"
                );
                let grounded = model(&apps, &[("grounded.cedar", &text.join("\n"))]);
                for question in Sampler::new(subject, grounds.iter()).take(500) {
                    assert_eq!(whole.permits(&question), grounded.permits(&question), "{question:?}\n{text:#?}");
                    permitted += usize::from(whole.permits(&question));
                    asked += 1;
                }
            }
        }
    }
    assert_eq!(asked, 2 * 3 * 2 * 500);
    assert!((asked / 10..asked * 9 / 10).contains(&permitted), "{permitted} of {asked} are permitted");
}

#[test]
fn what_cannot_apply_drops_out_and_what_is_the_same_reads_the_same() {
    let world = World::new();
    let apps = world.apps();
    let policies = r#"
        forbid (principal, action, resource) when { resource.sensitivity == "secret" } unless { context has session };
        forbid (principal, action, resource in AppGroup::"office") unless { context has session };
        permit (principal is Workload, action, resource);
    "#;
    let model = model(&apps, &[("a.cedar", policies)]);
    let by_name = model.apps();
    let texts = |name: &str| -> Vec<Arc<str>> {
        let (app, slice) = model.slices().find(|(app, _)| app.name == name).unwrap();
        let action = model.actions.iter().find(|action| action.name == "read").unwrap();
        let subject = Subject { app, action, principal: gaccong_policy::PrincipalKind::User };
        in_force(&slice, subject, &by_name).into_iter().map(|(_, ground)| ground.text).collect()
    };
    let (wiki, pay) = (texts("wiki"), texts("pay"));
    assert_eq!((wiki.len(), pay.len()), (1, 2));
    assert_eq!((&wiki[0], &wiki[0]), (&pay[0], &pay[1]));
}
