//! Who does what a refusal says is let in.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Conditions that a better device, or nothing in the person's reach, makes true.
const CONDITIONS: &[&str] = &[
    "context has device.disk_encrypted && context.device.disk_encrypted",
    "context has device && context.device has firewall && context.device.firewall == true",
    "!(context has device.firewall) || context.device.firewall",
    "context has device.patch_age_days && context.device.patch_age_days <= 30",
    "context has device.patch_age_days && !(context.device.patch_age_days >= 10)",
    "if context has device.compliant then context.device.compliant else false",
    "context.request.method == \"PUT\" || (context has device.edr_running && context.device.edr_running)",
    "context has device.risk && context.device.risk == \"low\"",
    "principal in Group::\"staff\"",
];

fn policy() -> impl Strategy<Value = String> {
    (0..3_usize, prop::collection::vec(select(CONDITIONS), 1..4)).prop_map(|(form, conditions)| {
        let all: Vec<_> = conditions.iter().map(|condition| format!("({condition})")).collect();
        let all = all.join(" && ");
        match form {
            0 => format!("permit (principal, action, resource) when {{ {all} }};"),
            1 => format!("forbid (principal, action, resource) unless {{ {all} }};"),
            _ => format!("forbid (principal, action, resource) when {{ !({all}) }};"),
        }
    })
}

fn device() -> impl Strategy<Value = Device<'static>> {
    let fact = || prop::option::of(any::<bool>());
    let facts = (fact(), fact(), fact(), fact());
    (facts, prop::option::of(0..60_i64), prop::option::of(select(vec!["low", "high"]))).prop_map(
        |((disk_encrypted, firewall, compliant, edr_running), patch_age_days, risk)| Device {
            id: "laptop",
            disk_encrypted,
            firewall,
            compliant,
            edr_running,
            patch_age_days,
            risk,
            ..Device::default()
        },
    )
}

fn mend(device: &mut Device<'_>, remedy: &Remedy) {
    match remedy {
        Remedy::DiskEncrypted => device.disk_encrypted = Some(true),
        Remedy::Firewall => device.firewall = Some(true),
        Remedy::Compliant => device.compliant = Some(true),
        Remedy::EdrRunning => device.edr_running = Some(true),
        Remedy::PatchAgeDays { max, .. } => device.patch_age_days = Some(*max),
        Remedy::Reported => {
            device.patch_age_days.get_or_insert(0);
            for fact in
                [&mut device.disk_encrypted, &mut device.firewall, &mut device.compliant, &mut device.edr_running]
            {
                fact.get_or_insert(true);
            }
        }
        other => panic!("no condition speaks of {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn what_can_be_mended_is_enough(
        policies in prop::collection::vec(policy(), 1..5),
        device in device(),
        is_staff in any::<bool>(),
    ) {
        let set = set(&policies.join("\n"));
        let groups = groups(if is_staff { &["staff"] } else { &[] });
        let mut question = question(&groups);
        question.context.device = Some(device);
        let explanation = set.explain(&question);
        let permitted = |question: &Question<'_>| matches!(set.decide(question, Mode::Enforce), Decision::Permit(_));
        prop_assert_eq!(explanation.refused.is_none(), permitted(&question));
        prop_assert!(explanation.forbids.iter().all(Considered::applies));
        let remedies = explanation.mendable();
        for remedy in &remedies {
            question.context.device.iter_mut().for_each(|device| mend(device, remedy));
        }
        prop_assert!(remedies.is_empty() || permitted(&question), "{remedies:?} for\n{}", policies.join("\n"));
    }
}
