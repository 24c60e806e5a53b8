//! What `datetime("…")` and `duration("…")` are worth, according to Cedar.

use cedar_policy_core::ast::{Literal, Name, PartialValue, Value, ValueKind};
use cedar_policy_core::extensions::Extensions;

/// The milliseconds of a constructed time (since the Unix epoch) or duration; `None` for what is neither.
pub(crate) fn milliseconds(constructor: &str, text: &str) -> Option<i64> {
    let duration = match constructor {
        "duration" => call("duration", &[text.into()])?,
        "datetime" => {
            call("durationSince", &[call("datetime", &[text.into()])?, call("datetime", &["1970-01-01".into()])?])?
        }
        _ => return None,
    };
    match call("toMilliseconds", &[duration])?.value {
        ValueKind::Lit(Literal::Long(ms)) => Some(ms),
        _ => None,
    }
}

fn call(function: &str, arguments: &[Value]) -> Option<Value> {
    let name: Name = function.parse().ok()?;
    match Extensions::all_available().func(&name).ok()?.call(arguments).ok()? {
        PartialValue::Value(value) => Some(value),
        PartialValue::Residual(_) => None,
    }
}
