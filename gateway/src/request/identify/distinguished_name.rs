//! Distinguished names as text (RFC 4514).

use std::fmt::Write as _;

use x509_parser::asn1_rs::Oid;
use x509_parser::oid_registry::{
    OID_DOMAIN_COMPONENT, OID_USERID, OID_X509_COMMON_NAME, OID_X509_COUNTRY_NAME, OID_X509_LOCALITY_NAME,
    OID_X509_ORGANIZATION_NAME, OID_X509_ORGANIZATIONAL_UNIT, OID_X509_STATE_OR_PROVINCE_NAME,
};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::text::{hex, is_unprintable};

/// A name in the form of RFC 4514, most specific part first. Characters that cannot be shown are escaped, so two different
/// names never read alike.
pub fn distinguished_name(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> =
        name.iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = attribute.attr_type();
    let value = match attribute.as_str() {
        Ok(text) => escape(text),
        Err(_) => format!("#{}", hex(attribute.as_slice())),
    };
    match SHORT_NAMES.iter().find(|(known, _)| known == kind) {
        Some((_, short)) => format!("{short}={value}"),
        None => format!("{kind}={value}"),
    }
}

/// The short names that RFC 4514 gives to kinds of attributes.
const SHORT_NAMES: [(Oid<'static>, &str); 8] = [
    (OID_X509_COMMON_NAME, "CN"),
    (OID_X509_LOCALITY_NAME, "L"),
    (OID_X509_STATE_OR_PROVINCE_NAME, "ST"),
    (OID_X509_ORGANIZATION_NAME, "O"),
    (OID_X509_ORGANIZATIONAL_UNIT, "OU"),
    (OID_X509_COUNTRY_NAME, "C"),
    (OID_DOMAIN_COMPONENT, "DC"),
    (OID_USERID, "UID"),
];

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (place, c) in text.chars().enumerate() {
        let edge_space = c == ' ' && (place == 0 || place == last);
        if is_unprintable(c) {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\{byte:02x}");
            }
            continue;
        }
        if edge_space || (c == '#' && place == 0) || matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_are_escaped() {
        for (text, escaped) in [
            ("Alice", "Alice"),
            ("a,b+c=d", r"a\,b\+c\=d"),
            (" a ", r"\ a\ "),
            ("#a#", r"\#a#"),
            ("a\nb", r"a\0ab"),
            ("\u{202e}", r"\e2\80\ae"),
            ("", ""),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }
}
