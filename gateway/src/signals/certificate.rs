//! A certificate as an event names it: by issuer and serial number, in a text that each transmitter writes in its own way.

use crate::config::SerialBase;
use crate::request::identify::certificate::MAX_SERIAL_BYTES;

/// The longest distinguished name that is read, in bytes.
const MAX_ISSUER_BYTES: usize = 1_024;

/// The id of the certificate here: `ISSUER|SERIAL` ([`crate::state::subject`]). `None` where the texts are no name or no
/// number.
pub fn id(issuer: &str, serial: &str, base: SerialBase) -> Option<String> {
    let serial = match base {
        SerialBase::Hexadecimal => hexadecimal(serial),
        SerialBase::Decimal => decimal(serial),
    }?;
    Some(format!("{}|{serial}", distinguished_name(issuer)?))
}

/// A distinguished name (RFC 4514) without what its writers add: spaces around the parts, types in lower case. The order of
/// its parts is not changed: which one is right, nobody could say.
fn distinguished_name(text: &str) -> Option<String> {
    if text.len() > MAX_ISSUER_BYTES || !text.contains('=') {
        return None;
    }
    let mut name = String::with_capacity(text.len());
    for part in parts(text) {
        let (kind, value) = part.trim().split_once('=')?;
        if !name.is_empty() {
            name.push(',');
        }
        name.push_str(&kind.trim().to_ascii_uppercase());
        name.push('=');
        name.push_str(value.trim());
    }
    Some(name)
}

/// The text between commas that are not escaped.
fn parts(text: &str) -> Vec<&str> {
    let mut escaped = false;
    text.split(|c| {
        let ends = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })
    .collect()
}

/// `0A:3F`, `0x0a3f`, `0a3f`: lower-case digits, two a byte, without leading zero bytes.
fn hexadecimal(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase().replace([':', ' '], "");
    let digits = text.strip_prefix("0x").unwrap_or(&text).trim_start_matches('0');
    let good =
        !text.is_empty() && digits.len() <= MAX_SERIAL_BYTES * 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    good.then(|| if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() })
}

/// A decimal number as hexadecimal digits: long multiplication, least significant byte first.
fn decimal(text: &str) -> Option<String> {
    let text = text.trim();
    let mut bytes: Vec<u8> = Vec::new();
    for digit in text.chars() {
        let mut carry = digit.to_digit(10)?;
        for byte in &mut bytes {
            let product = u32::from(*byte) * 10 + carry;
            // The low byte stays, the rest is carried.
            *byte = (product & 0xff) as u8;
            carry = product >> 8;
        }
        bytes.extend(u8::try_from(carry).ok().filter(|carry| *carry > 0));
        if bytes.len() > MAX_SERIAL_BYTES {
            return None;
        }
    }
    (!text.is_empty()).then(|| bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_ours_are() {
        for (text, name) in [
            ("CN=Staff CA,O=Example,C=VN", Some("CN=Staff CA,O=Example,C=VN")),
            ("cn=Staff CA, o=Example , C = VN", Some("CN=Staff CA,O=Example,C=VN")),
            (r"CN=a\,b, O=c", Some(r"CN=a\,b,O=c")),
            (r"CN=a\\,O=c", Some(r"CN=a\\,O=c")),
            ("Staff CA", None),
            ("", None),
            ("CN=a,,O=b", None),
        ] {
            let expected = name.map(|name| format!("{name}|0a"));
            assert_eq!(id(text, "0a", SerialBase::Hexadecimal), expected, "{text}");
        }
        assert_eq!(id(&format!("CN={}", "x".repeat(2000)), "0a", SerialBase::Hexadecimal), None);
    }

    #[test]
    fn serial_numbers_are_written_as_ours_are() {
        for (text, base, number) in [
            ("0A:3F", SerialBase::Hexadecimal, Some("0a3f")),
            ("0x000a3f", SerialBase::Hexadecimal, Some("0a3f")),
            ("a3f", SerialBase::Hexadecimal, Some("0a3f")),
            ("2623", SerialBase::Decimal, Some("0a3f")),
            ("255", SerialBase::Decimal, Some("ff")),
            ("256", SerialBase::Decimal, Some("0100")),
            ("340282366920938463463374607431768211455", SerialBase::Decimal, Some("ffffffffffffffffffffffffffffffff")),
            ("", SerialBase::Hexadecimal, None),
            ("", SerialBase::Decimal, None),
            ("0xzz", SerialBase::Hexadecimal, None),
            ("a3f", SerialBase::Decimal, None),
            ("-1", SerialBase::Decimal, None),
            (&"f".repeat(41), SerialBase::Hexadecimal, None),
            (&"9".repeat(60), SerialBase::Decimal, None),
        ] {
            let expected = number.map(|number| format!("CN=a|{number}"));
            assert_eq!(id("CN=a", text, base), expected, "{text}");
        }
    }
}
