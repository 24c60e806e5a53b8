//! What `datetime("…")`, `duration("…")`, `decimal("…")` and `ip("…")` make of their text.

use cedar_policy::pst::UnaryOp;
use cedar_policy_core::ast::{Literal, Name, PartialValue, Value, ValueKind};
use cedar_policy_core::extensions::Extensions;

use super::address::{Address, Network};
use super::number::{Number, Unit};
use super::value::Term;

/// The term for a constructor with this text; `None` if it is none or the text is not good, which Cedar's validator refuses.
pub(crate) fn constructed(constructor: UnaryOp, text: &str) -> Option<Term> {
    let number = |unit, value| Some(Term::Number(unit, Number::Constant(value)));
    match constructor {
        UnaryOp::Datetime => number(Unit::Datetime, milliseconds(constructor, text)?),
        UnaryOp::Duration => number(Unit::Duration, milliseconds(constructor, text)?),
        UnaryOp::Decimal => number(Unit::Decimal, ten_thousandths(text)?),
        UnaryOp::Ip => Some(Term::Address(Address::Constant(Network::parse(text)?))),
        _ => None,
    }
}

/// The milliseconds of `datetime("…")`, since the Unix epoch, or of `duration("…")`, as Cedar reads them.
pub(crate) fn milliseconds(constructor: UnaryOp, text: &str) -> Option<i64> {
    let duration = match constructor {
        UnaryOp::Datetime => {
            let epoch = call("datetime", &["1970-01-01".into()])?;
            call("durationSince", &[call("datetime", &[text.into()])?, epoch])?
        }
        UnaryOp::Duration => call("duration", &[text.into()])?,
        _ => return None,
    };
    match call("toMilliseconds", &[duration])?.value {
        ValueKind::Lit(Literal::Long(value)) => Some(value),
        _ => None,
    }
}

/// Calls a function of Cedar's extensions.
fn call(function: &str, operands: &[Value]) -> Option<Value> {
    let name = Name::parse_unqualified_name(function).ok()?;
    match Extensions::all_available().func(&name).ok()?.call(operands).ok()? {
        PartialValue::Value(value) => Some(value),
        PartialValue::Residual(_) => None,
    }
}

/// Reads digits, a point, and one to four digits more.
fn ten_thousandths(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.')?;
    let scale = 10_i128.pow(4_u32.checked_sub(fraction.len().try_into().ok()?)?);
    let fraction = i128::from(fraction.parse::<u16>().ok()?).checked_mul(scale)?;
    let magnitude = i128::from(whole.parse::<i64>().ok()?).checked_mul(10_000)?;
    let value = if whole.starts_with('-') { magnitude.checked_sub(fraction) } else { magnitude.checked_add(fraction) };
    value?.try_into().ok()
}
