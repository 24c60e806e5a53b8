//! The demo's certificates: three small CAs and one certificate of each kind that the tour needs.

use std::path::Path;

use super::DemoError;
use super::folder::P12_PASSWORD;
use crate::pki::{
    Authority, AuthorityRequest, KeyKind, LeafRequest, Name, Purpose, Revocation, RevocationReason, Validity, now,
};

/// How long the demo's certificates are valid.
pub(super) const VALID_DAYS: u32 = 365;

/// The CAs began before the certificate that is to be expired.
const CA_BEGAN_DAYS_AGO: u32 = 60;

/// How long a revocation list holds; a new one is written at every start.
const CRL_DAYS: u32 = 7;

/// Makes `pki/` and `certs/` in `dir`.
pub(super) fn make(dir: &Path) -> Result<(), DemoError> {
    let servers = authority(dir, "servers", "Gác Cổng demo: servers")?;
    let laptops = authority(dir, "laptops", "Gác Cổng demo: laptops")?;
    let services = authority(dir, "services", "Gác Cổng demo: services")?;
    let valid = Validity::days(VALID_DAYS);

    // `intranet.localhost` is of the certificate but of no app: the tour asks for it.
    let hosts = ["payroll.localhost", "wiki.localhost", "intranet.localhost", "control.localhost", "localhost"];
    issue(dir, &servers, "server", Purpose::Server, hosts.map(|host| Name::Dns(host.to_owned())).to_vec(), valid)?;

    issue(dir, &laptops, "alice", Purpose::Client, laptop("laptop-alice", Some("alice@example.org")), valid)?;
    issue(dir, &laptops, "bob", Purpose::Client, laptop("laptop-bob", Some("bob@example.org")), valid)?;
    issue(dir, &laptops, "kiosk", Purpose::Client, laptop("kiosk-lobby", None), valid)?;
    let past = Validity::past_days(30, 1);
    issue(dir, &laptops, "expired", Purpose::Client, laptop("laptop-alice", Some("alice@example.org")), past)?;
    issue(dir, &laptops, "revoked", Purpose::Client, laptop("laptop-lost", Some("alice@example.org")), valid)?;
    revoke_last(&laptops)?;

    for service in ["reports", "soc"] {
        let spiffe_id = vec![Name::Uri(format!("spiffe://demo.local/{service}"))];
        issue(dir, &services, service, Purpose::Client, spiffe_id, valid)?;
    }
    renew_lists(dir)
}

/// Writes the revocation lists again, so that they are not past their end.
pub(super) fn renew_lists(dir: &Path) -> Result<(), DemoError> {
    for name in ["laptops", "services"] {
        Authority::open(&dir.join("pki").join(name))?.write_crl(Validity::days(CRL_DAYS))?;
    }
    Ok(())
}

fn authority(dir: &Path, folder: &str, name: &str) -> Result<Authority, DemoError> {
    let validity =
        Validity { not_before: Validity::past_days(CA_BEGAN_DAYS_AGO, 0).not_before, ..Validity::days(VALID_DAYS) };
    let request = AuthorityRequest { name: name.to_owned(), validity, key: KeyKind::P256 };
    Ok(Authority::create(&dir.join("pki").join(folder), &request)?)
}

fn laptop(device: &str, person: Option<&str>) -> Vec<Name> {
    let mut names = vec![Name::CommonName(device.to_owned()), Name::Uri(format!("urn:gaccong:device:{device}"))];
    names.extend(person.map(|email| Name::Email(email.to_owned())));
    names
}

fn issue(
    dir: &Path,
    authority: &Authority,
    file: &str,
    purpose: Purpose,
    names: Vec<Name>,
    validity: Validity,
) -> Result<(), DemoError> {
    let issued = authority.issue(&LeafRequest { purpose, names, validity, key: KeyKind::P256 })?;
    let name = dir.join("certs").join(file);
    issued.write(&name, false)?;
    if file == "alice" {
        issued.write_p12(&name, P12_PASSWORD, false)?;
    }
    Ok(())
}

fn revoke_last(authority: &Authority) -> Result<(), DemoError> {
    if let Some(last) = authority.entries()?.pop() {
        let reason = RevocationReason::KeyCompromise;
        authority.revoke(&Revocation { serial: last.serial, reason, at: now() })?;
    }
    Ok(())
}
