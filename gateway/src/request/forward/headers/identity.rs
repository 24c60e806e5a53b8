//! Plain fields for upstreams that cannot verify an assertion: who asks, under names that the app chooses
//! (`[app.headers]`), and the client's certificate (RFC 9440).
//!
//! What a client sends under these names has been removed before, in every spelling.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::config::{IdentityHeader, IdentityValue};
use crate::request::decide::Asked;
use crate::request::forward::assertion::kind;
use crate::request::identify::Credential;

/// `Client-Cert`
const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");

/// The largest certificate that an upstream is sent, in bytes of DER: in base64 it is a third longer, and many servers
/// take 8 KiB a field.
const MAX_CLIENT_CERT_BYTES: usize = 4 * 1024;

/// The longest list of groups.
const MAX_GROUPS_BYTES: usize = 4 * 1024;

/// What is escaped (RFC 3986 §2.1) beside what is not ASCII: what has no place in a field, the escape itself, and white
/// space, which servers trim.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%').add(b' ');
/// In a list its separator too.
const ESCAPED_IN_LIST: &AsciiSet = &ESCAPED.add(b',');

/// Sets the fields that the app asks for. One about which nothing is known is absent.
pub(crate) fn insert(headers: &mut HeaderMap, asked: &Asked) {
    for header in &asked.app.headers {
        match header.value {
            IdentityValue::Groups => insert_groups(headers, header, asked),
            IdentityValue::Principal => insert_text(headers, header, Some(&asked.principal.id)),
            IdentityValue::Kind => insert_text(headers, header, Some(kind(asked.principal.kind))),
            IdentityValue::Device => insert_text(headers, header, asked.device.as_deref()),
            IdentityValue::AuthMethod => insert_text(headers, header, credential(asked).map(|it| it.method.as_str())),
            IdentityValue::Acr => insert_text(headers, header, credential(asked).and_then(|it| it.acr.as_deref())),
        }
    }
    if asked.app.client_cert
        && asked.certificate.der.len() <= MAX_CLIENT_CERT_BYTES
        && let Ok(value) = HeaderValue::try_from(format!(":{}:", STANDARD.encode(&asked.certificate.der)))
    {
        headers.insert(CLIENT_CERT, value);
    }
}

fn credential(asked: &Asked) -> Option<&Credential> {
    asked.credential.as_deref()
}

fn insert_text(headers: &mut HeaderMap, header: &IdentityHeader, text: Option<&str>) {
    let Some(text) = text else { return };
    if let Ok(value) = HeaderValue::try_from(utf8_percent_encode(text, ESCAPED).to_string()) {
        headers.insert(header.name.clone(), value);
    }
}

/// All groups, or how many there are: a part of them would be taken for all.
fn insert_groups(headers: &mut HeaderMap, header: &IdentityHeader, asked: &Asked) {
    let mut list = String::new();
    for group in &*asked.groups {
        if !list.is_empty() {
            list.push(',');
        }
        list.extend(utf8_percent_encode(group, ESCAPED_IN_LIST));
    }
    if list.len() > MAX_GROUPS_BYTES {
        headers.insert(header.overflow.clone(), HeaderValue::from(asked.groups.len()));
    } else if let Ok(value) = HeaderValue::try_from(list) {
        headers.insert(header.name.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::audit::fixtures;
    use crate::config::App;
    use crate::request::identify::{ClientCertificate, Subject};

    fn told(asked: Asked, headers: &[(&'static str, IdentityValue)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, IdentityValue)| IdentityHeader {
            name: HeaderName::from_static(name),
            overflow: format!("{name}-overflow").parse().unwrap(),
            value: *value,
        };
        let headers = headers.iter().map(header).collect();
        let app = App { headers, client_cert: true, ..(*asked.app).clone() };
        let mut told = HeaderMap::new();
        insert(&mut told, &Asked { app: Arc::new(app), ..asked });
        told
    }

    #[test]
    fn what_is_known_is_told() {
        let told = told(
            fixtures::asked(),
            &[
                ("x-remote-user", IdentityValue::Principal),
                ("x-kind", IdentityValue::Kind),
                ("x-groups", IdentityValue::Groups),
                ("x-device", IdentityValue::Device),
                ("x-acr", IdentityValue::Acr),
                ("x-how", IdentityValue::AuthMethod),
            ],
        );
        assert_eq!(told["x-remote-user"], "alice@example.org");
        assert_eq!(
            (&told["x-kind"], &told["x-groups"], &told["x-device"]),
            (
                &HeaderValue::from_static("user"),
                &HeaderValue::from_static("finance,staff"),
                &HeaderValue::from_static("laptop-17")
            )
        );
        assert!(!told.contains_key("x-acr") && !told.contains_key("x-how"));
    }

    #[test]
    fn every_name_is_a_field_value_that_can_be_read_back() {
        for (name, value) in [
            ("spiffe://prod.example/a_b~c?d=e", "spiffe://prod.example/a_b~c?d=e"),
            ("Nguyễn Văn A", "Nguy%E1%BB%85n%20V%C4%83n%20A"),
            (" a\r\nx-admin: 1", "%20a%0D%0Ax-admin:%201"),
            ("a%40b,c", "a%2540b,c"),
        ] {
            let principal = Subject { id: name.into(), ..fixtures::asked().principal };
            let told = told(Asked { principal, ..fixtures::asked() }, &[("x-user", IdentityValue::Principal)]);
            assert_eq!(told["x-user"], value);
            let read = percent_encoding::percent_decode_str(value).decode_utf8().unwrap();
            assert_eq!(read, name);
        }
        let groups = ["a,b".into(), "c d".into()].into();
        let told = told(Asked { groups, ..fixtures::asked() }, &[("x-groups", IdentityValue::Groups)]);
        assert_eq!(told["x-groups"], "a%2Cb,c%20d");
    }

    #[test]
    fn too_many_groups_are_counted() {
        let groups: Vec<Arc<str>> = (0..200).map(|n| format!("{n:0>100}").into()).collect();
        let told = told(Asked { groups: groups.into(), ..fixtures::asked() }, &[("x-groups", IdentityValue::Groups)]);
        assert_eq!((told.get("x-groups"), &told["x-groups-overflow"]), (None, &HeaderValue::from_static("200")));
    }

    #[test]
    fn the_certificate_is_a_byte_sequence() {
        let certificate = |bytes: usize| {
            Arc::new(ClientCertificate { der: vec![0xff; bytes].into(), ..(*fixtures::asked().certificate).clone() })
        };
        let small = told(Asked { certificate: certificate(3), ..fixtures::asked() }, &[]);
        assert_eq!(small["client-cert"], ":////:");
        let large = told(Asked { certificate: certificate(4_097), ..fixtures::asked() }, &[]);
        assert!(!large.contains_key("client-cert"));
    }
}
