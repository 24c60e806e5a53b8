//! JSON objects in which no name stands twice.
//!
//! RFC 8259 leaves open which of two members of one name counts, so that two readers can read two things (RFC 7519 §4).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// An object whose members, and theirs, have names of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct Object(Map<String, Value>);

impl Object {
    /// Reads an object.
    ///
    /// # Errors
    /// It is not JSON, no object, or has two members of one name anywhere.
    pub fn read(json: &[u8]) -> Result<Self, serde_json::Error> {
        match serde_json::from_slice(json)? {
            Unambiguous(Value::Object(members)) => Ok(Self(members)),
            Unambiguous(_) => Err(Error::custom("not an object")),
        }
    }

    /// Its members.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// A member that is there and not null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A member that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }
}

/// A value in which no object has two members of one name.
struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;
        impl<'de> Visitor<'de> for AnyValue {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_string<E>(self, value: String) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(Unambiguous(element)) = sequence.next_element()? {
                    elements.push(element);
                }
                Ok(elements.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut members = Map::new();
                while let Some((name, Unambiguous(value))) = map.next_entry::<String, _>()? {
                    if members.contains_key(&name) {
                        return Err(Error::custom(format!("duplicate field `{name}`")));
                    }
                    members.insert(name, value);
                }
                Ok(members.into())
            }
        }
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_at_every_depth() {
        let object = Object::read(br#"{"a": {"b": [1, -2, 2.5, null, true, {"a": "x"}]}, "c": "d"}"#).unwrap();
        assert_eq!(object.get("a").unwrap().to_string(), r#"{"b":[1,-2,2.5,null,true,{"a":"x"}]}"#);
        assert_eq!((object.text("c"), object.text("a"), object.text("z")), (Some("d"), None, None));
        for twice in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":[{"b":1,"\u0062":2}]}"#] {
            assert!(Object::read(twice.as_bytes()).unwrap_err().to_string().contains("duplicate field"), "{twice}");
        }
        for other in ["", "[]", "7", "\"a\"", "{\"a\"}", "{} {}", "{\"a\":1e999}"] {
            assert!(Object::read(other.as_bytes()).is_err(), "{other}");
        }
    }
}
