//! Two policy sets compared, by proof and by samples.

use super::*;

const OLD: &str = r#"
    @id("wiki") permit (principal in Group::"staff", action, resource == App::"wiki");
    @id("pay") permit (principal in Group::"accounting", action == Action::"read", resource == App::"pay")
        when { context has session && context.session.auth_age_s <= 900 };
    @id("managed") forbid (principal, action, resource == App::"pay")
        unless { context has device.managed && context.device.managed };
"#;

fn changes(new: &str, settings: Option<&Settings>) -> Vec<Change> {
    let world = World::new();
    let apps = world.apps();
    let (old, new) = (model(&apps, &[("a.cedar", OLD)]), model(&apps, &[("a.cedar", new)]));
    let changes = diff(&old, &new, settings, &|_, _| {}).unwrap();
    for change in &changes {
        assert!(change.loosened.iter().all(|it| new.permits(it) && !old.permits(it)), "{change:?}");
        assert!(change.tightened.iter().all(|it| old.permits(it) && !new.permits(it)), "{change:?}");
    }
    changes
}

/// What happens to reading `pay`, once proven and once sampled. Writing and `wiki` stay as they are.
fn relation(from: &str, to: &str) -> Relation {
    assert!(OLD.contains(from));
    let new = OLD.replace(from, to);
    let relations = [Some(settings()), None].map(|settings| {
        let changes = changes(&new, settings.as_ref());
        let (pay, others): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| (change.app.as_str(), change.action.as_str()) == ("pay", "read"));
        assert!(
            others.iter().all(|change| change.relation == Relation::Same && change.basis == Basis::Text),
            "{others:?}"
        );
        assert_eq!(pay[0].basis, if settings.is_some() { Basis::Proof } else { Basis::Samples });
        pay[0].relation
    });
    assert_eq!(relations[0], relations[1]);
    relations[0]
}

#[test]
fn a_later_limit_is_looser_and_an_earlier_one_stricter() {
    assert_eq!(relation("<= 900", "<= 901"), Relation::Looser);
    assert_eq!(relation("<= 900", "<= 899"), Relation::Stricter);
    assert_eq!(relation("<= 900", "< 901"), Relation::Same);
}

#[test]
fn another_group_is_incomparable() {
    assert_eq!(relation("accounting", "auditors"), Relation::Incomparable);
}

#[test]
fn an_exception_is_a_loosening_with_a_witness() {
    let new = OLD.replace("unless {", "unless { context.request.path == \"/public\" ||");
    let changes = changes(&new, Some(&settings()));
    let pay = changes.iter().find(|change| change.app == "pay" && change.action == "read").unwrap();
    assert_eq!((pay.relation, &*pay.loosened.as_ref().unwrap().context.request.path), (Relation::Looser, "/public"));
}

#[test]
fn nothing_but_names_changed() {
    let changes = changes(&OLD.replace("@id(\"", "@id(\"new-"), None);
    assert_eq!(changes.len(), 6);
    assert!(changes.iter().all(|change| (change.relation, change.basis) == (Relation::Same, Basis::Text)));
}

#[test]
fn samples_stand_in_for_a_solver_that_dies() {
    let (settings, _dir) = with_script("#!/bin/sh\nexit 7\n", Duration::from_secs(60));
    let changes = changes(&OLD.replace("<= 900", "<= 1800"), Some(&settings));
    let pay = changes.iter().find(|change| change.app == "pay" && change.action == "read").unwrap();
    assert_eq!((pay.relation, pay.basis), (Relation::Looser, Basis::Samples));
    assert!(pay.undecided.as_ref().unwrap().contains("the solver failed"));
}
