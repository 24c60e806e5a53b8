//! What a row says about a fact. osquery gives every value as a string, or as a number where it was told so
//! (`--logger_numerics`).

use serde_json::{Map, Value};

use crate::facts::posture::{FactName, FactValue};

/// A row: values by the names of their columns.
pub type Row = Map<String, Value>;

/// A value that is none of the fact's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// The longest text that a posture may hold.
const MAX_TEXT_BYTES: usize = 256;

/// More days than this are no age of a patch.
const MAX_DAYS: i64 = 100_000;

/// The value of the column that is named after a fact; nothing where osquery did not know it.
pub(super) fn value(name: FactName, row: &Row) -> Result<Option<FactValue>, Malformed> {
    let text = match row.get(name.as_str()) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err(Malformed),
    };
    match text.is_empty() {
        true => Ok(None),
        false => parse(name, &text).map(Some).ok_or(Malformed),
    }
}

fn parse(name: FactName, text: &str) -> Option<FactValue> {
    match name {
        FactName::Platform => ["windows", "macos", "linux"].contains(&text).then(|| FactValue::Text(text.into())),
        FactName::OsVersion => (text.len() <= MAX_TEXT_BYTES).then(|| FactValue::Text(text.into())),
        FactName::PatchAgeDays => {
            // A clock that was set back makes an age negative.
            let days: i64 = text.parse().ok()?;
            (days <= MAX_DAYS).then_some(FactValue::Long(days.max(0)))
        }
        FactName::Managed | FactName::Compliant | FactName::Risk => None,
        _ => match text {
            "1" => Some(FactValue::Bool(true)),
            "0" => Some(FactValue::Bool(false)),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_and_facts() {
        let yes = FactValue::Bool(true);
        let cases = [
            (FactName::Firewall, json!("1"), Ok(Some(yes.clone()))),
            (FactName::Firewall, json!("0"), Ok(Some(FactValue::Bool(false)))),
            (FactName::Firewall, json!(1), Ok(Some(yes))),
            (FactName::Firewall, json!(""), Ok(None)),
            (FactName::Firewall, json!(null), Ok(None)),
            (FactName::Firewall, json!("2"), Err(Malformed)),
            (FactName::Firewall, json!("-1"), Err(Malformed)),
            (FactName::Firewall, json!("yes"), Err(Malformed)),
            (FactName::Firewall, json!(true), Err(Malformed)),
            (FactName::Firewall, json!(["1"]), Err(Malformed)),
            (FactName::PatchAgeDays, json!("12"), Ok(Some(FactValue::Long(12)))),
            (FactName::PatchAgeDays, json!(12), Ok(Some(FactValue::Long(12)))),
            (FactName::PatchAgeDays, json!("-1"), Ok(Some(FactValue::Long(0)))),
            (FactName::PatchAgeDays, json!("12.5"), Err(Malformed)),
            (FactName::PatchAgeDays, json!("99999999999999999999"), Err(Malformed)),
            (FactName::PatchAgeDays, json!("20000000"), Err(Malformed)),
            (FactName::Platform, json!("macos"), Ok(Some(FactValue::Text("macos".into())))),
            (FactName::Platform, json!("darwin"), Err(Malformed)),
            (FactName::OsVersion, json!("ubuntu 24.04.1"), Ok(Some(FactValue::Text("ubuntu 24.04.1".into())))),
            (FactName::OsVersion, json!("x".repeat(257)), Err(Malformed)),
            (FactName::Compliant, json!("1"), Err(Malformed)),
        ];
        for (name, given, expected) in cases {
            let row = json!({name.as_str(): given, "other": "1"});
            assert_eq!(value(name, row.as_object().unwrap()), expected, "{} {row}", name.as_str());
        }
        assert_eq!(value(FactName::Firewall, json!({"other": "1"}).as_object().unwrap()), Ok(None));
    }
}
