//! Which chains and keys are good.

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType, SerialNumber,
    date_time_ymd,
};
use rustls::pki_types::CertificateDer;

use crate::facts::trust::Trust;
use crate::facts::trust::testing::{Ca, NOW_MS, WeakKey, ca_params, leaf_params, trust};
use crate::reason::Reason;

fn changed(mut params: CertificateParams, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    change(&mut params);
    params
}

fn verdict(trust: &Trust, leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Result<(), Reason> {
    let verdict = trust.authenticate(leaf, intermediates, NOW_MS);
    if let Err(refused) = &verdict {
        assert!(refused.detail.len() <= 256 && !refused.detail.chars().any(char::is_control), "{}", refused.detail);
        assert_eq!(refused.presented.as_ref().unwrap().fingerprint.len(), 64);
    }
    verdict.map(|_| ()).map_err(|refused| refused.reason)
}

#[test]
fn a_good_certificate_is_read_whole() {
    let root = Ca::root("root");
    let certificate = trust(&[&root.certificate], &[]).authenticate(&root.issue(&leaf_params()), &[], NOW_MS).unwrap();
    assert_eq!(&*certificate.trust_domain, "staff");
    assert_eq!(&*certificate.subject, "CN=laptop");
    assert_eq!(&*certificate.issuer, "CN=root");
    assert_eq!(&*certificate.serial, "42");
    assert_eq!(certificate.names.uris, ["urn:device:d1"]);
    assert_eq!(certificate.names.emails, ["Alice@Example.org"]);
    assert_eq!(certificate.names.common_name.as_deref(), Some("laptop"));
    assert_eq!(certificate.chain.len(), 1);
}

#[test]
fn leaves() {
    let root = Ca::root("root");
    let trust = trust(&[&root.certificate], &[]);
    let san = |names: Vec<SanType>| changed(leaf_params(), |leaf| leaf.subject_alt_names = names);
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let rows = [
        ("good", leaf_params(), Ok(())),
        // Expiry is for `standing` to say, so that the page can be shown.
        ("expired", changed(leaf_params(), |leaf| leaf.not_after = date_time_ymd(2025, 3, 1)), Ok(())),
        (
            "not yet valid",
            changed(leaf_params(), |leaf| leaf.not_before = date_time_ymd(2025, 7, 1)),
            Err(Reason::CertificateNotYetValid),
        ),
        (
            "ends before it begins",
            changed(leaf_params(), |leaf| leaf.not_after = date_time_ymd(2024, 7, 1)),
            Err(Reason::CertificateMalformed),
        ),
        (
            "no purpose",
            changed(leaf_params(), |leaf| leaf.extended_key_usages.clear()),
            Err(Reason::CertificateWrongUsage),
        ),
        (
            "server's purpose",
            changed(leaf_params(), |leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            Err(Reason::CertificateWrongUsage),
        ),
        (
            "any purpose",
            changed(leaf_params(), |leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]),
            Err(Reason::CertificateWrongUsage),
        ),
        (
            "key may not sign",
            changed(leaf_params(), |leaf| leaf.key_usages = vec![KeyUsagePurpose::KeyEncipherment]),
            Err(Reason::CertificateWrongUsage),
        ),
        (
            "a CA as client",
            changed(leaf_params(), |leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            Err(Reason::CertificateWrongUsage),
        ),
        (
            "critical extension",
            changed(leaf_params(), |leaf| {
                let mut extension = rcgen::CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
                extension.set_criticality(true);
                leaf.custom_extensions.push(extension);
            }),
            Err(Reason::CertificateMalformed),
        ),
        ("control characters", san(vec![uri("urn:device:a\nb")]), Err(Reason::CertificateMalformed)),
        (
            "hidden characters",
            changed(leaf_params(), |leaf| leaf.distinguished_name.push(DnType::CommonName, "a\u{202e}b")),
            Err(Reason::CertificateMalformed),
        ),
        ("many names", san((0..65).map(|n| uri(&format!("urn:{n}"))).collect()), Err(Reason::CertificateMalformed)),
        ("long name", san(vec![uri(&"a".repeat(513))]), Err(Reason::CertificateMalformed)),
        ("huge", san(vec![uri(&"a".repeat(20_000))]), Err(Reason::CertificateMalformed)),
        (
            "long serial",
            changed(leaf_params(), |leaf| leaf.serial_number = Some(SerialNumber::from_slice(&[0x11; 21]))),
            Err(Reason::CertificateMalformed),
        ),
    ];
    for (name, params, expected) in rows {
        assert_eq!(verdict(&trust, &root.issue(&params), &[]), expected, "{name}");
    }
    assert_eq!(
        verdict(&trust, &root.issue_to(&leaf_params(), &WeakKey::new()), &[]),
        Err(Reason::CertificateWeakKey),
        "RSA of 1024 bits"
    );
    assert_eq!(verdict(&trust, &CertificateDer::from(vec![0x30, 3, 1]), &[]), Err(Reason::CertificateMalformed));
    assert_eq!(verdict(&trust, &root.issue(&leaf_params()), &vec![root.der(); 5]), Err(Reason::CertificateMalformed));
}

#[test]
fn unknown_issuers_are_untrusted() {
    let root = Ca::root("root");
    let trust = trust(&[&root.certificate], &[]);
    let namesake = Ca::root("root");
    let stranger = Ca::root("stranger");
    let self_signed = Ca::self_signed(leaf_params());
    let self_signed_ca = Ca::self_signed(changed(leaf_params(), |leaf| {
        leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }));
    for (name, leaf, intermediates) in [
        ("same name, other key", namesake.issue(&leaf_params()), vec![]),
        ("same name, sent along", namesake.issue(&leaf_params()), vec![namesake.der()]),
        ("stranger", stranger.issue(&leaf_params()), vec![stranger.der()]),
        ("self-signed", self_signed.der(), vec![]),
        ("self-signed CA", self_signed_ca.der(), vec![]),
    ] {
        assert_eq!(verdict(&trust, &leaf, &intermediates), Err(Reason::CertificateUntrusted), "{name}");
    }
}

#[test]
fn intermediates() {
    let root = Ca::root("root");
    let trust = trust(&[&root.certificate], &[]);
    let middle = || ca_params("middle");
    for (name, params, expected) in [
        ("good", middle(), Ok(())),
        (
            "expired",
            changed(middle(), |ca| ca.not_after = date_time_ymd(2025, 5, 1)),
            Err(Reason::CertificateIssuerInvalid),
        ),
        (
            "not yet valid",
            changed(middle(), |ca| ca.not_before = date_time_ymd(2025, 7, 1)),
            Err(Reason::CertificateIssuerInvalid),
        ),
        (
            "no keyCertSign",
            changed(middle(), |ca| ca.key_usages = vec![KeyUsagePurpose::CrlSign]),
            Err(Reason::CertificateIssuerInvalid),
        ),
        ("no keyUsage", changed(middle(), |ca| ca.key_usages.clear()), Err(Reason::CertificateIssuerInvalid)),
        ("no CA", changed(middle(), |ca| ca.is_ca = IsCa::ExplicitNoCa), Err(Reason::CertificateIssuerInvalid)),
        (
            "for servers only",
            changed(middle(), |ca| ca.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            Err(Reason::CertificateWrongUsage),
        ),
    ] {
        let ca = root.issue_ca(params);
        assert_eq!(verdict(&trust, &ca.issue(&leaf_params()), &[ca.der()]), expected, "{name}");
    }
    // The leaf had its time while the intermediate was valid; that the intermediate is not any more still counts.
    let ca = root.issue_ca(changed(middle(), |ca| ca.not_after = date_time_ymd(2025, 5, 1)));
    let leaf = ca.issue(&changed(leaf_params(), |leaf| leaf.not_after = date_time_ymd(2025, 4, 1)));
    assert_eq!(verdict(&trust, &leaf, &[ca.der()]), Err(Reason::CertificateIssuerInvalid));
}

#[test]
fn an_expired_root_vouches_for_nobody() {
    let root = Ca::self_signed(changed(ca_params("root"), |ca| ca.not_after = date_time_ymd(2025, 5, 1)));
    let trust = trust(&[&root.certificate], &[]);
    assert_eq!(verdict(&trust, &root.issue(&leaf_params()), &[]), Err(Reason::CertificateIssuerInvalid));
}

#[test]
fn a_renewed_root_is_found_beside_the_expired_one() {
    let expired = Ca::self_signed(changed(ca_params("root"), |ca| ca.not_after = date_time_ymd(2025, 5, 1)));
    let renewed = expired.with_certificate(&ca_params("root"));
    let trust = trust(&[&expired.certificate, &renewed], &[]);
    assert_eq!(verdict(&trust, &expired.issue(&leaf_params()), &[]), Ok(()));
}

#[test]
fn an_intermediate_of_the_bundle_need_not_be_sent() {
    let root = Ca::root("root");
    let middle = root.issue_ca(ca_params("middle"));
    let trust = trust(&[&middle.certificate, &root.certificate], &[]);
    let certificate = trust.authenticate(&middle.issue(&leaf_params()), &[], NOW_MS).unwrap();
    assert_eq!(certificate.chain.len(), 2, "the path goes on to the root, which can revoke the intermediate");
}

proptest! {
    #[test]
    fn mutated_certificates_never_pass_and_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        thread_local! {
            static SETUP: (Trust, CertificateDer<'static>) = {
                let root = Ca::root("root");
                (trust(&[&root.certificate], &[]), root.issue(&leaf_params()))
            };
        }
        SETUP.with(|(trust, leaf)| {
            let mut der = leaf.to_vec();
            for (place, byte) in &changes {
                let place = place.index(der.len());
                der[place] = *byte;
            }
            let same = der == leaf.as_ref();
            prop_assert_eq!(verdict(trust, &der.into(), &[]).is_ok(), same);
            Ok(())
        })?;
    }
}
