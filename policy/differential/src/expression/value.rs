//! Numbers, times, durations, records and sets made of others.

use arbitrary::Result;

use super::{Author, Type};

impl Author<'_, '_> {
    pub(super) fn number(&mut self) -> Result<String> {
        Ok(match self.bytes.int_in_range(0..=6_u8)? {
            0 | 1 => format!("({} + {})", self.of(Type::Long)?, self.of(Type::Long)?),
            2 => format!("({} - {})", self.of(Type::Long)?, self.of(Type::Long)?),
            3 => format!("({} * {})", self.of(Type::Long)?, self.of(Type::Long)?),
            4 => format!("-({})", self.of(Type::Long)?),
            _ => {
                let unit = *self.bytes.choose(&["toMilliseconds", "toSeconds", "toMinutes", "toHours", "toDays"])?;
                format!("{}.{unit}()", self.of(Type::Duration)?)
            }
        })
    }

    pub(super) fn datetime(&mut self) -> Result<String> {
        let datetime = self.of(Type::Datetime)?;
        Ok(match self.bytes.int_in_range(0..=3_u8)? {
            0 => format!("{datetime}.toDate()"),
            _ => format!("{datetime}.offset({})", self.of(Type::Duration)?),
        })
    }

    pub(super) fn duration(&mut self) -> Result<String> {
        let datetime = self.of(Type::Datetime)?;
        Ok(match self.bytes.int_in_range(0..=2_u8)? {
            0 => format!("{datetime}.toTime()"),
            _ => format!("{datetime}.durationSince({})", self.of(Type::Datetime)?),
        })
    }

    pub(super) fn record(&mut self) -> Result<String> {
        let (number, text) = (self.leaf(Type::Long)?, self.leaf(Type::Text)?);
        Ok(format!("{{number: {number}, \"a text\": {text}, inner: {{flag: {}}}}}", self.leaf(Type::Bool)?))
    }

    /// A set of at least one element, since strict validation knows no type for an empty literal.
    pub(super) fn set(&mut self, kind: Type) -> Result<String> {
        if self.depth > 0 && self.bytes.ratio(1, 8)? {
            let test = self.of(Type::Bool)?;
            return Ok(format!("(if {test} then {} else {})", self.elements(kind)?, self.elements(kind)?));
        }
        self.elements(kind)
    }

    fn elements(&mut self, kind: Type) -> Result<String> {
        let count = self.bytes.int_in_range(1..=4_u8)?;
        let elements = (0..count).map(|_| if self.bytes.ratio(1, 4)? { self.of(kind) } else { self.leaf(kind) });
        Ok(format!("[{}]", elements.collect::<Result<Vec<_>>>()?.join(", ")))
    }
}
